"""Spool frames as the drain reads them: an ``Entry`` whose event stays bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..event import EntryKind, PageRef, Person, wire_id
from .splice import Said, several

if TYPE_CHECKING:
    from ..enrichment.history import History


class Frame(msgspec.Struct, rename="camel", gc=False):
    """An ``Entry`` whose event stays the bytes it came in, to be stored as they are."""

    kind: EntryKind
    at: float
    event: msgspec.Raw = msgspec.Raw()
    origin: str = "server"
    person: Person | None = None
    page: PageRef | None = None
    consent: dict[str, str] | None = None
    facts: dict[str, str] | None = None
    url: str | None = None
    await_half: bool = False
    reason: str | None = None
    raw: str | None = None
    how: str | None = None
    former: str | None = None


class Rules(msgspec.Struct, frozen=True):
    """What the site's settings say: ``window`` and ``idle`` (of a session) in seconds, the consent
    before any choice, the day (in the site's time zone) of a moment, the labels of events that the
    log does not keep, and what events are told of their person's past."""

    window: float
    default_consent: dict[str, str]
    day: Callable[[float], str]
    idle: float = 1800.0
    unstored: re.Pattern[str] | None = None
    history: History | None = None


class Who(msgspec.Struct, rename="camel", gc=False):
    """Whose an event is, and nothing else of it."""

    user_id: str | None = None
    anonymous_id: str | None = None


class Proof(msgspec.Struct, gc=False):
    """What a choice says of itself: the version of the text, and who brought it."""

    version: str = ""
    source: str = ""


class _Choosing(msgspec.Struct, rename="camel", gc=False):
    message_id: str
    properties: Proof = msgspec.field(default_factory=Proof)


_frame_decoder = msgspec.json.Decoder(Frame)
_frames_decoder = msgspec.json.Decoder(list[Frame])
_who_decoder = msgspec.json.Decoder(Who)
_choosing_decoder = msgspec.json.Decoder(_Choosing)


def decode_frame(raw: bytes) -> Frame:
    """The frame that some bytes hold; msgspec.DecodeError when they hold none."""
    return _frame_decoder.decode(raw)


def decode_frames(raws: Sequence[bytes]) -> list[Frame | None]:
    """The frames that these bytes hold, None where they hold none."""
    return several(raws, together=_frames_decoder, single=_frame_decoder)


def who(frame: Frame) -> Who:
    """Whose the frame's event is; msgspec.DecodeError when it has none."""
    return _who_decoder.decode(frame.event)


def proof(frame: Frame) -> tuple[str, Proof]:
    """The id of a choice's event, and what it says of itself; msgspec.DecodeError when it has no
    event."""
    read = _choosing_decoder.decode(frame.event)
    return wire_id(frame.origin, read.message_id), read.properties


def subjects(whose: Who | Said) -> list[str]:
    """Under what names a consent choice is kept: its user's, then its visitor's."""
    named = [f"user:{whose.user_id}"] if whose.user_id else []
    return [*named, f"visitor:{whose.anonymous_id}"] if whose.anonymous_id else named


def knowing(server: Frame, browser: Frame) -> Frame:
    """The server's half with what is known of the browser's request: on a first visit a vendor's
    script has set its cookies in between."""
    if browser.facts:
        server.facts = {**(server.facts or {}), **browser.facts}
    return server
