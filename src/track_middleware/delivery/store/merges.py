"""The merge journal: which visitor turned out to be which user or other visitor, how and when.

A merge outlives its events, so that a wrong one can be found and undone: as long as an event's id
is remembered, and one that was undone until somebody is erased.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b

from .database import Database
from .who import Merge, Pair, Undone


class Journal:
    """The journal of a ledger."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def of(self, subject: str) -> Sequence[Merge]:
        """Every merge in which a visitor or user takes part, oldest first."""
        return [Merge(*row) for row in self._db.all("merges_of", {"subject": subject})]

    def add(self, merges: Iterable[Merge]) -> None:
        """Writes merges that are not known yet, undone or not. Call inside ``batch``."""
        self._db.change_each("merge_add", [each[:6] for each in merges])

    def undo(self, visitor: str, user: str, *, after: int, at: float) -> bool:
        """From behind a position of the log on, a visitor is not this user; False when the journal
        does not know that they were one. A second call can only make it hold for earlier ones."""
        given = {"visitor": visitor, "user": user, "after": after, "at": at}
        with self._db.batch():
            return self._db.change("merge_undo", given) > 0

    def redo(self, visitor: str, user: str) -> bool:
        """A merge that was undone holds again; False when there is none such."""
        with self._db.batch():
            return self._db.change("merge_redo", {"visitor": visitor, "user": user}) > 0

    def undone(self) -> Sequence[Undone]:
        """Every merge that was undone."""
        return [Undone(*row) for row in self._db.all("merges_undone")]

    def forget(self, subject: str) -> int:
        """Removes a visitor or user from the journal; how many lines it had."""
        with self._db.batch():
            self._db.change("told_forget", {"subject": subject})
            return self._db.change("merge_forget", {"subject": subject})

    def fade(self, before: float, limit: int) -> tuple[int, int]:
        """Removes a few merges from before a moment, and of what destinations were told of; how
        many. Call inside ``batch``."""
        given = {"before": before, "limit": limit}
        return self._db.change("merge_fade", given), self._db.change("told_fade", given)

    def told(self, destination: str, visitors: Iterable[str]) -> Mapping[Pair, str]:
        """Which event told a destination that these visitors are some users."""
        rows = self._db.all("told_of", (destination, self._db.listed(visitors)))
        return {(visitor, user): event_id for visitor, user, event_id in rows}

    def taken(self, destination: str, pairs: Collection[Pair]) -> Collection[Pair]:
        """Those of these merges of which no other worker tells a destination at this moment."""
        places: dict[str, list[Pair]] = {}
        for pair in pairs:
            places.setdefault(f"tell {destination} {_place(pair)}", []).append(pair)
        return {pair for name in self._db.locks.taken(places) for pair in places[name]}

    def tell(self, destination: str, told: Mapping[Pair, str], *, at: float) -> None:
        """A destination was told of these merges, each by this event."""
        rows = [(destination, *pair, event_id, at) for pair, event_id in told.items()]
        with self._db.batch():
            self._db.change_each("told_add", rows)


def _place(pair: Pair) -> int:
    """One of 256 that merges share: an engine has room for so many locks, not for any number."""
    return blake2b("\0".join(pair).encode(), digest_size=1).digest()[0]
