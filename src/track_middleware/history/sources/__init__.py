"""Sources of rows: databases, files, and what an app's own code gives.

Each reads its rows in one order, a bounded number at a time, and says behind each piece where to go
on: a place that a checkpoint keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ...errors import SettingsError
from ..rows import Row

#: Rows of one piece.
AT_ONCE = 1000


class Piece(NamedTuple):
    """Rows in order, and the place behind the last one (a JSON value)."""

    rows: Sequence[Row]
    place: Any


class Source(Protocol):
    """Rows from somewhere. The caller closes it."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns, as far as they are known before any row is read."""
        ...

    def total(self, place: Any) -> int | None:
        """How many rows lie behind a place; None where counting would mean reading them."""
        ...

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """The rows behind a place (None: all), so many at once."""
        ...

    def close(self) -> None:
        """Lets go of files and connections."""
        ...


class SourceError(SettingsError):
    """A source that cannot be read; the message repeats no password."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be read: ``text`` names the source, ``sql`` asks a database, ``id`` is the column
    by which rows are put into order."""

    text: str
    id: str
    sql: str | None = None


#: How a face finds the model or queryset of a name (``shop.Order``).
Models = Callable[[str], Any]

_FILES = (".csv", ".tsv", ".jsonl", ".ndjson")


def opened(ask: Ask, *, models: Models | None = None) -> Source:
    """The source of a call. SourceError when there is none, or it cannot be reached."""
    scheme, separator, rest = ask.text.partition(":")
    if separator and scheme in ("sqlite", "postgresql", "postgres"):
        if not ask.sql:
            raise SourceError("source", "a database wants --sql, such as 'select * from orders'")
        return _database(scheme, ask)
    if ask.sql:
        raise SourceError("source", "--sql asks sqlite:///… and postgresql://… only")
    if separator and scheme in ("django", "python"):
        from . import code

        if scheme == "django" and models is None:
            raise SourceError("source", "django:… is read by `manage.py track backfill`")
        return code.opened(rest, ask.id, models=models if scheme == "django" else None)
    path = Path(ask.text)
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix in _FILES:
        from . import files

        return files.opened(path, suffix, ask.id)
    if suffix == ".parquet":
        from . import parquet

        return parquet.Parquet(path)
    raise SourceError(
        "source",
        f"{without_secrets(ask.text)} is none of sqlite:///…, postgresql://…, django:app.Model, "
        "python:package.module.name, *.csv, *.tsv, *.jsonl (also .gz), *.parquet",
    )


def _database(scheme: str, ask: Ask) -> Source:
    if scheme == "sqlite":
        from . import sqlite

        return sqlite.Sqlite(ask)
    from . import postgres

    return postgres.Postgres(ask)


def without_secrets(text: str) -> str:
    """What names a source, or a URL, without user, password and options."""
    scheme, separator, rest = text.partition("?")[0].partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"[:100]
