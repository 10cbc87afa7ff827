"""PostgreSQL as log and ledger: the contract, and what is PostgreSQL's own."""

from __future__ import annotations

import gc
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.delivery.store_contract import StoreContract, outcome, row
from tests.waiting import until
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.postgresql import dialect, opening
from track_middleware.delivery.store.postgresql.address import address
from track_middleware.delivery.store.postgresql.connection import PERSONAL, Connection
from track_middleware.delivery.store.statements import SQL, named
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError

pytestmark = pytest.mark.needs("postgresql")

#: How SQLite's log is filled; PostgreSQL copies.
SQLITE_ONLY = {"log_append", "log_append_bare", "known_last", "known_since", *named("packs")}


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def url(server: Cluster) -> str:
    emptied(server)
    return server.url


@pytest.fixture
def opened_again(url: str, data_dir: Path) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def again() -> Store:
        opened.append(opening.opened(url, data_dir))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(opened_again: Callable[[], Store]) -> Store:
    return opened_again()


class TestPostgresql(StoreContract):
    """PostgreSQL passes the contract."""


def test_every_statement_means_something_to_postgresql(server: Cluster, store: Store) -> None:
    store.end()
    with psycopg.connect(server.at("postgres", "shop"), autocommit=True) as connection:
        connection.execute("SET search_path TO track_middleware")
        for name in sorted({*SQL, *dialect.OWN} - SQLITE_ONLY - {"log_copy"}):
            prepared = f"PREPARE s AS {_numbered(dialect.statement(name).decode())}"
            try:
                connection.execute(prepared.encode(), prepare=False)
                connection.execute("DEALLOCATE s")
            except psycopg.errors.IndeterminateDatatype:  # psycopg says of what type a value is
                continue
            except psycopg.Error as error:
                pytest.fail(f"{name}: {error}")


def _numbered(sql: str) -> str:
    """A statement with PostgreSQL's own placeholders."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1] or f"{len(names)} by place"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return re.sub(r"%(?:\((\w+)\))?s", number, sql).replace("%%", "%")


def test_both_engines_have_the_same_tables(server: Cluster, store: Store, tmp_path: Path) -> None:
    store.end()
    sqlite.open(tmp_path / "events.db").close()
    raw = sqlite3.connect(tmp_path / "events.db")
    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    theirs = {
        (table, column[1])
        for table in tables
        if not table.startswith(("sqlite_", "log_pack"))
        for column in raw.execute(f"PRAGMA table_info({table})")
    }
    raw.close()
    found = server.do(
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = 'track_middleware' AND table_name !~ '^(log_|version|event$)'"
    )
    own = {
        ("log", "day"),
        ("segment", "folder"),
        ("erasure", "folder"),
        ("erasure_answer", "number"),
        *(("job_shard", column) for column in ("job", "shard", "position")),
    }
    assert set(found) == theirs | own


def test_a_text_that_postgresql_cannot_keep_loses_its_nul_alone(store: Store) -> None:
    store.append([row(1, key="a\0b")])
    assert store.read(0, 1)[0].order_key == "a\ufffdb"


def test_positions_have_no_gap_that_an_undone_batch_left(store: Store) -> None:
    def undone() -> None:
        with store.batch():
            store.append([row(1), row(2)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert store.append([row(3)]) == {row(3).event_id: 1}


def test_another_folders_segments_are_not_ours(url: str, store: Store, tmp_path: Path) -> None:
    with store.batch():
        store.intake.moved("v1-a", 10)
    other = opening.opened(url, tmp_path / "another")
    try:
        assert not other.intake.offsets()
        with other.batch():
            other.intake.moved("v1-a", 3)
            other.intake.gone("v1-b")
        assert store.intake.offsets() == {"v1-a": 10}
    finally:
        other.close()


def test_two_folders_have_a_drain_each(url: str, store: Store, tmp_path: Path) -> None:
    other = opening.opened(url, tmp_path / "another")
    try:
        assert store.lease.take(0, "one") == other.lease.take(0, "two") == 1
    finally:
        other.close()


def test_a_server_that_was_away_is_asked_again(server: Cluster, store: Store) -> None:
    store.append([row(1)])
    server.kill()
    with pytest.raises(StoreError):
        store.append([row(2)])
    with pytest.raises(StoreError, match="cannot be reached"):
        store.end()
    server.start()
    assert store.end() == 1
    assert store.append([row(2)])


def test_a_connection_that_was_lost_is_let_go(server: Cluster, store: Store) -> None:
    def kept() -> int:
        gc.collect()
        return sum(type(each) is psycopg.Connection for each in gc.get_objects())

    store.end()
    before = kept()
    for _ in range(3):
        server.do(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE application_name = 'track-middleware'"
        )
        with pytest.raises(StoreError):
            store.end()
        store.end()
    assert kept() == before


def test_the_server_looks_whether_a_silent_host_is_still_there(store: Store, url: str) -> None:
    assert store.end() == 0
    with closing(Connection(address(url), "folder", read_only=True)) as connection:
        names = ("idle", "interval", "count")
        asked = [f"SHOW tcp_keepalives_{name}".encode() for name in names]
        found = [connection.raw.execute(each).fetchall() for each in asked]
    assert found == [[("10",)], [("5",)], [("3",)]]


def test_what_an_erasure_takes_out_somewhere_is_vacuumed_there() -> None:
    written = {
        table
        for file in ("persons", "merges", "histories")
        for sql in named(file).values()
        for table in re.findall(r"^(?:DELETE FROM|UPDATE) (\w+)", sql)
    }
    assert {"choice_record", "visitor_join", "merge_told"} <= written <= set(PERSONAL)


def test_no_error_tells_the_password(url: str, data_dir: Path) -> None:
    wrong = opening.opened(url.replace(":pw@", ":secret7@"), data_dir)
    with pytest.raises(StoreError) as told:
        wrong.end()
    assert "secret7" not in str(told.value)
    assert "password authentication failed" in str(told.value)


def test_nobody_reads_a_store_that_nobody_has_made(
    server: Cluster, url: str, data_dir: Path
) -> None:
    server.do("DROP SCHEMA IF EXISTS track_middleware CASCADE")
    elsewhere = data_dir / "not-there"
    assert opening.to_read(url, elsewhere) is None
    assert not elsewhere.exists()
    assert opening.to_read(url, data_dir) is None
    opening.opened(url, data_dir).job("webhook")
    reader = opening.to_read(url, data_dir)
    assert reader is not None
    assert len(reader.jobs()) == 1
    reader.close()


def test_a_newer_releases_schema_is_left_alone(
    server: Cluster, store: Store, opened_again: Callable[[], Store]
) -> None:
    store.end()
    server.do("UPDATE track_middleware.version SET number = 99")
    try:
        with pytest.raises(StoreError, match="newer release"):
            opened_again().end()
    finally:
        server.do("UPDATE track_middleware.version SET number = 1")


def test_a_day_that_is_over_and_served_goes_as_a_whole(server: Cluster, store: Store) -> None:
    job = store.job("webhook")
    store.append([row(1, at=10.0), row(2, at=20.0)])
    server.do(
        "ALTER TABLE track_middleware.log DETACH PARTITION track_middleware.log_0;"
        "CREATE TABLE track_middleware.log_7 PARTITION OF track_middleware.log FOR VALUES IN (7);"
        "UPDATE track_middleware.log SET day = 7; UPDATE track_middleware.log_day SET day = 7;"
        "ALTER TABLE track_middleware.log_7 OWNER TO shop;"
        "ALTER TABLE track_middleware.log ATTACH PARTITION track_middleware.log_0 FOR VALUES IN (0)"
    )
    store.append([row(3, at=30.0)])

    def days() -> list[object]:
        found = server.do("SELECT tablename::text FROM pg_tables WHERE tablename = 'log_7'")
        return [name for (name,) in found]

    first, _, _ = store.read(0, 10)
    store.advance(job, 2, [outcome(first, "retry", due=5.0)])
    store.forget(events=25.0, ids=0.0, pages=0.0, served_by=["webhook"])
    assert days() == ["log_7"], "an event of it waits"
    store.settle(store.job("webhook"), [outcome(first, "delivered")])
    store.forget(events=15.0, ids=0.0, pages=0.0, served_by=["webhook"])
    assert days() == ["log_7"], "an event of it is too young"
    store.forget(events=25.0, ids=0.0, pages=0.0, served_by=["webhook"])
    assert days() == []
    assert [each.position for each in store.read(0, 10)] == [3]
    assert store.append([row(4)]) == {row(4).event_id: 4}


@pytest.mark.parametrize(
    ("glob", "label", "fits"),
    [
        ("Order*", "Order Completed", True),
        ("Order*", "An Order", False),
        ("*.com", "a.com", True),
        ("*.com", "a-com", False),
        ("?a", "ba", True),
        ("?a", "a", False),
        ("[ab]c", "ac", True),
        ("[^ab]c", "ac", False),
        ("a|b", "a", False),
        ("a\\d", "a5", False),
        ("*", "two\nlines", True),
        ("Größe*", "Größe 5", True),
    ],
)
def test_a_glob_means_what_it_means_to_sqlite(
    server: Cluster, glob: str, label: str, fits: bool
) -> None:
    with psycopg.connect(server.at("postgres", "shop")) as connection:
        asked = connection.execute("SELECT %s ~ %s", [label, dialect.pattern(glob)]).fetchone()
    assert asked == (fits,)
    (there,) = sqlite3.connect(":memory:").execute("SELECT ? GLOB ?", [label, glob]).fetchone()
    assert bool(there) is fits


@pytest.fixture
def strict(server: Cluster) -> Iterator[None]:
    """A database whose transactions see what was there when they began, as an operator may ask."""
    server.do("ALTER DATABASE shop SET default_transaction_isolation = 'repeatable read'")
    yield
    server.do("ALTER DATABASE shop RESET default_transaction_isolation")


@pytest.mark.usefixtures("strict")
def test_who_waits_for_anothers_transaction_sees_what_it_wrote(
    server: Cluster, opened_again: Callable[[], Store]
) -> None:
    one, two = opened_again(), opened_again()
    seen: list[int] = []

    def append() -> None:
        with two.batch():
            two.append([row(2)])
            seen.append(two.end())

    two.end()  # connected
    waiting = threading.Thread(target=append)
    with one.batch():
        one.append([row(1)])
        waiting.start()
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: server.do(waits) == [(1,)])
    waiting.join()
    assert seen == [2]
