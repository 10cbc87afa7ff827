"""A webhook of the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call


class Webhook(Emulator):
    url = "webhook+https://example.test/"
    reason = "HTTP 422: poison"
    counted = ("track", "page", "screen", "identify", "group", "alias")

    def __call__(self, call: Call) -> Answer:
        events = json.loads(call.body)["batch"]
        if any(POISON in each.get("properties", {}) for each in events):
            return Answer(422, {}, b"poison")
        self.take([each["messageId"] for each in events])
        return Answer(200)


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"webhook": lambda folder: Webhook()}
