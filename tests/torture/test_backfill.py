"""kill -9 in the middle of a backfill, again and again: every row is at Mixpanel once.

``make backfill`` (``BACKFILL=1000000``) reads a million rows of SQLite, kills five times and prints
how it went; the suite reads 20,000, and fewer of PostgreSQL.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cluster import cluster
from tests.torture import vendor
from tests.torture.test_kills import PATIENCE, children, killed, running
from tests.waiting import listens, until
from track_middleware.delivery import handover
from track_middleware.delivery.store import sqlite
from track_middleware.reading import load

ROWS = int(os.environ.get("BACKFILL", "20000"))

TABLE = "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id TEXT, total REAL, created_at INTEGER)"

#: So much more memory may the last run have needed than the first, in KiB.
_MORE = 24 * 1024


@dataclass(frozen=True, slots=True)
class Shop:
    """A database with orders, as a source; how often its backfill is killed, after how many rows
    more, and how fast it may read until then: a kill that comes late finds it at work."""

    source: str
    rows: int
    kills: int
    step: int
    rate: str | None


@pytest.fixture
def of_sqlite(tmp_path: Path) -> Shop:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(TABLE)
        rows = ((n, n % 5000, n / 100, 1_700_000_000 + n) for n in range(1, ROWS + 1))
        database.executemany("INSERT INTO orders VALUES (?, 'u' || ?, ?, ?)", rows)
    if ROWS > 100_000:
        return Shop(f"sqlite:///{path}", ROWS, kills=5, step=ROWS // 6, rate=None)
    return Shop(f"sqlite:///{path}", ROWS, kills=3, step=1000, rate="1000/s")


@pytest.fixture
def of_postgresql() -> Iterator[Shop]:
    with cluster() as server:
        server.do(f"{TABLE}; GRANT SELECT ON orders TO shop")
        server.do(
            "INSERT INTO orders SELECT n, 'u' || n % 50, n / 100.0, 1700000000 + n"
            " FROM generate_series(1, 4000) AS n"
        )
        yield Shop(server.url, 4000, kills=2, step=300, rate="200/s")


SHOPS = ["of_sqlite", pytest.param("of_postgresql", marks=pytest.mark.needs("postgresql"))]


@contextmanager
def mixpanel(taken: Path, port: int) -> Iterator[None]:
    with running("tests.torture.importer", str(taken), str(port)):
        until(lambda: listens(port), "the importer never listened")
        yield


def command(data_dir: Path, shop: Shop, *, rate: str | None = None) -> list[str]:
    return [
        "track_middleware", "backfill", shop.source, "--sql", "select * from orders",
        "--event", "Order Completed", "--id", "id", "--user", "user_id", "--time", "created_at",
        "--data-dir", str(data_dir), "--resume", "--json",
        *(["--rate", rate] if rate else []),
    ]  # fmt: skip


def read(data_dir: Path) -> int:
    """How many rows the checkpoint says were read; none without one."""
    for path in (data_dir / "backfills").glob("*.json"):
        return int(json.loads(path.read_bytes()).get("read", 0))
    return 0


def peak(pid: int) -> int:
    """The most memory that a process has had, in KiB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(e.split()[1]) for e in status.splitlines() if e.startswith("VmHWM")), 0)


@pytest.mark.parametrize("name", SHOPS)
def test_every_row_is_imported_once_however_often_it_is_killed(
    request: pytest.FixtureRequest, name: str, tmp_path: Path, data_dir: Path, free_port: int
) -> None:
    shop: Shop = request.getfixturevalue(name)
    rows, kills = shop.rows, shop.kills
    chance, taken = random.Random(7), tmp_path / "taken"
    url = f"mixpanel://me:hush@7?token=t&endpoint=http://127.0.0.1:{free_port}"
    handover.write(load({"data_dir": str(data_dir), "destinations": [url]}, {}), data_dir)
    peaks: list[int] = []
    with mixpanel(taken, free_port):
        for number in range(kills):
            upto = shop.step * (number + 1)
            peaks.append(interrupted(data_dir, shop, upto, with_worker=chance.random() < 0.5))
        before = read(data_dir)
        done, last, speeds = to_its_end(data_dir, shop, taken)
    assert done["complete"]
    assert done["rows"] == rows - before, "it did not begin anew"
    assert done["stored"] == rows
    (to,) = done["destinations"]
    assert to["over"]
    sent = vendor.counted(taken)
    assert len(sent) == rows
    assert {insert_id(each) for each in sent} == ids_in_the_log(data_dir, rows)
    print(
        f"\n{rows:,} rows, {kills} kills: {len(sent):,} events, sent {sum(sent.values()):,} times"
    )
    print(f"most memory of each run, MiB: {[each // 1024 for each in (*peaks, last)]}")
    print(f"events imported a second, by tenths of the last run: {speeds}")
    assert max(*peaks, last) - min(*peaks, last) < _MORE, "memory grows with what was read"


def interrupted(data_dir: Path, shop: Shop, upto: int, *, with_worker: bool) -> int:
    """Runs it until so many rows are read, then kills it; its most memory."""
    call = command(data_dir, shop, rate=shop.rate)
    with running(*call, stdout=subprocess.DEVNULL) as process:

        def is_so_far() -> bool:
            assert process.poll() is None, "it ended before it was killed"
            return read(data_dir) >= upto

        until(is_so_far, "it does not read on", seconds=PATIENCE, pause=0.002)
        needed = peak(process.pid)
        killed([*(children(process.pid) if with_worker else []), process.pid])
    return needed


def to_its_end(data_dir: Path, shop: Shop, taken: Path) -> tuple[dict[str, Any], int, list[int]]:
    """Runs it to its end: what it says, its most memory, its speed over time."""
    needed, seen = 0, [(time.monotonic(), taken.stat().st_size)]
    with running(*command(data_dir, shop), stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            needed = max(needed, peak(process.pid))
            seen.append((time.monotonic(), taken.stat().st_size))
            time.sleep(0.1)
        assert process.stdout is not None
        out = process.stdout.read()
        process.stdout.close()
    assert process.returncode == 0, out
    return json.loads(out), needed, by_tenths(seen, taken)


def by_tenths(seen: list[tuple[float, int]], taken: Path) -> list[int]:
    """Lines a second that a file grew by, in each tenth of its growth."""
    lines = taken.read_bytes().count(b"\n") / taken.stat().st_size
    first, last = seen[0][1], seen[-1][1]
    marks = [first + (last - first) * part // 10 for part in range(11)]
    times = [next(at for at, size in seen if size >= mark) for mark in marks]
    return [
        round((high - low) * lines / max(0.05, end - begin))
        for low, high, begin, end in zip(marks, marks[1:], times, times[1:], strict=False)
    ]


def insert_id(line: str) -> str:
    return line.rpartition("|")[2]


def ids_in_the_log(data_dir: Path, rows: int) -> set[str]:
    with closing(sqlite.open(data_dir / "events.db", read_only=True)) as store:
        found: list[str] = []
        position = 0
        while piece := store.read(position, 5000):
            found += [row.event_id for row in piece]
            position = piece[-1].position
    assert len(found) == rows
    return set(found)
