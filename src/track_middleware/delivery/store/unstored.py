"""Events that the store does not keep: their rows go once every destination has answered."""

from __future__ import annotations

from collections.abc import Sequence

from .database import Database
from .keys import keys_of


class Unstored:
    """The positions of such events in a store. A position stays when its event is gone: it
    is nobody's, and says what a replay no longer covers."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def left(self) -> bool:
        """Whether any of them is still in the log."""
        return self._db.value("unstored_left") is not None

    def drop(self, *, served_by: Sequence[str], end: int, now: float, limit: int) -> int:
        """Removes a few of those that every open job of these destinations has behind it and
        nothing waits for; how many."""
        self.overwrite_freed()
        names = self._db.listed(served_by)
        with self._db.batch():
            served = self._db.value("served", (names,)) if served_by else end
            due = {"served": served or 0, "destinations": names, "limit": limit}
            rows = self._db.all("unstored_due", due)
            self._db.change_each("unstored_drop", rows)
            self._db.change_each("unstored_gone", [(now, *row) for row in rows])
        return len(rows)

    def overwrite_freed(self) -> None:
        """From now on whatever this connection removes is overwritten with zeros
        (sqlite.org/pragma.html#pragma_secure_delete)."""
        self._db.overwrite_freed()

    def forget(self, before: float) -> None:
        """Forgets the positions of events that went before a moment."""
        with self._db.batch():
            self._db.change("unstored_forget", (before,))

    def gone(self, after: int, up_to: int) -> int:
        """How many events between these positions (behind the first, up to the second) are gone."""
        return int(self._db.value("unstored_count", (after, up_to)))

    def known(self, event_ids: Sequence[str]) -> Sequence[str]:
        """Those of these ids under which an event was stored once."""
        places = self._db.listed(range(len(event_ids)))
        asked = {"ids": keys_of(event_ids), "places": places}
        return [event_ids[place] for (place,) in self._db.all("known_before", asked)]

    def empty_wal(self) -> bool:
        """Moves all of the WAL into the store and cuts it off, with what it held of rows that are
        gone; False while somebody reads."""
        return self._db.empty_wal()
