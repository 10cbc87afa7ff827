"""Rows of the truth beside the events that tell of them, compared by id, however many they are.

Both sides lie in a database of its own on disk, which is gone when it is closed: memory stays flat.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

#: Amounts are compared to four places, as whole numbers of this unit.
_UNITS = Decimal(10_000)

#: So large an amount is none: a sum of many would not fit into 64 bits.
_MOST = 10**15

_TABLES = """
CREATE TABLE truth (
    id TEXT NOT NULL, at REAL NOT NULL, day TEXT NOT NULL, amount INTEGER, entry BLOB NOT NULL
);
CREATE TABLE event (
    message TEXT NOT NULL, id TEXT, own TEXT NOT NULL, at REAL NOT NULL, day TEXT NOT NULL,
    amount INTEGER, place TEXT NOT NULL
);
CREATE TABLE missing (id TEXT PRIMARY KEY, why TEXT NOT NULL);
"""

#: An index costs a tenth when it is made of everything at once.
_INDEXED = """
CREATE INDEX truth_id ON truth (id, at, day, amount)
"""

_REPEATED = "SELECT id FROM truth GROUP BY id HAVING COUNT(*) > 1 LIMIT 1"

#: What begins anew once both sides are there. Of an event that was seen on its way and further on
#: counts the later. One that does not name its row by a property may be one whose own id is the
#: row's.
_MATCHED = """
CREATE INDEX event_message ON event (message);
DELETE FROM event WHERE place <> 'log' AND EXISTS (
    SELECT 1 FROM event AS later WHERE later.message = event.message AND later.rowid > event.rowid
);
DROP INDEX event_message;
UPDATE event SET id = own WHERE id IS NULL AND own IN (SELECT id FROM truth);
CREATE INDEX event_of ON event (id, place, at, day, amount);
INSERT INTO missing SELECT id, CASE
    WHEN EXISTS (SELECT 1 FROM event WHERE event.id = truth.id) THEN 'refused'
    WHEN at >= :young THEN 'young' ELSE 'missing' END
FROM truth WHERE at >= :since AND at < :until AND NOT EXISTS (
    SELECT 1 FROM event WHERE event.id = truth.id AND place <> 'dead'
);
"""

_DAYS = """
SELECT day, SUM(rows), SUM(told), SUM(amount), SUM(said) FROM (
    SELECT day, 1 AS rows, 0 AS told, COALESCE(amount, 0) AS amount, 0 AS said
    FROM truth WHERE at >= :since AND at < :until
    UNION ALL
    SELECT COALESCE(truth.day, event.day), 0, 1, 0, COALESCE(event.amount, 0)
    FROM event LEFT JOIN truth ON truth.id = event.id
    WHERE place <> 'dead' AND COALESCE(truth.at, event.at) >= :since
        AND COALESCE(truth.at, event.at) < :until
) GROUP BY day ORDER BY day
"""

_MISSING = "SELECT id FROM missing WHERE why = :why ORDER BY id"

_ENTRIES = "SELECT entry FROM missing JOIN truth USING (id) WHERE why = 'missing' ORDER BY at"

_OLDER = """
SELECT COUNT(*) FROM missing JOIN truth USING (id) WHERE why = 'missing' AND at < ?
"""

_EXTRA = """
SELECT id FROM event WHERE id IS NOT NULL AND place <> 'dead' AND at >= :since AND at < :until
    AND NOT EXISTS (SELECT 1 FROM truth WHERE truth.id = event.id)
ORDER BY id
"""

_TWICE = """
SELECT truth.id FROM truth JOIN event ON event.id = truth.id
WHERE place <> 'dead' AND truth.at >= :since AND truth.at < :until
GROUP BY truth.id HAVING COUNT(*) > 1 ORDER BY truth.id
"""

_DIFFERENT = """
SELECT truth.id, truth.amount, event.amount FROM truth JOIN event ON event.id = truth.id
WHERE place <> 'dead' AND truth.at >= :since AND truth.at < :until
    AND truth.amount IS NOT event.amount
ORDER BY truth.id
"""

_NAMELESS = """
SELECT own FROM event WHERE id IS NULL AND place <> 'dead' AND at >= :since AND at < :until
ORDER BY own
"""

_WAITING = """
SELECT COUNT(*) FROM event JOIN truth USING (id)
WHERE place NOT IN ('dead', 'log') AND truth.at >= :since AND truth.at < :until
"""


class TwiceError(ValueError):
    """The truth gives an id more than once."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows are compared: happened in [since, until); one that is missing and happened at or
    after ``young`` may still be on its way. Epoch seconds."""

    since: float
    until: float
    young: float


class Fact(NamedTuple):
    """A row of the truth: its id, when it happened, its amount in ``units`` (None: it says none),
    and the entry that tells of it, as JSON."""

    id: str
    at: float
    amount: int | None
    entry: bytes


class Told(NamedTuple):
    """An event that tells of a row: ``message`` is its id in the log, ``own`` as its sender gave
    it, ``id`` the row's, where a property says it. ``place``: ``log``, ``spool``, ``outbox``,
    ``waiting``, or ``dead`` where the plan or the door refused it."""

    message: str
    own: str
    id: str | None
    at: float
    amount: int | None
    place: str


class Day(NamedTuple):
    """A day's rows and events, and the sums of both in ``units``."""

    day: str
    rows: int
    events: int
    amount: int
    told: int

    @property
    def is_equal(self) -> bool:
        """Whether both sides say the same."""
        return self.rows == self.events and self.amount == self.told


class Comparison:
    """Give it ``facts``, then ``events``, then ``match``; then ask. The caller closes it.

    ``day`` says which day a moment belongs to. A matched event counts for its row's day.
    """

    def __init__(self, span: Span, day: Callable[[float], str]) -> None:
        self._day = day
        self._span = {"since": span.since, "until": span.until, "young": span.young}
        self._db = sqlite3.connect("", isolation_level=None)  # on disk, and nobody else's
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA cache_size = -16384;" + _TABLES)

    def facts(self, facts: Iterable[Fact]) -> int:
        """Takes the truth; how many rows there were. TwiceError names an id that comes again."""
        rows = ((each.id, each.at, self._day(each.at), *each[2:]) for each in facts)
        number = self._put("INSERT INTO truth VALUES (?, ?, ?, ?, ?)", rows)
        self._db.execute(_INDEXED)
        for (repeated,) in self._db.execute(_REPEATED):
            raise TwiceError(repeated)
        return number

    def events(self, events: Iterable[Told]) -> int:
        """Takes events; how many. One that comes again, from further on its way, counts there."""
        rows = (
            (each.message, each.id, each.own, each.at, self._day(each.at), *each[4:])
            for each in events
        )
        return self._put("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def match(self) -> None:
        """Both sides are complete."""
        for statement in filter(str.strip, _MATCHED.split(";")):
            self._db.execute(statement, self._span if ":" in statement else ())

    def days(self) -> list[Day]:
        """Every day on which there is a row or an event."""
        return [Day(*row) for row in self._db.execute(_DAYS, self._span)]

    def missing(self, why: str = "missing") -> Iterator[str]:
        """The ids of rows without an event: ``missing``, ``young`` (it may still be on its way),
        ``refused`` (it is a dead letter), ``gone`` (``had`` it)."""
        return (row[0] for row in self._db.execute(_MISSING, {"why": why}))

    def had(self, ids: Sequence[str]) -> None:
        """Events of these missing rows were stored once."""
        self._put("UPDATE missing SET why = 'gone' WHERE id = ?", [(each,) for each in ids])

    def entries(self) -> Iterator[bytes]:
        """What tells of the missing rows, in the order in which they happened."""
        return (row[0] for row in self._db.execute(_ENTRIES))

    def older(self, moment: float) -> int:
        """How many of the missing rows happened before a moment."""
        return int(self._db.execute(_OLDER, (moment,)).fetchone()[0])

    def extra(self) -> Iterator[str]:
        """The ids that events name and the truth does not."""
        return (row[0] for row in self._db.execute(_EXTRA, self._span))

    def twice(self) -> Iterator[str]:
        """The ids of rows of which several events tell."""
        return (row[0] for row in self._db.execute(_TWICE, self._span))

    def different(self) -> Iterator[tuple[str, int | None, int | None]]:
        """Ids of which both sides say another amount: (id, the row's, the event's)."""
        return self._db.execute(_DIFFERENT, self._span)

    def nameless(self) -> Iterator[str]:
        """The own ids of events that name no row."""
        return (row[0] for row in self._db.execute(_NAMELESS, self._span))

    def waiting(self) -> int:
        """How many of the matched events are not in the log yet."""
        return int(self._db.execute(_WAITING, self._span).fetchone()[0])

    def close(self) -> None:
        """All of it is gone."""
        self._db.close()

    def _put(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Runs a statement with each of these values; how many there were."""
        before = self._db.total_changes
        self._db.execute("BEGIN")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")
        return self._db.total_changes - before


def units(value: object) -> int | None:
    """An amount as a whole number, to four places; None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    try:
        found = int((Decimal(str(value)) * _UNITS).to_integral_value())
    except (InvalidOperation, OverflowError, ValueError):
        return None
    return found if abs(found) <= _MOST else None


def amount(number: int) -> Decimal:
    """What a number of units is, without noughts at its end beyond two places."""
    exact = Decimal(number) / _UNITS
    short = exact.quantize(Decimal("0.01"))
    return short if short == exact else exact.normalize()
