"""Rows of a PostgreSQL database, by ``postgresql://…`` and a cursor on the server.

psycopg (the extra ``postgresql``) is imported with the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..source import AT_ONCE, Ask, Piece, SourceError
from .paged import condition, counted, ordered, place_of, wrapped


class Postgres:
    """One transaction that only reads: all rows are as they were when it began."""

    def __init__(self, ask: Ask) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise SourceError("source", f"psycopg is missing: {error}") from error
        self._wrong = psycopg.Error
        self._id = ask.id
        # A per cent sign is a placeholder's beginning where values are given, and only there.
        self._sql = wrapped(ask.sql or "")
        try:
            self._raw = psycopg.connect(ask.text, application_name="track-middleware backfill")
        except psycopg.Error as error:
            problem = _plain(error, ask.text)
            raise SourceError("source", f"the database cannot be reached: {problem}") from error
        try:
            self._raw.read_only = True
            with self._raw.cursor() as cursor:
                cursor.execute(f"SELECT * FROM ({self._sql}) AS source LIMIT 0".encode())
                self.columns: Sequence[str] = [each.name for each in cursor.description or ()]
        except psycopg.Error as error:
            self._raw.close()
            raise SourceError("sql", str(error).strip()) from error

    def total(self, place: Any) -> int | None:
        """As ``Source``: the database counts."""
        where = condition(self._id, place, "%s")
        try:
            with self._raw.cursor() as cursor:
                cursor.execute(*self._asked(counted(self._sql, where), place))
                return int((cursor.fetchone() or (0,))[0])
        except self._wrong as error:
            raise SourceError("sql", str(error).strip()) from error

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """As ``Source``; the place is the last row's id."""
        where = condition(self._id, place, "%s")
        try:
            with self._raw.cursor(name="track_backfill") as cursor:
                cursor.execute(*self._asked(ordered(self._sql, where, self._id), place))
                while rows := cursor.fetchmany(size):
                    made = [dict(zip(self.columns, row, strict=True)) for row in rows]
                    yield Piece(made, place_of(made, self._id))
        except self._wrong as error:
            raise SourceError("sql", str(error).strip()) from error

    def close(self) -> None:
        """Ends the transaction and the connection."""
        self._raw.close()

    def _asked(self, sql: str, place: Any) -> tuple[bytes, Sequence[Any] | None]:
        if place is None:
            return sql.encode(), None
        escaped = sql.replace(self._sql, self._sql.replace("%", "%%"))
        return escaped.encode(), (place if isinstance(place, int) else str(place),)


def _plain(error: Exception, url: str) -> str:
    """What is wrong, without the URL's password."""
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    text = " ".join(str(error).split())
    return text.replace(password, "…") if password else text
