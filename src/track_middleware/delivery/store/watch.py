"""What an onlooker sees of events on their way: pages that wait, and what became of some events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from . import PageRow, Stored
from .database import Database
from .intake import page_of


class Waits(NamedTuple):
    """An event that a destination has not got: ``state`` is ``retry`` or ``held``."""

    position: int
    destination: str
    state: str
    attempts: int
    reason: str


class Refusal(NamedTuple):
    """An event that a destination refused for good."""

    event_id: str
    destination: str
    reason: str


class Bytes(NamedTuple):
    """What a store takes: ``used`` bytes, of which an ``empty`` one takes some too. What its files
    have room for beyond that (a WAL, pages that are free) is in neither."""

    used: int
    empty: int


class Watch:
    """A store, looked at; nothing is changed."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def pages(self, limit: int) -> Sequence[PageRow]:
        """Page views of which one half waits for the other, newest first."""
        return [page_of(row) for row in self._db.all("watch_pages", (limit,))]

    def waits(self, positions: Sequence[int]) -> Sequence[Waits]:
        """What waits of these events."""
        return [Waits(*row) for row in self._db.all("watch_rows", (self._db.listed(positions),))]

    def refusals(self, event_ids: Sequence[str]) -> Sequence[Refusal]:
        """Which of these events destinations have lately refused."""
        return [Refusal(*row) for row in self._db.all("watch_dead", (self._db.listed(event_ids),))]

    def parts(self, keys: Sequence[str], *, piece: int) -> Iterator[tuple[int, int]]:
        """Where to look for events of some order keys: parts of the log (behind one position, up to
        another), newest first. Where nothing is noted, all of it in pieces of so many positions."""
        (noted, parts), until = self._db.noted(keys), int(self._db.value("log_end"))
        while until > noted:
            after = max(noted, until - piece)
            yield after, until
            until = after
        yield from parts

    def of(self, keys: Sequence[str], *, after: int, until: int, limit: int) -> Sequence[Stored]:
        """The newest events of some order keys in a part of the log, newest first."""
        asked = {"keys": self._db.listed(keys), "after": after, "until": until, "limit": limit}
        return [Stored(*row) for row in self._db.all("watch_of", asked)]

    def bytes(self) -> Bytes:
        """What the store takes."""
        (row,) = self._db.all("watch_bytes")
        return Bytes(*row)
