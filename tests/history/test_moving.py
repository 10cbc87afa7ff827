"""``migrate --to``: a store goes from SQLite into PostgreSQL, with everything that is known."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.delivery.recorder import Recorder
from tests.delivery.store_contract import outcome, row
from tests.journeys.test_shared_store import Host, Vendor
from tests.processes import started
from tests.waiting import until
from track_middleware import cli
from track_middleware.delivery.store import ChoiceRecord, Merge, moved, opening, sqlite
from track_middleware.delivery.store.persons import Answered
from track_middleware.delivery.store.replays import Part
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError
from track_middleware.history import moving
from track_middleware.reading import load
from track_middleware.wiring import Wiring

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def url(server: Cluster) -> str:
    """A database without a store."""
    server.do("DROP SCHEMA IF EXISTS track_middleware CASCADE; DROP TABLE IF EXISTS bought")
    return server.url


def filled(data_dir: Path) -> Store:
    """A store that knows something of everything."""
    store = sqlite.open(data_dir / "events.db", now=lambda: 50.0)
    job = store.job("webhook")
    store.append([row(number, key="v", at=1e9 + number) for number in range(6)])
    one, two, three, four, *_ = store.read(0, 10)
    rows = [outcome(one, "retry", due=60.0), outcome(two, "held")]
    store.advance(job, 4, [*rows, outcome(three, "refused", reason="no"), outcome(four, "held")])
    store.pause(job, 77.0, "HTTP 503", wait=5.0, needs_you=True)
    store.replays.add("webhook", Part(1.0, None, ("Sign*",)), (0, 4), total=4, now=9.0)
    store.backfills.begin("sqlite:///shop.db", ["webhook"], now=9.0)
    with store.batch():
        store.intake.choose("user:7", {"analytics": "denied"}, 5.0)
        store.intake.record(ChoiceRecord("user:7", 5.0, {"analytics": "denied"}, event_id="e"))
        store.intake.moved("v1-segment", 4711)
        store.intake.merged([Merge("v", "7", "", 5.0, "e", "sign_in")])
        store.intake.tally({("2026-05-04", "page.human"): 3}, {("2026-05-04", "Page"): 4})
        store.intake.salt("2026-05-04", b"salt\0\xff")
        number = store.persons.begin("hash", 5.0, "file")
        store.persons.entomb({"hash": None})
    store.persons.answer(number, Answered("webhook", "waiting", "", 5.0))
    return store


def told(store: Store) -> dict[str, Any]:
    """What a store says of all that."""
    job = store.job("webhook")
    return {
        "log": store.read(0, 100),
        "end": store.end(),
        "jobs": store.jobs(),
        "due": store.due(job, 99.0, 100),
        "dead": store.dead(),
        "replays": store.replays.all(),
        "choices": (store.intake.choices(["user:7"]), store.intake.choice_history("user:7")),
        "offsets": store.intake.offsets(),
        "merges": store.merges.of("v"),
        "sums": (store.rollups(), store.event_counts(), store.counters()),
        "erasures": (store.persons.open_erasures(), store.persons.answers(1)),
        "tombstones": store.persons.tombstones(["hash"]),
        "identity": store.identity(),
    }


def quiet(done: int) -> None:
    pass


def test_the_copy_knows_what_the_store_knew(url: str, data_dir: Path) -> None:
    store = filled(data_dir)
    before = told(store)
    store.close()
    assert moving.move("", data_dir, url, progress=quiet) == 6
    there = opening.opened("", data_dir)
    assert told(there) == before
    with there.batch():
        assert there.intake.salt("2026-05-04", b"another") == b"salt\0\xff"
    there.close()


def test_ids_and_numbers_go_on_where_they_stood(url: str, data_dir: Path) -> None:
    filled(data_dir).close()
    moving.move("", data_dir, url, progress=quiet)
    there = opening.opened("", data_dir)
    assert there.append([row(1), row(99)]) == {row(99).event_id: 7}
    ids = {job.id for job in there.jobs()}
    assert there.job("another").id not in ids
    there.close()


def test_the_former_store_takes_nothing_more(url: str, data_dir: Path) -> None:
    former = filled(data_dir)
    moving.move("", data_dir, url, progress=quiet)
    with pytest.raises(StoreError, match="no such table"):
        former.append([row(99)])
    former.close()


def test_nobody_writes_while_it_is_moved(data_dir: Path) -> None:
    filled(data_dir).close()
    assert not moved.begin(data_dir)
    with pytest.raises(StoreError, match="is being moved"):
        opening.opened("", data_dir)
    void = time.time() - moved.VOID - 1
    os.utime(data_dir / moved.MOVING, (void, void))
    opening.opened("", data_dir).close()


def test_a_store_that_cannot_be_read_to_its_end_stays_where_it_is(
    url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(data_dir).close()
    with closing(sqlite3.connect(data_dir / "events.db")) as raw:
        raw.execute("ALTER TABLE identity RENAME TO gone")
    given = {"data_dir": str(data_dir)}
    assert cli.run(["migrate", "--to", url], given=given) == 2
    said = capsys.readouterr().err
    assert "cannot be moved: no such table: identity" in said
    assert "Traceback" not in said
    assert not moved.is_moving(data_dir)


def test_a_database_that_holds_a_store_is_left_alone(url: str, data_dir: Path) -> None:
    other = opening.opened(url, data_dir)
    other.append([row(1)])
    other.close()
    filled(data_dir).close()
    with pytest.raises(StoreError, match="holds a store already"):
        moving.move("", data_dir, url, progress=quiet)
    store = opening.opened("", data_dir)
    assert store.append([row(99)]), "the former one goes on"
    store.close()


@pytest.mark.parametrize(
    ("to", "why"),
    [("sqlite:///other.db", "postgresql"), ("postgresql://h/?no=such", "libpq cannot read")],
)
def test_what_cannot_be_a_target_is_said_at_once(data_dir: Path, to: str, why: str) -> None:
    filled(data_dir).close()
    with pytest.raises(StoreError, match=why):
        moving.move("", data_dir, to, progress=quiet)
    assert not moved.is_moving(data_dir)


@pytest.mark.parametrize("held", [b"", b"[]", b'{"from":"\xff","to":"x"}'])
def test_a_note_that_cannot_be_read_is_no_reason_to_begin_anew(data_dir: Path, held: bytes) -> None:
    filled(data_dir).close()
    (data_dir / moved.MOVED).write_bytes(held)
    with pytest.raises(StoreError, match="restore it, or set store to where it is now"):
        opening.opened("", data_dir)


def test_the_verb_says_where_the_store_is_now(
    url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(data_dir).close()
    given = {"data_dir": str(data_dir), "secret_key": "a secret for the tests"}
    assert cli.run(["migrate", "--to", url, "--json"], given=given) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["events"] == 6
    assert "pw" not in said["store"]
    cli.run(["status", "--json"], given=given)
    assert json.loads(capsys.readouterr().out)["store"] == said["store"]
    assert cli.run(["migrate", "--to", url], given=given) == 2
    assert "is in PostgreSQL already" in capsys.readouterr().err


def migrate(host: Host, url: str) -> list[str]:
    verb = ["-m", "track_middleware", "--data-dir", str(host.data_dir), "migrate", "--to", url]
    return [sys.executable, *verb]


def killed_in_the_midst(server: Cluster, url: str, host: Host) -> None:
    """A move that has copied the log, and waits for somebody who holds a table, is killed."""
    opening.opened(url, host.data_dir.with_name("nobody")).end()
    with psycopg.connect(server.at("postgres", "shop")) as holder:
        holder.execute("LOCK TABLE track_middleware.page IN EXCLUSIVE MODE")
        with started(migrate(host, url)) as process:
            copied = "SELECT count(*) FROM track_middleware.log"
            until(lambda: server.do(copied) == [(len(host.accepted),)])
            process.kill()
            process.wait()


@contextmanager
def live(folder: Path) -> Iterator[tuple[Host, Vendor]]:
    """A host whose worker delivers to a vendor; what arrives is in order for each visitor."""
    vendor = Vendor()
    with Recorder(vendor.answer) as recorder:
        given = {"data_dir": str(folder / "one"), "destinations": [f"webhook+{recorder.url}/"]}
        host = Host("one", folder, load(given, {}))
        with started(host.command):
            yield host, vendor
    for numbers in vendor.order.values():
        assert numbers == sorted(numbers)
    host.spool.close()


def test_a_live_installation_loses_and_repeats_nothing_also_when_the_move_is_killed(
    server: Cluster, url: str, tmp_path: Path
) -> None:
    with live(tmp_path) as (host, vendor):
        host.accepts(400)
        until(lambda: len(vendor.first) == 400)
        killed_in_the_midst(server, url, host)
        host.accepts(300)
        assert len(vendor.first) == 400, "the worker rests until somebody goes on"
        subprocess.run(migrate(host, url), check=True, timeout=300)
        host.accepts(300)
        until(lambda: vendor.first.keys() == set(host.accepted))
        there = opening.to_read("", host.data_dir)
        assert there is not None
        until(lambda: [job.delivered for job in there.jobs()] == [1000])
    assert vendor.got == 1000, "nothing came twice"
    assert there.end() == 1000
    there.close()


def test_a_process_that_delivers_by_itself_goes_along(url: str, data_dir: Path) -> None:
    settings = load({"deliver": "inline", "data_dir": str(data_dir), "secret_key": "s"}, {})
    wiring = Wiring(settings)
    wiring.tracker.track("Before", user_id="7")
    assert wiring.keeper.drain_inline()
    moved.begin(data_dir)
    wiring.tracker.track("Meanwhile", user_id="7")
    assert not wiring.keeper.drain_inline(), "the store rests"
    moved.end(data_dir)
    moving.move("", data_dir, url, progress=quiet)
    wiring.tracker.track("After", user_id="7")
    assert wiring.keeper.drain_inline()
    there = opening.opened("", data_dir)
    assert [each.label for each in there.read(0, 9)] == ["Before", "Meanwhile", "After"]
    there.close()
    wiring.spool.close()


def test_a_move_that_was_killed_behind_its_note_keeps_nobody_waiting_once_it_is_asked_for_again(
    url: str, data_dir: Path
) -> None:
    filled(data_dir).close()
    moving.move("", data_dir, url, progress=quiet)
    moved.touch(data_dir)  # what such a call leaves
    with pytest.raises(StoreError, match="is in PostgreSQL already"):
        moving.move("", data_dir, url, progress=quiet)
    opening.opened("", data_dir).close()


def assert_moved_live(to: str, folder: Path) -> None:
    """A store that is moved to a broker amid the events loses and repeats nothing."""
    with live(folder) as (host, vendor):
        host.accepts(300)
        until(lambda: len(vendor.first) >= 100)
        move = threading.Thread(
            target=subprocess.run,
            args=(migrate(host, to),),
            kwargs={"check": True, "timeout": 300},
        )
        move.start()
        host.accepts(300)
        move.join()
        host.accepts(300)
        until(lambda: vendor.first.keys() == set(host.accepted))
    assert vendor.got == 900, "nothing came twice"
