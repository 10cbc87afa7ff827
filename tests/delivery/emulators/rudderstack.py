"""RudderStack's gateway: a batch is taken whole, by a 200, or refused whole, in its own words."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call

#: The gateway's default limit of a request.
LARGEST = 4_000 * 1024


class RudderStack(Emulator):
    url = "rudderstack://KEY@dataplane.test"
    reason = "HTTP 400: Event is not a valid rudder event"

    def __call__(self, call: Call) -> Answer:
        assert (call.method, call.url) == ("POST", "https://dataplane.test/v1/batch")
        problem, status = self._problem(call)
        if problem:
            return Answer(status, {}, problem.encode())
        self.take([each["messageId"] for each in json.loads(call.body)["batch"]])
        return Answer(200, {}, b"OK")

    def _problem(self, call: Call) -> tuple[str, int]:
        scheme, _, pair = call.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return "Failed to read writeKey from header", 401
        if base64.b64decode(pair) != b"KEY:":
            return "Invalid Write Key", 401
        try:
            batch = json.loads(call.body)["batch"]
        except (ValueError, TypeError, KeyError):
            return "Invalid JSON", 400
        if not batch:
            return "Empty batch payload", 400
        if not all(_is_event(each) for each in batch):
            return "Event is not a valid rudder event", 400
        if not all(each.get("userId") or each.get("anonymousId") for each in batch):
            return "Request neither has anonymousId nor userId", 400
        if len(call.body) > LARGEST:
            return "Request size exceeds max limit", 413
        return "", 200


def _is_event(message: Any) -> bool:
    if not isinstance(message, dict) or POISON in (message.get("properties") or {}):
        return False
    # An identify's traits are read from the context alone.
    return message["type"] != "identify" or "traits" in message["context"]


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"rudderstack": lambda folder: RudderStack()}
