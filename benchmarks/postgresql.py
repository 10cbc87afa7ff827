"""The PostgreSQL store beside psycopg alone: events in and out, in one run on one server.

psycopg alone copies the same rows into a table with the log's columns and the ids into one where
they are unique, a transaction for as many as the drain takes at once, and reads the rows back in a
destination's batches. The store does what it does for the worker: it drops ids that are known,
gives positions, copies, reads, moves the job. Both take turns. The server is the tests' own.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.programs import there
from track_middleware.delivery.drain import AT_ONCE
from track_middleware.delivery.store import NewRow
from track_middleware.delivery.store.postgresql import opening

from .beside import BATCH, ROUNDS, in_and_out, is_missed, made

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))

_RAW = """
DROP TABLE IF EXISTS raw;
CREATE TABLE raw (position bigint PRIMARY KEY, event_id text, order_key text,
    accepted_at double precision, kind text, label text, body bytea);
DROP TABLE IF EXISTS raw_id;
CREATE TABLE raw_id (id bytea UNIQUE, seen double precision)
"""


def main() -> int:
    """Prints the table; 1 when the bar is missed. Without PostgreSQL's programs it says so."""
    if not there("postgresql"):
        print("no PostgreSQL is installed here")
        return 0
    rows = made(EVENTS)
    with cluster() as server, tempfile.TemporaryDirectory() as folder:
        alone: list[float] = []
        ours: list[float] = []
        for _ in range(ROUNDS):
            alone.append(_timed(lambda: _alone(server, rows)))
            emptied(server)
            ours.append(_timed(lambda: _store(server, rows, Path(folder))))
    return is_missed("psycopg", EVENTS, alone, ours)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _alone(server: Cluster, rows: Sequence[NewRow]) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(_RAW.encode())
        for start in range(0, len(rows), AT_ONCE):
            piece = rows[start : start + AT_ONCE]
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy("COPY raw_id FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types(["bytea", "float8"])
                    for row in piece:
                        copy.write_row((uuid.UUID(row.event_id).bytes, row.accepted_at))
                with cursor.copy("COPY raw FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types(["int8", "text", "text", "float8", "text", "text", "bytea"])
                    for place, row in enumerate(piece, start + 1):
                        copy.write_row((
                            place, row.event_id, row.order_key, row.accepted_at, row.kind,
                            row.label, row.body,
                        ))  # fmt: skip
        last = 0
        while found := connection.execute(
            b"SELECT * FROM raw WHERE position > %s ORDER BY position LIMIT %s",
            [last, BATCH],
            binary=True,
        ).fetchall():
            last = found[-1][0]


def _store(server: Cluster, rows: Sequence[NewRow], folder: Path) -> None:
    in_and_out(opening.opened(server.url, folder), rows)
