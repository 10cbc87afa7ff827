"""What the console counts of views, as rows of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from . import Stored
from .database import Database

#: Before every day.
NEVER = -1_000_000


@dataclass(frozen=True, slots=True)
class Counted:
    """Up to which ``position`` of the log views are counted, in which ``zone``. Days before
    ``since`` were counted by an earlier counting, up to the position ``until``."""

    position: int
    zone: str
    since: int
    until: int

    def covers(self, day: int, position: int) -> bool:
        """Whether a view of a day, at a position, is this counting's."""
        return day >= self.since or position > self.until


@dataclass(frozen=True, slots=True)
class Cell:
    """The sums of one name of a part, or of one day."""

    name: str
    views: int
    served: int
    confirmed: int
    sessions: int


class ViewRows:
    """The rollups of a store. What is written is written inside ``batch``."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def batch(self) -> AbstractContextManager[None]:
        """One transaction: counts, and up to where the log is counted."""
        return self._db.batch()

    def counted(self) -> Counted:
        """How far counting has come."""
        return Counted(*self._db.all("rollup_state")[0])

    def end(self) -> int:
        """The log's highest position."""
        return int(self._db.value("log_end"))

    def rows(self, after: int, until: int, limit: int) -> Sequence[Stored]:
        """Of a part of the log what is counted, in order."""
        asked = {"after": after, "until": until, "limit": limit}
        return [Stored(*row) for row in self._db.all("rollup_rows", asked)]

    def at(self, positions: Sequence[int]) -> Sequence[Stored]:
        """The events at these positions."""
        return [Stored(*row) for row in self._db.all("log_get", (self._db.listed(positions),))]

    def moved(self, position: int) -> None:
        """Views are counted up to a position."""
        self._db.change("rollup_moved", (position,))

    def begin(self, zone: str, since: int) -> None:
        """Counts the log anew, from the day ``since`` on; earlier days stay as they are."""
        for name in ("cells", "people", "again", "visitors", "sessions"):
            self._db.change(f"rollup_{name}_drop", (since,))
        self._db.change("rollup_unnote")
        self._db.change("rollup_begun", (zone, since, self.end()))

    def first(self) -> tuple[int, float] | None:
        """Where the log begins now, and when that was accepted."""
        rows = self._db.all("rollup_first")
        return (rows[0][0], rows[0][1]) if rows else None

    def add_cells(self, rows: Iterable[tuple[str, int, str, int, int, int, int]]) -> None:
        """Adds to cells: part, day, name, views, served, confirmed, sessions."""
        self._db.change_each("rollup_cell_add", rows)

    def add_people(self, sums: Mapping[tuple[int, str], int]) -> None:
        """Adds to a day's classes."""
        self._db.change_each("rollup_people_add", [(*key, n) for key, n in sums.items() if n])

    def add_again(self, sums: Mapping[tuple[int, int], int]) -> None:
        """Adds to how many of a day's visitors were last seen on another."""
        self._db.change_each("rollup_again_add", [(*key, n) for key, n in sums.items() if n])

    def names(self, part: str, day: int) -> set[str]:
        """The names of a day's part."""
        return {name for (name,) in self._db.all("rollup_names", (part, day))}

    def visitors(self, visitors: Iterable[int]) -> Sequence[Any]:
        """All days of these visitors: visitor, day, and the columns of a day."""
        return self._db.all("rollup_visitors", (self._db.listed(visitors),))

    def keep_visitors(self, rows: Iterable[tuple[int, ...]]) -> None:
        """Writes visitors' days as they are now, in the order of ``visitors``."""
        self._db.change_each("rollup_visitor_keep", rows)

    def sessions(self, sessions: Iterable[int]) -> dict[int, tuple[float, bytes | None]]:
        """Those of these sessions that are counted: when they began, and where they are counted,
        while that may change."""
        rows = self._db.all("rollup_sessions", (self._db.listed(sessions),))
        return {session: (at, cells) for session, at, cells in rows}

    def keep_sessions(self, rows: Iterable[tuple[int, int, float, bytes]]) -> None:
        """Counts sessions, or where they are counted: session, day, moment, cells."""
        self._db.change_each("rollup_session_keep", rows)

    # Notes of views.

    def notes(self, after: int, until: int) -> Sequence[tuple[int, str]]:
        """What was noted, and is not counted, in a part of the log."""
        return self._db.all("rollup_notes", (after, until))

    def late(self, position: int, limit: int) -> list[int]:
        """The places of a few views up to a position of which something not counted is noted."""
        return [place for (place,) in self._db.all("rollup_notes_late", (position, limit))]

    def noted(self, positions: Sequence[int]) -> Sequence[tuple[int, str, int]]:
        """All that was noted of these views, and whether it is counted."""
        return self._db.all("rollup_notes_of", (self._db.listed(positions),))

    def count_notes(self, positions: Iterable[int]) -> None:
        """What was noted of these views is counted."""
        self._db.change_each("rollup_notes_counted", [(place,) for place in positions])

    # What goes.

    def erase(self, sessions: Iterable[int]) -> None:
        """Removes sessions of somebody who was erased; the sums stay."""
        self._db.change_each("rollup_session_erase", [(each,) for each in sessions])

    def forget(self, *, visitors: int, sessions: int, closed: int, limit: int) -> bool:
        """Removes a few visitors' days and sessions from before these days, where sessions from
        before another are counted, and notes that nobody needs; whether there may be more."""
        with self._db.batch():
            gone = (
                self._db.change("rollup_visitors_forget", (visitors, limit)),
                self._db.change("rollup_sessions_forget", (sessions, limit)),
                self._db.change("rollup_sessions_close", (closed, limit)),
                self._db.change("view_notes_forget", (limit,)),
            )
        return limit in gone

    # What the console reads.

    def days(self, part: str, first: int, last: int) -> dict[int, Cell]:
        """The sums of a part on each day between two."""
        rows = self._db.all("rollup_days", (part, first, last))
        return {day: Cell("", *sums) for day, *sums in rows}

    def top(
        self,
        part: str,
        first: int,
        last: int,
        *,
        by: Literal["views", "served", "sessions"],
        limit: int,
    ) -> list[Cell]:
        """The names of a part with the most of something, between two days."""
        asked = {"part": part, "first": first, "last": last, "by": by, "limit": limit}
        return [Cell(*row) for row in self._db.all("rollup_top", asked)]

    def people(self, first: int, last: int) -> dict[int, dict[str, int]]:
        """The classes of each day between two."""
        found: dict[int, dict[str, int]] = {}
        for day, name, count in self._db.all("rollup_people", (first, last)):
            found.setdefault(day, {})[name] = count
        return found

    def visitor_count(self, first: int, last: int) -> int:
        """How many visitors the days between two had together, each counted once."""
        asked = {"first": first, "last": last}
        return int(self._db.value("rollup_visitor_count", asked))
