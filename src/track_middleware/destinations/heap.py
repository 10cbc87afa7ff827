"""``heap://APP_ID``: Heap's server-side API.

Source: developers.heap.io/reference (track-1, bulk-track: up to 1,000 events in one call, each with
its ``idempotency_key``; bulk-add-user-properties: up to 1,000 users; identify-1). Exactly one of
``identity`` and ``user_id`` is given: ``identity`` for a user, and for a visitor ``user_id``, a
number made of the visitor's id. When a visitor becomes a user, ``identify`` moves the number's
events to the identity. Properties overwrite and a second ``identify`` is dropped, so that every
call may be repeated.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..address import Address
from ..event import Event, epoch, iso
from ..vendor_cookies import cookie
from . import DELIVERED, Answer, Call, Outbound, Verdict
from .answers import usual
from .context import browser_ids, campaign, facts, own, past, renamed
from .limits import Cutter, Piece, ids, listed, routed
from .options import ERASING, base, check, key

REGIONS = {"us": "https://heapanalytics.com", "eu": "https://c.eu.heap-api.com"}

VOCABULARY: Mapping[str, str] = {
    "page": "Page viewed",
    "screen": "Screen viewed",
    "identify": "identify, user properties",
    "group": "user property group_id",
    "alias": "identify",
}

#: Of 1,000 events that one identity may have in a minute, and 15,000 that an environment may.
MOST = 500
#: The vendor names no size of a body; this one is everybody's.
SIZE = 900_000
#: "Fewer than 1024 characters": names of events and properties, and texts.
TEXT = 1_023
IDENTITY = 255

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

_ROADS = {
    "track": "/api/track", "user": "/api/add_user_properties", "join": "/api/v1/identify",
}  # fmt: skip

#: Heap's script makes long ones; a short one may be anybody's.
_SHORTEST = 10
_NUMBER = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)

_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class _Batch:
    """What the events of one batch become: (road, visitor, piece) in their order."""

    cutter: Cutter = field(default_factory=lambda: Cutter(text=TEXT))
    pieces: list[tuple[str, str, Piece]] = field(default_factory=list)

    def add(self, road: str, event: Event, body: bytes) -> None:
        who = event.anonymous_id or event.user_id or ""
        self.pieces.append((road, who, (event.message_id, body)))


class Heap:
    """Sends events, user properties and identities to one Heap environment."""

    most = MOST
    joins = True

    def __init__(self, name: str, app_id: str, base_url: str, *, cookie: str) -> None:
        self.name = name
        self._cookie = cookie
        self._app_id = app_id
        self._urls = {road: base_url + path for road, path in _ROADS.items()}
        self._head = b'{"app_id":' + _encoder.encode(app_id)
        self._headers = {"content-type": "application/json"}

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        batch = _Batch()
        settled: dict[str, Verdict] = {}
        for event in events:
            verdict = self._sort(event, batch)
            if verdict:
                settled[event.message_id] = verdict
        runs = routed(batch.pieces, most=MOST, sizes=dict.fromkeys(_ROADS, SIZE))
        calls = [call for road, run in runs for call in self._calls(road, run)]
        return Outbound(calls, settled, batch.cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer, secrets=(self._app_id,))

    def _calls(self, road: str, run: Sequence[Piece]) -> list[Call]:
        if road != "join":
            name = b',"events":' if road == "track" else b',"users":'
            return [self._call(road, self._head + name + listed(run) + b"}", ids(run))]
        # The vendor counts requests by identity: one says it for all that say the same.
        said: dict[bytes, list[str]] = {}
        for each, body in run:
            said.setdefault(body, []).append(each)
        return [self._call(road, body, tuple(carried)) for body, carried in said.items()]

    def _call(self, road: str, body: bytes, carried: tuple[str, ...]) -> Call:
        return Call(self._urls[road], body, carried, headers=self._headers)

    def _sort(self, event: Event, batch: _Batch) -> Verdict | None:
        """Puts an event where it belongs, or says what becomes of it without any call."""
        who = event.user_id or event.anonymous_id
        if not who:
            return Verdict("refused", "it has neither a user id nor an anonymous id")
        if len(event.user_id or "") > IDENTITY:
            return Verdict("refused", f"its user id is longer than {IDENTITY} characters")
        try:
            at = iso(epoch(event.timestamp))
        except ValueError:
            return Verdict("refused", "its timestamp is no ISO 8601 time")
        if event.type in ("identify", "alias", "group"):
            return self._about_user(event, batch)
        body = _encoder.encode(
            {
                **(
                    {"identity": event.user_id}
                    if event.user_id
                    else {"user_id": self._number(event, who)}
                ),
                "event": batch.cutter.string(_name(event)),
                "timestamp": at,
                "properties": _properties(event, batch.cutter),
                "idempotency_key": event.message_id,
            }
        )
        if len(body) > SIZE:
            return Verdict("refused", f"it is larger than {SIZE} bytes")
        batch.add("track", event, body)
        return None

    def _number(self, event: Event, visitor: str) -> str:
        """The number that Heap's own script gave the browser, else one made of the visitor's id."""
        told = browser_ids(event, self._cookie).get("id")
        return told if isinstance(told, str) and _NUMBER.fullmatch(told) else number(visitor)

    def _about_user(self, event: Event, batch: _Batch) -> Verdict | None:
        if not event.user_id:
            return DELIVERED  # nobody to say it of
        body = b""
        if traits := _traits(event, batch.cutter):
            body = _encoder.encode({"identity": event.user_id, "properties": traits})
        if len(body) > SIZE:
            return Verdict("refused", f"it is larger than {SIZE} bytes")
        former = _former(event)
        if former:
            visitor = number(former) if event.type == "alias" else self._number(event, former)
            told = {"identity": event.user_id, "user_id": visitor}
            batch.add("join", event, _encoder.encode({"app_id": self._app_id, **told}))
        if body:
            batch.add("user", event, body)
        return None if body or former else DELIVERED


def make(address: Address) -> Heap:
    """A Heap environment of its URL."""
    check(address, extra=ERASING["heap"])
    app_id = key(address, "APP_ID")
    name = address.options.get("name", "heap")
    return Heap(name, app_id, base(address, REGIONS), cookie=cookie(address))


def number(visitor: str) -> str:
    """A visitor's ``user_id``: the text of a number from zero to 2^53 - 1, as Heap's own are; a
    visitor that Heap's script has made before keeps theirs."""
    if _NUMBER.fullmatch(visitor) and len(visitor) >= _SHORTEST and int(visitor) < 2**53:
        return visitor
    digest = hashlib.sha256(visitor.encode("utf-8", "replace")).digest()
    return str(int.from_bytes(digest[:7]) >> 3)


def _former(event: Event) -> str | None:
    """Who a user was until now: a visitor, or what an alias names."""
    if event.type == "identify":
        return event.anonymous_id
    return event.previous_id if event.type == "alias" else None


def _name(event: Event) -> str:
    if event.type == "track":
        return str(event.event)
    thing = "page" if event.type == "page" else "screen"
    return f"{event.name} {thing} viewed" if event.name else f"{thing.capitalize()} viewed"


def _properties(event: Event, cutter: Cutter) -> Mapping[str, Any]:
    first = {f"initial_{name}": value for name, value in campaign(event, first=True).items()}
    found = {**renamed(facts(event), _PROPERTIES), **first, **campaign(event)}
    return _flat({**past(event), **found, **own(event.properties)}, cutter)


def _traits(event: Event, cutter: Cutter) -> Mapping[str, Any]:
    """Without the forbidden ``id``; an email is compared in lower case there."""
    if event.type == "group":
        return {"group_id": cutter.string(str(event.group_id))}
    traits = {
        name: value.lower() if name == "email" and isinstance(value, str) else value
        for name, value in own(event.traits).items()
        if name.lower() != "id"
    }
    made = _flat(traits, cutter)
    return {k: "||".join(map(str, v)) if isinstance(v, list) else v for k, v in made.items()}


def _flat(values: Mapping[str, Any], cutter: Cutter) -> dict[str, Any]:
    """Heap keeps texts, numbers and lists of them; anything else becomes its JSON text."""
    made = {cutter.string(name): _plain(value, cutter) for name, value in values.items()}
    return {name: value for name, value in made.items() if value is not None}


def _plain(value: Any, cutter: Cutter) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, list):
        return _joinable(
            [each for each in (_plain(v, cutter) for v in value) if each is not None], cutter
        )
    if isinstance(value, (dict, bool)):
        return cutter.string(_encoder.encode(value).decode())
    return cutter.cut(value)


def _joinable(values: Sequence[Any], cutter: Cutter) -> list[Any]:
    """As many items as fit, since Heap joins them with ``||`` into one text."""
    kept: list[Any] = []
    length = -2
    for each in values:
        item = "||".join(map(str, each)) if isinstance(each, list) else each
        length += 2 + len(str(item))
        if length > TEXT:
            cutter.count += 1
            break
        kept.append(item)
    return kept
