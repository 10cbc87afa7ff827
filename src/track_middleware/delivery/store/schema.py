"""A SQLite store's schema, brought to this release's version step by step."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from ...errors import StoreError

_FOLDER = resources.files(__package__)
_STEPS = tuple(f"schema_{number}.sql" for number in range(1, 7))

#: This release's version.
LATEST = len(_STEPS)


def version(raw: sqlite3.Connection) -> int:
    """The version of a store's schema, 0 of an empty one."""
    return int(raw.execute("PRAGMA user_version").fetchone()[0])


def upgrade(raw: sqlite3.Connection, path: Path) -> None:
    """Brings the schema to this release's version; another process may be doing the same.
    StoreError when it is a later one."""
    if version(raw) == LATEST:
        return
    raw.execute("BEGIN IMMEDIATE")
    for number in range(version(raw), LATEST):
        _apply(raw, _STEPS[number])
    if version(raw) > LATEST:
        raise StoreError(f"the store {path} was made by a newer release of track-middleware")
    raw.execute(f"PRAGMA user_version = {LATEST}")
    raw.execute("COMMIT")


def _apply(raw: sqlite3.Connection, script: str) -> None:
    """Runs a script's statements inside the open transaction (executescript would end it)."""
    statement = ""
    for line in _FOLDER.joinpath(script).read_text("utf-8").splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            raw.execute(statement)
            statement = ""
