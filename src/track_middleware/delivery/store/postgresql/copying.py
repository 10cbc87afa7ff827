"""Copies a SQLite store into an empty PostgreSQL one, so that a copy that was cut off goes on.

The log and the known ids, which only grow, are copied in pieces, each a transaction of its own;
what is left, in one. The source is locked against writers for as long as that takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ....errors import StoreError
from . import days
from .connection import Connection

#: Rows of one piece.
AT_ONCE = 10_000

#: Events are not put into days that are longer ago.
_DAYS = 400

#: What stays: leases are of whoever runs; packs are read with the log.
_LEFT = frozenset({"lease", "log_pack", "log_pack_key"})

#: Tables that only grow, and by which column.
_GROWING = {"known": "number", "log": "position"}

#: Told how many events are copied.
Progress = Callable[[int], object]


class Copy:
    """One copy. ``source`` is a connection that holds SQLite's write lock, ``generation`` the lease
    that was taken for it."""

    def __init__(self, source: sqlite3.Connection, target: Connection, generation: int) -> None:
        self._source = source
        self._target = target
        self._generation = generation
        self._columns = {name: self._columns_of(name) for name in self._tables()}

    def begin(self, *, resumed: bool) -> None:
        """Makes the target's schema, and a note of whose copy it is. What a former copy left is
        gone on with when ``resumed`` and nobody has changed the source since, else thrown away.
        StoreError for a store that is in use."""
        raw = self._target.raw
        raw.execute(
            "CREATE TABLE IF NOT EXISTS copy (source TEXT NOT NULL, generation BIGINT NOT NULL)"
        )
        identity = self._source.execute("SELECT name FROM identity").fetchone()[0]
        found = raw.execute("SELECT source, generation FROM copy").fetchone()
        if found is None and self._is_used():
            raise StoreError(f"{self._target.name} holds a store already; name another database")
        if found is not None and found[0] != identity:
            raise StoreError(
                f"{self._target.name} holds a part of another store's copy; name another database, "
                "or drop its schema"
            )
        with raw.transaction():
            if found is not None and not (resumed and found[1] == self._generation - 1):
                self._clear([*self._columns, "log_day"])
            raw.execute("DELETE FROM copy")
            raw.execute("INSERT INTO copy VALUES (%s, %s)", [identity, self._generation])

    def run(self, progress: Progress) -> int:
        """Copies everything; how many events. StoreError when the copy is not whole."""
        for table, key in _GROWING.items():
            self._grow(table, key, progress if table == "log" else lambda done: None)
        with self._target.raw.transaction():
            rest = self._columns.keys() - _GROWING.keys()
            self._clear(sorted(rest))
            for table in sorted(rest):
                self._write(table, self._source.execute(self._select(table)))
            self._target.raw.execute(_LOG_DAYS)
            self._set_numbers()
            self._target.raw.execute("DROP TABLE copy")
        return self._checked()

    def _grow(self, table: str, key: str, progress: Progress) -> None:
        """A table from where it stands, a piece at a time; the source may have lost rows since."""
        raw, done = self._target.raw, 0
        last = self._asked(f"SELECT COALESCE(MAX({key}), 0) FROM {table}")
        select = f"{self._select(table)} WHERE {key} > ? ORDER BY {key} LIMIT {AT_ONCE}"
        place = self._columns[table].index(key)
        while rows := self._source.execute(select, [last]).fetchall():
            with raw.transaction():
                self._write(table, iter(rows))
            last, done = rows[-1][place], done + len(rows)
            progress(done)

    def _write(self, table: str, rows: Iterator[Sequence[Any]]) -> None:
        raw, columns = self._target.raw, self._columns[table]
        place = columns.index("accepted_at") if table == "log" else None
        names = ", ".join(f'"{name}"' for name in (*columns, *(["day"] if place else [])))
        today = self._asked("SELECT (extract(epoch FROM now()) / 86400)::integer")
        statement = f"COPY {table} ({names}) FROM STDIN".encode()
        for piece in _pieces(rows):
            if place is not None:
                piece = [(*row, _day(row[place], today)) for row in piece]
                for day in {row[-1] for row in piece}:
                    days.make(self._target, day)
            with raw.cursor() as cursor, cursor.copy(statement) as copy:
                for row in piece:
                    copy.write_row(row)

    def _set_numbers(self) -> None:
        """Numbers go on where the source's stood, also those of rows that are gone."""
        raw = self._target.raw
        highest = dict(self._source.execute("SELECT name, seq FROM sqlite_sequence"))
        raw.execute("UPDATE log_end SET last = %s", [highest.get("log", 0)])
        for table, column, sequence in raw.execute(_SEQUENCES).fetchall():
            top = f"GREATEST((SELECT MAX({column}) FROM {table}), {highest.get(table, 0)}, 1)"
            raw.execute(f"SELECT setval('{sequence}', {top})".encode())

    def _checked(self) -> int:
        events = 0
        for table in self._columns:
            counted = f"SELECT COUNT(*) FROM {table}"
            theirs = self._source.execute(counted).fetchone()[0]
            if self._asked(counted) != theirs:
                raise StoreError(f"the copy of {table} has other rows than the store; try again")
            events = theirs if table == "log" else events
        return int(events)

    def _is_used(self) -> bool:
        used = "SELECT EXISTS (SELECT 1 FROM log) OR EXISTS (SELECT 1 FROM job)"
        used += " OR EXISTS (SELECT 1 FROM known)"
        return bool(self._asked(used))

    def _asked(self, query: str) -> Any:
        """The first column of the target's first row."""
        found = self._target.raw.execute(query.encode()).fetchone()
        return found[0] if found else None

    def _clear(self, tables: Sequence[str]) -> None:
        self._target.raw.execute(f"TRUNCATE {', '.join(tables)}".encode())

    def _tables(self) -> list[str]:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        return [name for (name,) in self._source.execute(asked) if name not in _LEFT]

    def _columns_of(self, table: str) -> list[str]:
        return [row[1] for row in self._source.execute(f"PRAGMA table_info({table})")]

    def _select(self, table: str) -> str:
        names = ", ".join(f'"{name}"' for name in self._columns[table])
        return f"SELECT {names} FROM {'event' if table == 'log' else table}"


def _pieces(rows: Iterator[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    piece: list[Sequence[Any]] = []
    for row in rows:
        piece.append(row)
        if len(piece) == AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def _day(accepted_at: float, today: int) -> int:
    return max(today - _DAYS, min(today, int(accepted_at // 86400)))


_LOG_DAYS = b"""
INSERT INTO log_day (day, first, last, newest)
SELECT day, MIN(position), MAX(position), MAX(accepted_at) FROM log WHERE day > 0 GROUP BY day
ON CONFLICT (day) DO UPDATE SET
    first = excluded.first, last = excluded.last, newest = excluded.newest
"""

_SEQUENCES = b"""
SELECT t.relname::text, a.attname::text, s.relname::text
FROM pg_class AS s JOIN pg_depend AS d ON d.objid = s.oid AND d.deptype = 'a'
JOIN pg_class AS t ON t.oid = d.refobjid
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND t.relnamespace = current_schema()::regnamespace
"""
