"""Sources of rows: databases, files, and what an app's own code gives; a file for each kind."""

from __future__ import annotations

from pathlib import Path

from ..source import AT_ONCE, Ask, Models, Piece, Source, SourceError, without_secrets

__all__ = [
    "AT_ONCE", "Ask", "Models", "Piece", "Source", "SourceError", "opened", "without_secrets",
]  # fmt: skip

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
