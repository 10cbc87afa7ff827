"""What came to the log from elsewhere than the live site, as a log of its own.

The rule of order: a destination's live job passes it over and never waits for it. A backfill's own
job sends it, in the order in which it came, while it comes; between the two there is no order.
"""

from __future__ import annotations

from collections.abc import Sequence

from .store import Stored
from .store.whole import Store


class Backfilled:
    """``Log`` for one job of a backfill: its events, and nothing else."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._number = number

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        """Up to ``limit`` events of the backfill behind a position, however far apart they lie."""
        found: list[Stored] = []
        for first, last in self._store.backfills.parts(self._number, after):
            behind = max(after, first - 1)
            while len(found) < limit and behind < last:
                piece = self._store.read(behind, min(limit - len(found), last - behind))
                found += [each for each in piece if each.position <= last]
                behind = piece[-1].position if piece else last
            if len(found) >= limit:
                break
        return found

    def get(self, positions: Sequence[int]) -> Sequence[Stored]:
        """The events at these positions, in order."""
        return self._store.get(positions)

    def append(self, rows: object) -> dict[str, int]:
        """Nothing is added here."""
        return {}

    def end(self) -> int:
        """The last position that belongs to it; 0 without any."""
        parts = self._store.backfills.parts(self._number, 0)
        return parts[-1][1] if parts else 0
