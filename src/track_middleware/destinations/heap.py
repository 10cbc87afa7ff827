"""``heap://APP_ID``: Heap's server-side API.

Source: developers.heap.io/reference (track-1, bulk-track: up to 1,000 events in one call, each with
its ``idempotency_key``; add-user-properties). Exactly one of ``identity`` and ``user_id`` is given:
``identity``, since a ``user_id`` is a number of Heap's own script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..event import Event
from ..settings import Address
from . import DELIVERED, Answer, Call, Outbound, Verdict
from .answers import usual
from .context import campaign, facts, milliseconds, own, renamed
from .limits import Cutter, Piece, ids, listed, packed
from .options import base, check, key

REGIONS = {"us": "https://heapanalytics.com", "eu": "https://c.eu.heap-api.com"}

MOST = 500
#: The vendor names no size of a body; this one is everybody's.
SIZE = 900_000
_TEXT = 1_024
_NAME = 255

_PROPERTIES = {
    "url": "url", "path": "path", "host": "domain", "query": "query", "title": "title",
    "referrer": "referrer", "referrer_host": "referring_domain", "page_id": "page_id",
    "route": "page_route", "status": "page_status", "duration_ms": "page_duration_ms",
    "confirmed": "page_confirmed", "session_id": "session_id",
    "session_number": "session_number", "browser": "browser",
    "browser_version": "browser_version", "os": "platform", "os_version": "platform_version",
    "device_type": "device_type", "device_model": "device", "country": "country", "ip": "ip",
    "locale": "language", "timezone": "timezone", "channel": "channel",
    "platform": "source_platform", "app_version": "app_version",
    "screen_width": "screen_width", "screen_height": "screen_height",
    "viewport_width": "viewport_width", "viewport_height": "viewport_height",
}  # fmt: skip

_encoder = msgspec.json.Encoder()


class Heap:
    """Sends events and user properties to one Heap environment."""

    most = MOST

    def __init__(self, name: str, app_id: str, base_url: str) -> None:
        self.name = name
        self._app_id = app_id
        self._track = base_url + "/api/track"
        self._user = base_url + "/api/add_user_properties"
        self._head = b'{"app_id":' + _encoder.encode(app_id) + b',"events":'
        self._headers = {"content-type": "application/json"}

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter(text=_TEXT)
        settled: dict[str, Verdict] = {}
        pieces: list[Piece] = []
        users: list[Call] = []
        for event in events:
            verdict = self._sort(event, cutter, pieces=pieces, users=users)
            if verdict:
                settled[event.message_id] = verdict
        tracks = [
            Call(self._track, self._head + listed(run) + b"}", ids(run), headers=self._headers)
            for run in packed(pieces, most=MOST, size=SIZE)
        ]
        return Outbound([*tracks, *users], settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer, secrets=(self._app_id,))

    def _sort(
        self, event: Event, cutter: Cutter, *, pieces: list[Piece], users: list[Call]
    ) -> Verdict | None:
        """Puts an event where it belongs, or says what becomes of it without any call."""
        identity = event.user_id or event.anonymous_id
        if not identity:
            return Verdict("refused", "it has neither a user id nor an anonymous id")
        if event.type in ("group", "alias"):
            return DELIVERED  # Heap has no such thing over this API
        if event.type == "identify":
            return self._user_call(event, identity, cutter, users)
        try:
            at = milliseconds(event)
        except ValueError:
            return Verdict("refused", "its timestamp is no ISO 8601 time")
        body = _encoder.encode(
            {
                "identity": cutter.string(identity),
                "event": _name(event)[:_NAME],
                "timestamp": at,
                "properties": _properties(event, cutter),
                "idempotency_key": event.message_id,
            }
        )
        if len(body) > SIZE:
            return Verdict("refused", f"it is larger than {SIZE} bytes")
        pieces.append((event.message_id, body))
        return None

    def _user_call(
        self, event: Event, identity: str, cutter: Cutter, users: list[Call]
    ) -> Verdict | None:
        traits = _traits(own(event.traits))
        if not event.user_id or not traits:
            return DELIVERED  # nothing to say, or nobody to say it of
        whole = {
            "app_id": self._app_id,
            "identity": cutter.string(identity),
            "properties": cutter.cut(traits),
        }
        body = _encoder.encode(whole)
        users.append(Call(self._user, body, (event.message_id,), headers=self._headers))
        return None


def make(address: Address) -> Heap:
    """A Heap environment of its URL."""
    check(address)
    app_id = key(address, "APP_ID")
    return Heap(address.options.get("name", "heap"), app_id, base(address, REGIONS))


def _name(event: Event) -> str:
    if event.type == "track":
        return str(event.event)
    thing = "page" if event.type == "page" else "screen"
    return f"{event.name} {thing} viewed" if event.name else f"{thing.capitalize()} viewed"


def _properties(event: Event, cutter: Cutter) -> Mapping[str, Any]:
    first = {f"initial_{name}": value for name, value in campaign(event, first=True).items()}
    found = {**renamed(facts(event), _PROPERTIES), **first, **campaign(event)}
    return {
        cutter.string(name): _flat(value, cutter)
        for name, value in {**found, **own(event.properties)}.items()
        if value is not None
    }


def _flat(value: Any, cutter: Cutter) -> Any:
    """Heap keeps text, numbers and lists of them; anything nested becomes its JSON text."""
    if isinstance(value, dict):
        return cutter.string(_encoder.encode(value).decode())
    if isinstance(value, list):
        return [_flat(each, cutter) for each in value]
    return cutter.cut(value)


def _traits(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Without the forbidden ``id``; an email is compared in lower case there."""
    return {
        name: value.lower() if name == "email" and isinstance(value, str) else value
        for name, value in traits.items()
        if name.lower() != "id" and value is not None
    }
