"""Frames that hold an event and its moment and nothing else, many read at once.

So come the events from outside requests. What a row needs is read in one pass; the event's bytes
stay what they are, but for the choice that is added at its context's end. Functions over bytes; no
I/O happens here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Bares:
    """Such frames in order: their bytes, when each was accepted, what its event says, and its id in
    the log."""

    raws: Sequence[bytes]
    moments: Sequence[float]
    says: Sequence[Said]
    ids: Sequence[str]

    def each(self) -> Iterator[Bare]:
        """Frame by frame."""
        # There is no fourth field, so that what follows is the event, to the frame's brace.
        bodies = [raw.partition(_EVENT)[2][:-1] for raw in self.raws]
        contexts = _contexts(self.says)
        return zip(self.raws, self.moments, self.says, self.ids, bodies, contexts, strict=True)

    def without(self, places: Collection[int]) -> Bares:
        """All but the frames at these places."""
        left = [place for place in range(len(self.raws)) if place not in places]
        raws, moments, says, ids = self.raws, self.moments, self.says, self.ids
        return Bares(
            [raws[at] for at in left], [moments[at] for at in left],
            [says[at] for at in left], [ids[at] for at in left],
        )  # fmt: skip

    def with_member(self, member: bytes, key: str) -> tuple[list[bytes], frozenset[str]] | None:
        """``with_member`` of all events where their contexts are the same, as those of one program
        mostly are: their bytes, and the context's keys. None where they are not, or any event
        cannot be had so: then each is looked at by itself."""
        raws, context = self.raws, bytes(self.says[0].context) if self.says else b""
        # Objects end where they end: no others in a row make the same bytes.
        if not context.startswith(b"{") or len(context) > _SHORT:
            return None
        if b"".join([each.context for each in self.says]) != context * len(raws):
            return None
        before, after, known = _known_tail(context, member)
        end = -len(before) - 1
        if key in known or b"".join([raw[end:] for raw in raws]) != (before + b"}") * len(raws):
            return None
        begin = len(_EVENT)
        return [raw[raw.index(_EVENT) + begin : end] + after for raw in raws], known


class _Frame(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    kind: Literal["event"]
    at: float
    event: Said


_frames = msgspec.json.Decoder(list[_Frame])


def bare(raws: Sequence[bytes]) -> Bares | None:
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
    return Bares(raws, [frame.at for frame in frames], says, ids)


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
