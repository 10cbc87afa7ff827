"""SQLite as log and ledger: the contract, and what is SQLite's own."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.store_contract import StoreContract, outcome, row
from track_middleware.delivery.store import connection, sqlite, volume
from track_middleware.delivery.store.statements import SQL
from track_middleware.errors import StoreError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def opened_again(data_dir):
    opened = []

    def again():
        opened.append(sqlite.open(data_dir / "events.db"))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(opened_again):
    return opened_again()


class TestSqlite(StoreContract):
    """SQLite passes the contract."""


def test_folder_and_files_are_for_their_owner_only(store, data_dir):
    store.append([row(1)])
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in data_dir.glob("events.db*")}
    assert modes == {0o600}


def test_a_store_of_the_first_release_is_brought_up_in_place(data_dir, opened_again):
    _first_release(data_dir)
    store = opened_again()
    job = store.job("webhook")
    assert (job.position, job.paused_until, job.pause_reason) == (3, 60.0, "HTTP 503")
    assert (job.wait, job.pace, job.delivered, job.answer) == (0.0, None, 0, "")
    states = {each.position: (each.state, each.due) for each in store.due(job, 99.0, 10)}
    assert states == {1: ("retry", 0.0), 2: ("held", 0.0), 3: ("retry", 0.0)}
    assert store.waiting_keys(job, ["a", "b"]) == {"a", "b"}
    store.close()
    assert opened_again().job("webhook") == job


def test_an_older_releases_store_is_not_read_before_its_worker_brought_it_up(data_dir):
    _first_release(data_dir)
    with pytest.raises(StoreError, match="older release"):
        sqlite.open(data_dir / "events.db", read_only=True)


def _first_release(data_dir):
    """A store as the first release left it: two retries of one visitor, one held of another."""
    data_dir.mkdir(exist_ok=True)
    schema = Path(connection.__file__).with_name("schema_1.sql").read_text("utf-8")
    raw = sqlite3.connect(data_dir / "events.db")
    raw.executescript(schema)
    raw.execute("INSERT INTO job VALUES (1, 'webhook', 3, NULL, 60.0, 'HTTP 503')")
    waiting = [(1, "a", "retry", 50.0), (2, "a", "retry", 90.0), (3, "b", "held", 0.0)]
    for position, key, state, due in waiting:
        raw.execute(
            "INSERT INTO delivery VALUES (1, ?, ?, ?, ?, 1, ?, '')",
            (position, f"id-{position}", key, state, due),
        )
    raw.execute("PRAGMA user_version = 1")
    raw.commit()
    raw.close()


def test_what_is_due_is_found_without_reading_all_that_waits(store, data_dir):
    """10,000 events wait behind 100 of their visitors'; a step looks at what it sends."""
    job = store.job("webhook")
    for first in range(0, 10_000, 1_000):
        numbers = range(first, first + 1_000)
        store.append([row(number, key=f"v{number % 100}") for number in numbers])
    waiting = [
        outcome(each, "retry" if each.position <= 100 else "held", due=each.position)
        for each in store.read(0, 10_000)
    ]
    store.advance(job, 10_000, waiting)
    raw = sqlite3.connect(data_dir / "events.db")
    steps = []
    raw.set_progress_handler(lambda: steps.append(1), 1)
    asked = {"job": job.id, "now": 99.0, "never": 1e9, "limit": 10}
    keys = raw.execute(SQL["delivery_due_keys"], asked).fetchall()
    first = raw.execute(SQL["delivery_of_key"], (job.id, keys[0][0], 10)).fetchall()
    raw.execute(SQL["delivery_next"], (job.id,)).fetchall()
    raw.execute(SQL["delivery_keys"], (job.id, '["v1","v2"]')).fetchall()
    raw.close()
    assert (len(keys), len(first)) == (10, 10)
    assert len(steps) < 3_000


def test_a_newer_releases_store_is_left_alone(store, data_dir, opened_again):
    store.close()
    raw = sqlite3.connect(data_dir / "events.db")
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(StoreError, match="newer release"):
        opened_again()


def test_a_file_that_is_no_database_is_an_error_that_names_it(data_dir):
    data_dir.mkdir()
    (data_dir / "events.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"events\.db"):
        sqlite.open(data_dir / "events.db")


def test_a_folder_that_is_a_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "track").touch()
    with pytest.raises(StoreError, match=r"track/events\.db cannot be made"):
        sqlite.open(tmp_path / "track" / "events.db")


def test_locks_of_a_local_disk_work(tmp_path):
    assert volume.locks_work(tmp_path)


def test_a_volume_that_refuses_locks_is_found_out(tmp_path):
    def refuses(fd, command, form):
        raise OSError(errno.ENOLCK, "no locks available")

    assert not volume.locks_work(tmp_path, lock=refuses)


@pytest.mark.needs("linux")
def test_a_volume_that_grants_every_lock_is_found_out(tmp_path):
    assert not volume.locks_work(tmp_path, lock=lambda fd, command, form: form)
    assert fcntl.F_OFD_SETLK


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "/data/events.db"),
        ("sqlite:///<data_dir>/e.db", "/data/e.db"),
        ("sqlite:////var/e.db", "/var/e.db"),
    ],
)
def test_a_store_setting_names_a_file(url, path):
    assert sqlite.path_of(url, Path("/data")) == Path(path)


def test_another_engine_is_refused():
    with pytest.raises(StoreError, match="postgresql"):
        sqlite.path_of("postgresql:///x", Path("/data"))


def appender(data_dir: Path, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.delivery.appender", str(data_dir / "events.db")]
    return subprocess.Popen(
        [*command, str(first), str(count)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_two_processes_append_and_a_reader_never_skips(store, data_dir):
    """Both end by SIGKILL in the middle of a transaction, which leaves nothing."""
    processes = [appender(data_dir, first, 500) for first in (0, 250)]
    seen: list[int] = []
    while any(process.poll() is None for process in processes):
        seen += [each.position for each in store.read(seen[-1] if seen else 0, 100)]
    while more := store.read(seen[-1] if seen else 0, 100):
        seen += [each.position for each in more]
    outputs = [process.communicate()[0] for process in processes]
    assert outputs == ["done\n", "done\n"]
    assert [process.returncode for process in processes] == [-9, -9]
    assert seen == list(range(1, 751))
    assert len({each.event_id for each in store.read(0, 1000)}) == 750


def test_a_store_works_on_after_a_kill(store, data_dir, opened_again):
    appender(data_dir, 0, 10).communicate(timeout=300)
    again = opened_again()
    assert again.end() == 10
    assert again.append([row(10**6)]) == {row(10**6).event_id: 11}


def test_another_process_that_opens_and_closes_the_store_leaves_our_wal_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.db"
    store = sqlite.open(path)
    sibling = store.sibling()
    generation = store.lease.take(0, "we")
    assert generation == 1
    visit = (
        "from track_middleware.delivery.store import sqlite; from pathlib import Path; "
        f"sqlite.open(Path({str(path)!r})).close()"
    )
    subprocess.run([sys.executable, "-c", visit], check=True, timeout=300)
    assert store.lease.renew(generation)
    seen = sqlite.open(path, read_only=True)
    assert seen.lease.read() == (1, 1)
    for each in (seen, sibling, store):
        each.close()


def test_a_store_that_is_being_made_is_none_yet(tmp_path):
    path = tmp_path / "events.db"
    assert sqlite.to_read(path) is None
    path.touch()
    assert sqlite.to_read(path) is None
    sqlite.open(path).close()
    found = sqlite.to_read(path)
    assert found is not None
    assert found.end() == 0
    found.close()


@pytest.mark.needs("linux")
def test_sync_reaches_the_disk_also_while_somebody_reads(tmp_path, monkeypatch):
    store, reader = sqlite.open(tmp_path / "e.db"), sqlite.open(tmp_path / "e.db")
    reader._db._raw.execute("BEGIN")
    reader.end()
    store.append([row(1)])
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    store.sync()
    assert synced == [f"{tmp_path / 'e.db'}-wal"]
    reader.close()
    store.close()


def test_every_statement_has_a_name_of_its_own() -> None:
    folder = Path(connection.__file__).parent
    files = [file for file in folder.glob("*.sql") if not file.name.startswith("schema_")]
    texts = [file.read_text() for file in files]
    names = [name for text in texts for name in re.findall(r"(?m)^-- (\w+): ", text)]
    assert len(names) == len(set(names))
    assert set(SQL) == set(names)
