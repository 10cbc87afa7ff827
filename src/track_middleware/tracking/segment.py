"""Segment's tracking protocol: what the bodies hold that stock SDKs post under ``v1/``.

A body is one message or ``{"batch": [message, …], "writeKey", "sentAt", "context"}``, plain or
gzipped, whatever its headers say. Each message is read by itself, so that a bad one spoils no
other. Source: segment.com/docs/connections/sources/catalog/libraries/server/http-api and the
sources of the SDKs; docs/mobile.md says which paths each of them uses.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec

from ..event import ID_LENGTH, Kind, epoch
from .beacon import MESSAGE_LIMIT, UnreadableError, mended, reason, too_much
from .consent import DENIED, GRANTED, PURPOSES, Choice

#: Largest body, gzipped or not (Segment: 500 KB).
LIMIT = 500 * 1024
#: Most messages of a batch (Segment).
MOST_MESSAGES = 2500
#: What a batch's own context and integrations may add to all of its messages together.
_SPREAD = 4 * 2**20
#: An order has many products, and Segment has no such limits: these only keep off nonsense.
_MOST_KEYS, _DEEPEST = 2000, 16

#: What is posted under ``v1/``: one message of a kind, a batch, or an SDK's figures on itself.
Post = Kind | Literal["batch", "metrics"]
POSTS: dict[str, Post] = {
    "t": "track", "p": "page", "i": "identify", "s": "screen", "g": "group", "a": "alias",
    "track": "track", "page": "page", "identify": "identify", "screen": "screen",
    "group": "group", "alias": "alias", "b": "batch", "batch": "batch", "import": "batch",
    "m": "metrics",
}  # fmt: skip

_Bag = dict[str, Any]
_Id = Annotated[str, msgspec.Meta(max_length=255)] | int


class Message(msgspec.Struct, rename="camel"):
    """One message as an SDK sends it; its times are ISO 8601."""

    type: Kind
    message_id: Annotated[str, msgspec.Meta(max_length=ID_LENGTH)] | None = None
    user_id: _Id | None = None
    anonymous_id: _Id | None = None
    previous_id: _Id | None = None
    group_id: _Id | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    properties: _Bag | None = None
    traits: _Bag | None = None
    context: _Bag | None = None
    integrations: _Bag | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None


class _One(msgspec.Struct, rename="camel"):
    write_key: str | None = None


class Batch(msgspec.Struct, rename="camel"):
    """A batch; what stands outside its messages holds for each that does not say otherwise."""

    batch: list[msgspec.Raw]
    write_key: str | None = None
    sent_at: str | None = None
    context: _Bag | None = None
    integrations: _Bag | None = None
    #: How many bytes these two are: each message gets them. Never what a body says of it.
    around: int = 0


_ones = msgspec.json.Decoder(_One)
_batches = msgspec.json.Decoder(Batch)
_messages = msgspec.json.Decoder(Message)
_types = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def plain(body: bytes) -> bytes:
    """A body as it was before it was gzipped; UnreadableError when it is damaged or too large.

    No more than ``LIMIT`` bytes are ever made of it. JSON begins with no byte of gzip's mark, so
    that a proxy which has unpacked a body and kept its header does no harm.
    """
    if body[:2] != b"\x1f\x8b":
        return body
    unpacking = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacking.decompress(body, LIMIT + 1)
    except zlib.error as error:
        raise UnreadableError("the body is damaged gzip") from error
    if len(unpacked) > LIMIT:
        raise UnreadableError("the body is too large")
    if not unpacking.eof or unpacking.unused_data:
        raise UnreadableError("the body is damaged gzip")
    return unpacked


def batch(post: Post, body: bytes) -> Batch:
    """What a plain body holds, a single message as a batch of one; UnreadableError for no JSON, or
    a batch whose own context would be multiplied beyond measure."""
    body = mended(body)
    try:
        if post != "batch":
            return Batch([msgspec.Raw(body)], _ones.decode(body).write_key)
        read = _batches.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(reason(error)) from error
    around = (read.context or {}, read.integrations or {})
    if any(too_much(bag, keys=_MOST_KEYS, levels=_DEEPEST) for bag in around):
        raise UnreadableError(f"more than {_MOST_KEYS} keys or {_DEEPEST} levels")
    read.around = len(_encode(around)) if any(around) else 0
    if read.around * len(read.batch) > _SPREAD:
        raise UnreadableError("context is too large for so many messages")
    return read


def message(raw: bytes | msgspec.Raw, post: Post, around: Batch) -> Message:
    """One message with what its batch adds; UnreadableError when it is none or over a limit.

    A path for one kind decides over the message's own type.
    """
    if len(raw) + around.around > MESSAGE_LIMIT:
        raise UnreadableError("a message has more than 32 KiB")
    try:
        read = _messages.decode(raw if post == "batch" else _typed(raw, post))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(reason(error)) from error
    for bag in (read.properties, read.traits, read.context, read.integrations):
        if bag is not None and too_much(bag, keys=_MOST_KEYS, levels=_DEEPEST):
            raise UnreadableError(f"more than {_MOST_KEYS} keys or {_DEEPEST} levels")
    if lacking := _lacking(read):
        raise UnreadableError(f"it has no {lacking}")
    read.context = {**(around.context or {}), **(read.context or {})}
    read.integrations = {**(around.integrations or {}), **(read.integrations or {})}
    read.sent_at = read.sent_at or around.sent_at
    return read


def _typed(raw: bytes | msgspec.Raw, post: Post) -> bytes:
    fields = _types.decode(raw)
    fields["type"] = msgspec.Raw(_encode(post))
    return _encode(fields)


def _lacking(read: Message) -> str:
    """The name of the field without which a message of its kind says nothing; else ""."""
    if read.type == "track" and not (read.event or "").strip():
        return "event"
    if read.type == "group" and read.group_id is None:
        return "groupId"
    return "previousId" if read.type == "alias" and read.previous_id is None else ""


def happened(read: Message, received: float) -> float:
    """When it happened by the server's clock, in epoch seconds:
    ``receivedAt - (sentAt - originalTimestamp)``, never in the future
    (segment.com/docs/connections/spec/common). Without ``sentAt`` the client's clock is believed.
    UnreadableError for what is no time.
    """
    original = read.original_timestamp or read.timestamp
    if not original:
        return received
    said = _time(original, "timestamp")
    if not read.sent_at:
        return min(said, received)
    at = received - max(0.0, _time(read.sent_at, "sentAt") - said)
    if at < 0:
        raise UnreadableError("timestamp is before 1970")
    return at


def _time(text: str, field: str) -> float:
    try:
        at = epoch(text)
    except (ValueError, OverflowError) as error:
        raise UnreadableError(f"{field} is no ISO 8601 time") from error
    if at < 0:
        raise UnreadableError(f"{field} is before 1970")
    return at


def keys(authorization: str, body_key: str | None, query: str) -> list[str]:
    """The write keys that a request names, in the order in which they are asked about:
    ``Authorization`` (Basic with the key as user, or Bearer), the body's, and the query's, where
    RudderStack's beacons have it."""
    scheme, _, value = authorization.strip().partition(" ")
    named = {"basic": _user(value), "bearer": value.strip()}.get(scheme.lower())
    asked = dict(parse_qsl(query[:1000])).get("writeKey") if "writeKey" in query else None
    return [key for key in (named, body_key, asked) if key]


def _user(value: str) -> str | None:
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return None


def choice(context: Mapping[str, Any]) -> Choice | None:
    """What a message's own ``context.consent`` says of our purposes: as we write it
    (``{"analytics": "granted"}``) or as Segment does
    (``{"categoryPreferences": {"analytics": true}}``); None when it says nothing of them."""
    consent = context.get("consent")
    if not isinstance(consent, dict):
        return None
    preferences = consent.get("categoryPreferences", consent)
    if not isinstance(preferences, dict):
        return None
    said = {name.lower(): value for name, value in preferences.items()}
    states = {name: _STATES[said[name]] for name in PURPOSES if _is_state(said.get(name))}
    return Choice(states, 0) if states else None


_STATES: dict[str | bool, str] = {
    "granted": GRANTED, "denied": DENIED, True: GRANTED, False: DENIED,
}  # fmt: skip


def _is_state(value: object) -> bool:
    return isinstance(value, (str, bool)) and value in _STATES
