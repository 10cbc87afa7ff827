"""Heap's track."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call


class Heap(Emulator):
    url = "heap://APP"
    reason = "HTTP 400: poison"

    def __call__(self, call: Call) -> Answer:
        events = json.loads(call.body)["events"]
        if any(POISON in each["properties"] for each in events):
            return Answer(400, {}, b"poison")
        self.take([each["idempotency_key"] for each in events])
        return Answer(200)


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"heap": lambda folder: Heap()}
