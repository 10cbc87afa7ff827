"""What the store remembers of each person's past: a small row for each visitor and user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from . import NewRow
from .database import Database
from .keys import key_of, keys_of


class Histories:
    """The pasts in a store, as JSON, by subject (``user:ID``, ``visitor:ID``). What is
    written is written inside ``batch``."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def get(self, subjects: Iterable[str]) -> dict[str, bytes]:
        """The pasts of those of these subjects that have one: one query, however many they are."""
        return dict(self._db.all("histories", (self._db.listed(subjects),)))

    def joined(self, visitors: Iterable[str]) -> Sequence[tuple[str, str, bytes]]:
        """The pasts of visitors that turned out to be one of these: that one, and subject and past
        of the former."""
        return self._db.all("histories_joined", (self._db.listed(visitors),))

    def keep(self, pasts: Iterable[tuple[str, float, bytes]]) -> None:
        """Writes pasts as they are now: subject, when it was last seen, and the past."""
        self._db.change_each("history_keep", pasts)

    def drop(self, subjects: Iterable[str]) -> None:
        """Removes the pasts of these subjects."""
        self._db.change_each("history_drop", [(each,) for each in subjects])

    def fresh(self, rows: Sequence[NewRow]) -> frozenset[int]:
        """The places of those of these rows that ``append`` will keep: not known, and each once."""
        keys = [key_of(row.event_id) for row in rows]
        places: Mapping[bytes, int] = {key: place for place, key in reversed(list(enumerate(keys)))}
        joined = keys_of([row.event_id for row in rows])
        known = {key for (key,) in self._db.all("known_of", {"ids": joined, "n": len(rows)})}
        return frozenset(place for key, place in places.items() if key not in known)

    def forget(self, before: float, limit: int) -> bool:
        """Removes a few pasts of whom nobody has seen since a moment; whether there may be more."""
        with self._db.batch():
            return self._db.change("histories_forget", (before, limit)) == limit
