"""Segment's ``/v1/batch``: 400 for what is too large or no JSON, 200 for all else, even for what it
then drops."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call

KINDS = ("track", "page", "screen", "identify", "group", "alias")

TAKEN = Answer(200, {}, b'{"success":true}')


class Segment(Emulator):
    url = "segment://KEY"
    reason = "HTTP 400: poison"

    def __call__(self, call: Call) -> Answer:
        assert (call.method, call.url) == ("POST", "https://api.segment.io/v1/batch")
        assert call.headers["content-type"] == "application/json"
        try:
            whole = json.loads(call.body)
        except ValueError:
            return Answer(400, {}, b"malformed JSON")
        if call.headers.get("authorization") != _basic("KEY") or whole.get("writeKey") != "KEY":
            return Answer(401, {}, b"invalid write key")
        batch = whole["batch"]
        if len(call.body) > 500_000 or any(_size(each) > 32 << 10 for each in batch):
            return Answer(400, {}, b"Exceed payload limit")
        if any(POISON in (each.get("properties") or {}) for each in batch):
            return Answer(400, {}, b"poison")
        if len(batch) <= 2_500:
            self.take([each["messageId"] for each in batch if is_event(each)])
        return TAKEN


def is_event(message: Mapping[str, Any]) -> bool:
    """Whether Segment keeps a message that it has answered 200 for."""
    known = message.get("userId") or message.get("anonymousId")
    named = message.get("event") or message["type"] != "track"
    return bool(known and named and message["type"] in KINDS and len(message["messageId"]) < 100)


def _size(message: Mapping[str, Any]) -> int:
    return len(json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode())


def _basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"segment": lambda folder: Segment()}
