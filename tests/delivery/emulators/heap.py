"""Heap's server-side API, as strict as developers.heap.io/reference is (track-1, bulk-track,
bulk-add-user-properties, identify-1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call

_EVENT = {"identity", "user_id", "event", "timestamp", "properties", "idempotency_key", "app_id"}
_KEYS = {
    "/api/track": {"app_id", "events"},
    "/api/add_user_properties": {"app_id", "users"},
    "/api/v1/identify": {"app_id", "identity", "user_id", "timestamp"},
}


def violations(url: str, body: bytes) -> list[str]:
    """What the vendor's documentation refuses about a request."""
    path, whole = urlsplit(url).path, json.loads(body)
    if path not in _KEYS:
        return [f"there is no {path}"]
    found = [f"unknown {key}" for key in whole.keys() - _KEYS[path]]
    if not isinstance(whole.get("app_id"), str) or not whole["app_id"]:
        found.append("app_id is a text")
    if path == "/api/v1/identify":
        late = _time(whole) if "timestamp" in whole else []
        return found + _identity(whole) + _user_id(whole) + late
    name, each = ("events", _track) if path == "/api/track" else ("users", _user)
    listed = whole.get(name)
    if not isinstance(listed, list) or not 1 <= len(listed) <= 1_000:
        return [*found, f"1 to 1,000 {name}"]
    return found + [wrong for item in listed for wrong in each(item)]


def _track(event: Mapping[str, Any]) -> list[str]:
    found = [f"unknown {key}" for key in event.keys() - _EVENT]
    if ("identity" in event) == ("user_id" in event):
        found.append("exactly one of identity and user_id")
    found += _identity(event) if "identity" in event else _user_id(event)
    name = event.get("event")
    if not isinstance(name, str) or not 1 <= len(name) <= 1024:
        found.append("event has 1 to 1024 characters")
    if not isinstance(event.get("idempotency_key"), str):
        found.append("idempotency_key is a text")
    return found + _time(event) + _properties(event, lists=True)


def _user(user: Mapping[str, Any]) -> list[str]:
    found = [f"unknown {key}" for key in user.keys() - {"identity", "properties"}]
    properties = user.get("properties")
    if isinstance(properties, dict) and any(key.lower() == "id" for key in properties):
        found.append("a property called id")
    return found + _identity(user) + _properties(user, lists=False)


def _identity(told: Mapping[str, Any]) -> list[str]:
    identity = told.get("identity")
    fits = isinstance(identity, str) and 1 <= len(identity) <= 255
    return [] if fits else ["identity has 1 to 255 characters"]


def _user_id(told: Mapping[str, Any]) -> list[str]:
    user = told.get("user_id")
    fits = isinstance(user, str) and user.isdigit() and 0 <= int(user) < 2**53
    return [] if fits else ["user_id is the text of a number from 0 to 2^53 - 1"]


def _time(told: Mapping[str, Any]) -> list[str]:
    try:
        aware = datetime.fromisoformat(told["timestamp"]).tzinfo is not None
    except (KeyError, TypeError, ValueError):
        aware = False
    return [] if aware else ["timestamp is ISO 8601 with a zone"]


def _properties(told: Mapping[str, Any], *, lists: bool) -> list[str]:
    properties = told.get("properties")
    if not isinstance(properties, dict):
        return ["properties is an object"]
    return [
        f"{key:.20} is no number or text of fewer than 1024 characters"
        for key, value in properties.items()
        if len(key) >= 1024 or not _is_value(value, lists=lists)
    ]


def _is_value(value: Any, *, lists: bool) -> bool:
    if isinstance(value, list) and lists:
        return all(_is_value(each, lists=False) for each in value) and _is_value(
            "||".join(map(str, value)), lists=False
        )
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number or (isinstance(value, str) and len(value) < 1024)


class Heap(Emulator):
    url = "heap://APP"
    reason = "HTTP 400: poison"
    passing = ("identify", "group", "alias")

    def __call__(self, call: Call) -> Answer:
        assert violations(call.url, call.body) == []
        events = json.loads(call.body).get("events", [])
        if any(POISON in each["properties"] for each in events):
            return Answer(400, {}, b"poison")
        self.take([each["idempotency_key"] for each in events])
        return Answer(200)


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"heap": lambda folder: Heap()}
