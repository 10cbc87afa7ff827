"""Events as codecs get them, and a short way from a URL to its destination."""

from __future__ import annotations

import json
from typing import Any

from track_middleware.address import address
from track_middleware.destinations import Answer, Call, Destination
from track_middleware.destinations.registry import make as make_address
from track_middleware.event import Event

#: 2026-11-23T12:00:05Z: five seconds behind the samples.
NOW = 1_795_435_205.0
TIME = 1_795_435_200_000

CONTEXT = {
    "page": {
        "id": "p-1",
        "url": "https://shop.test/sale?utm_source=news",
        "path": "/sale",
        "referrer": "https://www.google.com/",
        "title": "Sale",
    },
    "session": {"id": "s-1", "number": 2, "start": "2026-11-23T11:59:00.000Z"},
    "campaign": {"source": "news", "name": "autumn", "gclid": "Abc"},
    "firstCampaign": {"source": "ads"},
    "browser": {"name": "Firefox", "version": "153"},
    "os": {"name": "Windows", "version": "11"},
    "device": {"type": "desktop"},
    "screen": {"size": "1920x1080", "viewport": "1200x800"},
    "location": {"country": "DE"},
    "ip": "192.0.2.0",
    "locale": "de-DE",
    "platform": "web",
    "channel": "Email",
}


def made(url: str) -> Destination:
    return make_address(address(url))


def event(number: int = 1, **given: Any) -> Event:
    fields: dict[str, Any] = {
        "message_id": f"00000000-0000-4000-8000-{number:012d}",
        "type": "track",
        "event": "Order Completed",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "anonymous_id": "visitor-1",
        "user_id": "42",
        "properties": {"revenue": 39.5},
        "context": CONTEXT,
    }
    return Event(**{**fields, **given})


def page(**given: Any) -> Event:
    return event(**{"type": "page", "event": None, "properties": None, **given})


def identify(**given: Any) -> Event:
    traits = {"email": "Ann@Shop.test", "plan": "pro"}
    return event(
        **{"type": "identify", "event": None, "properties": None, "traits": traits, **given}
    )


def sent(destination: Destination, *events: Event) -> list[Call]:
    return list(destination.calls(events, NOW).calls)


def body(call: Call) -> Any:
    return json.loads(call.body)


def said(status: int, value: Any, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(value).encode())
