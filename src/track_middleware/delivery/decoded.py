"""Frames decoded for one transaction of the drain, before it begins.

Functions over bytes; no I/O happens here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import msgspec

from .bare import Bares, bare
from .frames import Frame, decode_frames
from .splice import Said, said

_NO_EVENT = msgspec.Raw(b"null")

#: A frame, the bytes it came in, and what its event says where a row needs no more than that.
Taken = tuple[Frame, bytes, Said | None]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Frames in order: as ``bare`` ones when all of them are that, else as ``frames``. ``broken``:
    how many were no entries and are left out."""

    bare: Bares | None = None
    frames: Sequence[Taken] = ()
    broken: int = 0

    @property
    def raws(self) -> Sequence[bytes]:
        """The bytes that the frames came in."""
        return [raw for _, raw, _ in self.frames] if self.bare is None else self.bare.raws

    def without(self, places: Collection[int]) -> Decoded:
        """All but the frames at these places."""
        return replace(
            self,
            bare=self.bare and self.bare.without(places),
            frames=[each for place, each in enumerate(self.frames) if place not in places],
        )


def decoded(raws: Sequence[bytes], *, is_plain: bool) -> Decoded:
    """The frames that these bytes hold; ``is_plain``: what an event says is enough for its row."""
    found = bare(raws) if is_plain else None
    if found is not None:
        return Decoded(bare=found)
    frames = decode_frames(raws)
    known = [(frame, raw) for frame, raw in zip(frames, raws, strict=True) if frame is not None]
    broken = len(raws) - len(known)
    if not is_plain:
        return Decoded(frames=[(frame, raw, None) for frame, raw in known], broken=broken)
    plain = said([frame.event if frame.kind == "event" else _NO_EVENT for frame, _ in known])
    both = zip(known, plain, strict=True)
    return Decoded(frames=[(frame, raw, says) for (frame, raw), says in both], broken=broken)
