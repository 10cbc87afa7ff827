"""A part of the log as a log of its own: what a replay covers, and nothing else.

The rule of order: a replay never sends what the live job of its destination has not done with. It
ends where that job stood when it was made, and leaves out what still waits in that job's rows; so
it overtakes nothing. Between a replay and the live job, or two replays, there is no other order: a
replayed event keeps its id and its time, and comes later than it did the first time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .store import Stored
from .store.replays import Part
from .store.whole import Store


class Section:
    """``Log`` for one bounded job: events of ``part`` up to the position ``end``."""

    def __init__(self, store: Store, destination: str, part: Part, end: int) -> None:
        self._store = store
        self._destination = destination
        self._part = part
        self._end = end

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        """Up to ``limit`` events of the part behind a position, however far apart they lie."""
        found: list[Stored] = []
        for covered in self.pieces(after, limit):
            found += covered
            if len(found) >= limit:
                break
        return found[:limit]

    def pieces(self, after: int, size: int) -> Iterator[list[Stored]]:
        """The part's events behind a position, from one piece of the log after the other."""
        while batch := [e for e in self._store.read(after, size) if e.position <= self._end]:
            up_to = batch[-1].position
            held = self._store.replays.held_by_live(self._destination, after, up_to)
            yield [each for each in batch if self._covers(each) and each.position not in held]
            after = up_to

    def get(self, positions: Sequence[int]) -> Sequence[Stored]:
        """The events at these positions, in order."""
        return self._store.get(positions)

    def append(self, rows: object) -> dict[str, int]:
        """Nothing is added to a part of the log."""
        return {}

    def end(self) -> int:
        """The last position of the part."""
        return self._end

    def _covers(self, stored: Stored) -> bool:
        return self._part.covers(stored.accepted_at, stored.label)
