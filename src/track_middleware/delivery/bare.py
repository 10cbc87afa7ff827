"""Frames that hold an event and its moment and nothing else, many read at once.

So come the events from outside requests. What a row needs is read in one pass; the event's bytes
stay what they are, but for the choice that is added at its context's end. Functions over bytes; no
I/O happens here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from ..event import uuid_bytes, wire_id
from .splice import UNREADABLE, Said, ends, names

#: What our own encoder writes before an event's moment, and between the two.
_BEGIN = b'{"kind":"event","at":'
_MOMENT = len(_BEGIN)
_EVENT = b',"event":'

#: Contexts of up to so many bytes come again and again: outside a request they say little.
_SHORT = 200

#: A frame's bytes, when it was accepted, what its event says, its id in the log, its bytes, and its
#: context.
Bare = tuple[bytes, float, Said, str, bytes, bytes]


class _Frame(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    kind: Literal["event"]
    at: float
    event: Said


_frames = msgspec.json.Decoder(list[_Frame])


def bare(raws: Sequence[bytes]) -> list[Bare] | None:
    """What these bytes hold when each is such a frame; None when any is not."""
    if b"".join([raw[:_MOMENT] for raw in raws]) != _BEGIN * len(raws):
        return None
    try:
        frames = _frames.decode(b"[" + b",".join(raws) + b"]")
    except UNREADABLE:
        return None
    if len(frames) != len(raws):
        return None
    says = [frame.event for frame in frames]
    ids = [each.message_id for each in says]
    if uuid_bytes(ids) is None:
        ids = [wire_id("server", each) for each in ids]
    # There is no fourth field, so that what follows is the event, to the frame's brace.
    bodies = [raw.partition(_EVENT)[2][:-1] for raw in raws]
    moments = [frame.at for frame in frames]
    return list(zip(raws, moments, says, ids, bodies, _contexts(says), strict=True))


def with_member(
    body: bytes, context: bytes, member: bytes, key: str
) -> tuple[bytes | None, frozenset[str]]:
    """An event with one more member in its context, as ``into_context`` adds it, None too where the
    context has its key; and the context's keys."""
    before, after, known = (_known_tail if len(context) <= _SHORT else _tail)(context, member)
    if key in known or not body.endswith(before):
        return None, known
    return body[: -len(before)] + after, known


def _contexts(says: Sequence[Said]) -> list[bytes]:
    """The context of each, empty where it has none."""
    found = b"\0".join([each.context for each in says]).split(b"\0")  # no JSON holds a zero byte
    return found if len(found) == len(says) else [bytes(each.context) for each in says]


def _tail(context: bytes, member: bytes) -> tuple[bytes, bytes, frozenset[str]]:
    return *ends(context, member), names(context)


_known_tail = lru_cache(maxsize=1024)(_tail)
