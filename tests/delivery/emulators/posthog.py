"""PostHog's ``/batch/``: a batch that can be read is answered 200, also for events that are then
dropped; two events are one when uuid, name, time and distinct id are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call


class PostHog(Emulator):
    url = "posthog://KEY"
    reason = "HTTP 400: invalid event could not be processed"

    def __init__(self) -> None:
        super().__init__()
        self.known: set[tuple[str, ...]] = set()

    def __call__(self, call: Call) -> Answer:
        assert (call.method, call.url) == ("POST", "https://us.i.posthog.com/batch/")
        if len(call.body) > 20_000_000:
            return Answer(413, {}, b"length limit exceeded")
        try:
            whole = json.loads(call.body)
            batch = [_read(each) for each in whole["batch"]]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return Answer(400, {}, f"failed to parse request: {error}".encode())
        if whole.get("api_key") != "KEY":
            return Answer(401, {}, b"API key is not valid: not_a_known_key")
        if not batch:
            return Answer(400, {}, b"request holds no event")
        if any(POISON in each["properties"] or _size(each) > 1_000_000 for each in batch):
            return Answer(400, {}, b"invalid event could not be processed")
        for each in batch:
            self._ingest(each)
        return Answer(200, {}, b'{"status":"Ok"}')

    def _ingest(self, event: Mapping[str, Any]) -> None:
        if not event.get("event") or not event.get("distinct_id"):
            return
        key = tuple(event[name] for name in ("uuid", "event", "timestamp", "distinct_id"))
        if key not in self.known:
            self.known.add(key)
            self.taken.append(event["uuid"])


def _read(event: Any) -> dict[str, Any]:
    UUID(event["uuid"])
    datetime.fromisoformat(event["timestamp"])
    return {"properties": {}, **event}


def _size(event: Mapping[str, Any]) -> int:
    return len(json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode())


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"posthog": lambda folder: PostHog()}
