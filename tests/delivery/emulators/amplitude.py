"""Amplitude's HTTP API V2 and its batch API, as amplitude.com/docs/apis/analytics describes them.

A request with a bad event takes nothing. V2 names the first event of each fault, the batch API all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.delivery.emulators import Emulator
from tests.delivery.emulators.poison import poisonous
from track_middleware.destinations import Answer, Call

#: Most bytes of a request, by path.
SIZES = {"/2/httpapi": 1_000_000, "/batch": 20_000_000}
OPERATIONS = {"$set", "$setOnce", "$add", "$append", "$prepend", "$unset", "$remove"}
INVALID_IDS = {
    "anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown", "", "{}", "lmy47d",
    "0", "-1", "00000000-0000-0000-0000-000000000000",
}  # fmt: skip
TYPES: Mapping[str, tuple[type, ...]] = {
    "user_id": (str,), "device_id": (str,), "event_type": (str,), "time": (int,),
    "event_properties": (dict,), "user_properties": (dict,), "groups": (dict,),
    "group_properties": (dict,), "$skip_user_properties_sync": (bool,), "app_version": (str,),
    "platform": (str,), "os_name": (str,), "os_version": (str,), "device_brand": (str,),
    "device_manufacturer": (str,), "device_model": (str,), "country": (str,), "language": (str,),
    "price": (int, float), "quantity": (int,), "revenue": (int, float), "productId": (str,),
    "revenueType": (str,), "currency": (str,), "ip": (str,), "session_id": (int,),
    "insert_id": (str,),
}  # fmt: skip


class Amplitude(Emulator):
    """``throttled`` are users and devices that are told to wait."""

    url = "amplitude://KEY"
    reason = "Invalid field values on some events: events with invalid fields"
    counted = ("track", "page", "screen", "identify", "group")
    passing = ("alias",)
    over_limit: Mapping[str, Any] = {"many": ["x" * 1_000] * 1_000}
    over_reason = "larger than"

    def __init__(self, api: str = "") -> None:
        super().__init__()
        self.url = f"amplitude://KEY?api={api}" if api else self.url
        self.throttled: set[str] = set()
        self._known: set[tuple[object, str]] = set()

    def __call__(self, call: Call) -> Answer:
        path = urlsplit(call.url).path
        assert call.method == "POST"
        assert call.headers["content-type"] == "application/json"
        if len(call.body) > SIZES[path]:
            return _error(413, "Payload too large")
        whole = json.loads(call.body)
        if "api_key" not in whole:
            return _error(400, "Request missing required field", missing_field="api_key")
        if whole["api_key"] != "KEY":
            return _error(400, f"Invalid API key: {whole['api_key']}")
        if len(whole["events"]) > 2_000:
            return _error(413, "Payload too large")
        return self._take(whole["events"], whole.get("options", {}), first=path != "/batch")

    def _take(
        self, events: list[dict[str, Any]], options: Mapping[str, Any], *, first: bool
    ) -> Answer:
        faults: dict[str, dict[str, list[int]]] = {}
        for index, event in enumerate(events):
            for kind, field in _faults(event, options.get("min_id_length", 5)):
                faults.setdefault(kind, {}).setdefault(field, []).append(index)
        if faults:
            named = {
                kind: {field: found[:1] if first else found for field, found in fields.items()}
                for kind, fields in faults.items()
            }
            return _error(400, "Invalid field values on some events", **named)
        slow = self._slow(events)
        if slow:
            return _error(429, "Too many requests for some devices and users", **slow)
        for event in events:
            self._ingest(event)
        return Answer(200, {}, json.dumps({"code": 200, "events_ingested": len(events)}).encode())

    def _slow(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """V2's way: the users and devices in full, of their events only the first."""
        named = {
            f"throttled_{kind}s": {
                event[f"{kind}_id"]: 31
                for event in events
                if event.get(f"{kind}_id") in self.throttled
            }
            for kind in ("user", "device")
        }
        slow = [
            index
            for index, event in enumerate(events)
            if {event.get("user_id"), event.get("device_id")} & self.throttled
        ]
        return {"eps_threshold": 30, "throttled_events": slow[:1], **named} if slow else {}

    def _ingest(self, event: Mapping[str, Any]) -> None:
        """Once by ``insert_id`` and device. What describes a group is half of the event that joined
        it, and counts with it."""
        key = event.get("device_id"), event["insert_id"]
        if key in self._known:
            return
        self._known.add(key)
        if event["event_type"] != "$groupidentify":
            self.taken.append(event["insert_id"])


def _faults(event: Mapping[str, Any], least: int) -> Iterator[tuple[str, str]]:
    """(kind of list, field) for all that the vendor finds wrong with an event."""
    for name in ("event_type", "insert_id"):
        if not event.get(name):
            yield "events_with_missing_fields", name
    ids = [event[name] for name in ("user_id", "device_id") if name in event]
    if not any(len(str(each)) >= least for each in ids):
        yield "events_with_missing_fields", "user_id"
    if any(str(each).lower() in INVALID_IDS for each in ids):
        yield "events_with_invalid_id_lengths", "user_id"
    for name, value in event.items():
        if type(value) not in TYPES.get(name, ()) or not _within_limits(value):
            yield "events_with_invalid_fields", name
    if "productId" in event and not {"revenue", "price"} & event.keys():
        yield "events_with_invalid_fields", "productId"
    changed = {"$identify": "user_properties", "$groupidentify": "group_properties"}
    changes = event.get(changed.get(event.get("event_type", ""), ""), {})
    if isinstance(changes, dict) and not changes.keys() <= OPERATIONS:
        yield "events_with_invalid_fields", "user_properties"
    if poisonous(event):
        yield "events_with_invalid_fields", "poison"


def _within_limits(value: Any, depth: int = 1) -> bool:
    if isinstance(value, str):
        return len(value) <= 1_024
    if not isinstance(value, (dict, list)):
        return True
    below = value.values() if isinstance(value, dict) else value
    names = value if isinstance(value, dict) else ()
    return (
        depth <= 40
        and all(len(name) <= 1_024 for name in names)
        and all(_within_limits(each, depth + 1) for each in below)
    )


def _error(code: int, error: str, **more: object) -> Answer:
    return Answer(code, {}, json.dumps({"code": code, "error": error, **more}).encode())


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {
    "amplitude": lambda folder: Amplitude(),
    "amplitude batch": lambda folder: Amplitude("batch"),
}
