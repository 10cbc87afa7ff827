"""What a row needs of an event, and additions to its context, without decoding the rest.

Functions over bytes; no I/O happens here. Decoding many values in one call, and not decoding what
nobody asks for, is most of what makes the drain fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec

from ..event import UNREADABLE as UNREADABLE
from ..event import Kind

T = TypeVar("T")


class Said(msgspec.Struct, rename="camel", gc=False):
    """What a row says of its event. Properties and context stay bytes.

    The fields that no row needs make an event be refused for what ``Event`` refuses it for.
    """

    message_id: str
    type: Kind
    timestamp: str
    event: str | None = None
    name: str | None = None
    anonymous_id: str | None = None
    user_id: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    properties: msgspec.Raw = msgspec.Raw()
    context: msgspec.Raw = msgspec.Raw()
    original_timestamp: str | None = None
    sent_at: str | None = None
    received_at: str | None = None


_saids = msgspec.json.Decoder(list[Said | None])
_said = msgspec.json.Decoder(Said | None)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def said(bodies: Sequence[bytes | msgspec.Raw]) -> list[Said | None]:
    """What each of these events says; None for ``null`` and for what is no event."""
    return several(bodies, together=_saids, single=_said)


def label_of(says: Said) -> str:
    """The name by which tables and people know an event, as ``Event.label``."""
    return says.event or says.type.capitalize()


def several(
    pieces: Sequence[bytes | msgspec.Raw],
    *,
    together: msgspec.json.Decoder[list[T]],
    single: msgspec.json.Decoder[T],
) -> list[T | None]:
    """Many JSON values decoded in one call, which costs far less than a call each; where one of
    them is broken, each by itself, and None for the broken."""
    try:
        values = together.decode(b"[" + b",".join(pieces) + b"]")
        if len(values) == len(pieces):
            return list[T | None](values)
    except UNREADABLE:
        pass  # whose fault it is, each says for itself
    return [_one(piece, single) for piece in pieces]


def names(context: bytes) -> frozenset[str]:
    """The keys of a context; none when it is no object."""
    return _names(context) if len(context) > _SHORT else _known_names(context)


def into_context(body: bytes, context: bytes, members: bytes) -> bytes | None:
    """An event with further members at the end of its context, every other byte as it was.

    ``context`` is the value that the event's context was decoded as (empty: it has none),
    ``members`` JSON without its braces, of keys that the context has not. None when the context is
    no object, or is not the last thing in the event: then the event must be decoded.
    """
    before, after = (ends if len(context) > _SHORT else _known_ends)(context, members)
    return body[: -len(before)] + after if body.endswith(before) else None


#: Contexts of up to so many bytes come again and again: outside a request they say little.
_SHORT = 200
_NONE: frozenset[str] = frozenset()


def _names(context: bytes) -> frozenset[str]:
    try:
        return frozenset(_members.decode(context))
    except UNREADABLE:
        return _NONE


def ends(context: bytes, members: bytes) -> tuple[bytes, bytes]:
    """How an event with this context ends, without and with further members in it."""
    if not context:
        return b"}", b',"context":{%b}}' % members
    if not context.startswith(b"{"):
        return b"no object}", b""
    comma = b"," if len(context) > 2 else b""
    return b'"context":%b}' % context, b'"context":%b%b%b}}' % (context[:-1], comma, members)


_known_names = lru_cache(maxsize=1024)(_names)
_known_ends = lru_cache(maxsize=1024)(ends)


def _one(piece: bytes | msgspec.Raw, single: msgspec.json.Decoder[T]) -> T | None:
    try:
        return single.decode(bytes(piece))
    except UNREADABLE:
        return None
