"""A PostgreSQL store's schema, brought to this release's version step by step."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from ....errors import StoreError

if TYPE_CHECKING:
    import psycopg

_FOLDER = resources.files(__package__)
_STEPS = ("schema_1.sql",)

#: This release's version.
LATEST = len(_STEPS)


def version(raw: psycopg.Connection[Any], schema: str) -> int:
    """The version of a store's schema, 0 where there is none."""
    there = raw.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.version"]).fetchone()
    if there is None or not there[0]:
        return 0
    found = raw.execute(f"SELECT number FROM {schema}.version".encode()).fetchone()
    return int(found[0]) if found else 0


def upgrade(raw: psycopg.Connection[Any], schema: str, *, shown: str) -> None:
    """Brings the schema to this release's version; others may be doing the same. StoreError when it
    is a later one."""
    if version(raw, schema) == LATEST:
        return
    with raw.transaction():
        raw.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"track schema {schema}"])
        present = version(raw, schema)
        if present > LATEST:
            raise StoreError(f"{shown} was made by a newer release of track-middleware")
        if present == 0:
            raw.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
            raw.execute(f"CREATE TABLE {schema}.version (number INTEGER NOT NULL)".encode())
            raw.execute(f"INSERT INTO {schema}.version VALUES (0)".encode())
        for step in _STEPS[present:]:
            raw.execute(_FOLDER.joinpath(step).read_bytes())
        raw.execute(f"UPDATE {schema}.version SET number = {LATEST}".encode())
