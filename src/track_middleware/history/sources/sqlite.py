"""Rows of a SQLite database, by ``sqlite:///relative`` or ``sqlite:////absolute``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..source import AT_ONCE, Ask, Piece, SourceError
from .paged import condition, counted, ordered, place_of, quoted, wrapped

#: Steps of a query's plan that read all of it before the first row comes.
_WHOLE = ("TEMP B-TREE", "MATERIALIZE", "CO-ROUTINE")


class Sqlite:
    """Opens the database to read only, and never makes one.

    Where the query's rows can be found by their id, each piece is a short statement of its own: in
    a journal mode other than WAL a long one keeps everybody from writing. Else one statement reads
    them all.
    """

    def __init__(self, ask: Ask) -> None:
        path = ask.text.partition("://")[2].removeprefix("/").partition("?")[0]
        if not path or not Path(path).is_file():
            raise SourceError("source", f"there is no database at {path or 'sqlite:///'}")
        self._id = ask.id
        self._sql = wrapped(ask.sql or "")
        try:
            uri = f"file:{quote(path)}?mode=ro"
            with ExitStack() as opened:
                self._raw = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=20.0)
                opened.callback(self._raw.close)
                self._raw.execute("PRAGMA query_only = ON")
                self.columns: Sequence[str] = self._names()
                opened.pop_all()
        except sqlite3.Error as error:
            raise SourceError("sql", str(error)) from error

    def total(self, place: Any) -> int | None:
        """As ``Source``: the database counts."""
        where = condition(self._id, place, "?")
        return int(self._all(counted(self._sql, where), _values(place))[0][0])

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """As ``Source``; the place is the last row's id."""
        if self._is_found_by_id():
            yield from self._pages(place, size)
            return
        where = condition(self._id, place, "?")
        cursor = self._run(ordered(self._sql, where, self._id), _values(place))
        while rows := self._fetched(cursor, size):
            yield self._piece(rows)

    def close(self) -> None:
        """Closes the database."""
        self._raw.close()

    def _pages(self, place: Any, size: int) -> Iterator[Piece]:
        where = condition(self._id, place, "?")
        while rows := self._all(
            f"{ordered(self._sql, where, self._id)} LIMIT {size}", _values(place)
        ):
            piece = self._piece(rows)
            yield piece
            place = piece.place  # None: these rows had no id, which come before all others
            where = condition(self._id, place, "?") or f" WHERE {quoted(self._id)} IS NOT NULL"

    def _piece(self, rows: Sequence[Sequence[Any]]) -> Piece:
        made = [dict(zip(self.columns, row, strict=True)) for row in rows]
        return Piece(made, place_of(made, self._id))

    def _names(self) -> Sequence[str]:
        cursor = self._raw.execute(f"SELECT * FROM ({self._sql}) LIMIT 0")
        names = [each[0] for each in cursor.description]
        if self._id in names:
            self._raw.execute(f"SELECT {quoted(self._id)} FROM ({self._sql}) LIMIT 0")
        return names

    def _is_found_by_id(self) -> bool:
        where = condition(self._id, 0, "?")
        plan = self._all(f"EXPLAIN QUERY PLAN {ordered(self._sql, where, self._id)}", (0,))
        return not any(step in str(row[-1]) for row in plan for step in _WHOLE)

    def _all(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._fetched(self._run(sql, values), -1)

    def _run(self, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
        try:
            return self._raw.execute(sql, values)
        except sqlite3.Error as error:
            raise SourceError("sql", str(error)) from error

    def _fetched(self, cursor: sqlite3.Cursor, size: int) -> list[Any]:
        try:
            return cursor.fetchmany(size) if size > 0 else cursor.fetchall()
        except sqlite3.Error as error:
            raise SourceError("sql", str(error)) from error


def _values(place: Any) -> Sequence[Any]:
    return () if place is None else (place,)
