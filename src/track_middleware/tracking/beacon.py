"""Our script's wire format: what ``POST /<prefix>/q`` carries.

A body is ``{"v": 1, "sent": ms, "events": [message, …]}``; docs/wire.md lists a message's fields.
Each message is read by itself, so that a bad one spoils no other.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

#: Largest body of the browser's: what keepalive fetch and sendBeacon allow (WHATWG Fetch).
LIMIT = 64 * 1024
#: Largest single message (Segment's limit for one event).
MESSAGE_LIMIT = 32 * 1024
_MOST_MESSAGES = 500
_MOST_KEYS = 255
#: What is kept of an address and of a title; the rest is cut.
_URL_LENGTH, _TITLE_LENGTH = 8192, 2000
_DEEPEST = 8
#: The year 2096: no browser's clock is right beyond it, and what is computed of it stays a date.
_LATEST = 4e12

_Short = Annotated[str, msgspec.Meta(max_length=100)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Load = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]


class Facts(msgspec.Struct):
    """What only the browser knows of a view."""

    viewport: Annotated[str, msgspec.Meta(max_length=20)] = ""
    screen: Annotated[str, msgspec.Meta(max_length=20)] = ""
    language: Annotated[str, msgspec.Meta(max_length=40)] = ""
    timezone: Annotated[str, msgspec.Meta(max_length=60)] = ""


class Message(msgspec.Struct, rename="camel"):
    """One message of the script. ``at`` is the browser's clock in milliseconds; ``late``: another
    document than its own sends it, perhaps for somebody else."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    type: Literal["view", "route", "track", "identify", "leave"]
    load: _Load
    at: float
    url: str = ""
    token: _Short = ""
    name: _Name | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    user_id: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    page: _Short | None = None
    referrer: str = ""
    title: str = ""
    facts: Facts | None = None
    sw: bool = False
    late: bool = False


class Beacon(msgspec.Struct):
    """One body. ``dropped``: messages that the browser could not keep. ``ask`` True and no events:
    the empty question of a page from a shared cache."""

    v: Literal[1]
    sent: float = 0.0
    events: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=_MOST_MESSAGES)] = []
    dropped: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    ask: bool = False


_beacons = msgspec.json.Decoder(Beacon)
_messages = msgspec.json.Decoder(Message)


class UnreadableError(ValueError):
    """A body or message that is not of this wire; the text says why, without echoing it."""


def beacon(body: bytes) -> Beacon:
    """The beacon that a body holds; UnreadableError when it is none."""
    try:
        read = _beacons.decode(mended(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(reason(error)) from error
    if not (0 <= read.sent < _LATEST):
        raise UnreadableError("sent is no time in milliseconds")
    return read


# Half of a character beyond U+FFFF, without its other half.
_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def mended(body: bytes) -> bytes:
    """A body with U+FFFD for halves of characters: JavaScript cuts texts inside an emoji, and sends
    what is left (ECMA-262, JSON.stringify). No reader of JSON takes that, and all of the body's
    messages would be lost with it."""
    if _HALF.search(body) is None or b"\0" in body:
        return body
    alone = body.replace(rb"\\", b"\0")  # an escaped backslash begins no escape
    return _HALF.sub(rb"\\ufffd", alone).replace(b"\0", rb"\\")


def message(raw: msgspec.Raw) -> Message:
    """One message of a beacon; UnreadableError when it is none or over a limit."""
    if len(raw) > MESSAGE_LIMIT:
        raise UnreadableError("a message has more than 32 KiB")
    try:
        read = _messages.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(reason(error)) from error
    for bag in (read.properties, read.traits):
        if bag is not None and too_much(bag, keys=_MOST_KEYS, levels=_DEEPEST):
            raise UnreadableError(f"more than {_MOST_KEYS} keys or {_DEEPEST} levels")
    if read.type == "track" and not read.name:
        raise UnreadableError("a track message has no name")
    if not (0 <= read.at < _LATEST):
        raise UnreadableError("at is no time in milliseconds")
    read.url, read.referrer = read.url[:_URL_LENGTH], read.referrer[:_URL_LENGTH]
    read.title = read.title[:_TITLE_LENGTH]
    return read


def too_much(bag: dict[str, Any], *, keys: int, levels: int) -> bool:
    """Whether a bag holds more keys and items, at all levels together, or more levels."""
    left = keys
    level: list[Any] = [bag]
    for _ in range(levels):
        below: list[Any] = []
        for each in level:
            left -= len(each)
            inside = each.values() if isinstance(each, dict) else each
            below.extend(item for item in inside if isinstance(item, (dict, list)))
        if left < 0 or not below:
            return left < 0
        level = below
    return True


_PATH = re.compile(r" - at `.*`\Z")


def reason(error: Exception) -> str:
    """Why it is unreadable, without the sender's own keys or values in it."""
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        place = _PATH.search(text)
        known = place and re.fullmatch(
            r" - at `\$(\.[a-zA-Z]{1,12}|\[\.\.\.\]|\[\d+\])*`", place[0]
        )
        return text if known and "'" not in text else "a field has a wrong type or value"
    return "not JSON"
