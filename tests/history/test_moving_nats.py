"""``migrate --to nats://…``: the bodies of events go to a broker from now on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.delivery.nats_servers import Servers, servers
from tests.delivery.store_contract import row
from tests.history.test_moving import assert_moved_live, filled, quiet, told
from tests.waiting import free_port
from track_middleware import cli
from track_middleware.delivery.store import moved, opening, sqlite
from track_middleware.errors import StoreError
from track_middleware.history import moving

pytestmark = pytest.mark.needs("nats")


@pytest.fixture(scope="module")
def nats() -> Iterator[Servers]:
    with servers() as running:
        yield running


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def ledger(database: Cluster) -> str:
    """A database without a store."""
    database.do("DROP SCHEMA IF EXISTS track_middleware CASCADE")
    return database.url


def test_the_ledger_stays_and_new_bodies_go_to_the_broker(nats: Servers, data_dir: Path) -> None:
    store = filled(data_dir)
    before = told(store)
    store.close()
    assert moving.move("", data_dir, nats.url(stream="stays"), progress=quiet) == 6
    with pytest.raises(StoreError, match="are at nats stays"):
        sqlite.open(data_dir / "events.db")
    there = opening.opened("", data_dir)
    assert told(there) == before
    there.append([row(99)])
    assert [each.body for each in there.read(5, 9)] == [b'{"n":5}', b'{"n":99}']
    there.close()
    held = opening.at_broker("", data_dir)
    assert held is not None
    assert held.messages == 1


@pytest.mark.needs("postgresql")
def test_a_file_goes_into_a_database_and_to_a_broker_at_once(
    nats: Servers, ledger: str, data_dir: Path
) -> None:
    store = filled(data_dir)
    before = told(store)
    store.close()
    assert moving.move("", data_dir, nats.url(ledger, stream="both"), progress=quiet) == 6
    there = opening.opened("", data_dir)
    assert told(there) == before
    assert there.is_shared
    there.append([row(99)])
    there.close()
    held = opening.at_broker("", data_dir)
    assert held is not None
    assert held.messages == 1


@pytest.mark.needs("postgresql")
def test_a_database_stays_the_ledger_once_nobody_works_with_it(
    nats: Servers, ledger: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opening.opened(ledger, data_dir)
    store.append([row(1)])
    other = opening.opened(ledger, data_dir.with_name("other"))
    lease = other.lease_of("serve webhook/0")
    generation = lease.take(0, "other")
    assert generation is not None

    class Meanwhile:
        """The time that somebody waits to see whether another works, who does."""

        @staticmethod
        def sleep(seconds: float) -> None:
            assert lease.renew(generation)

    to = nats.url(ledger, stream="shared")
    with monkeypatch.context() as patched:
        patched.setattr(moving, "time", Meanwhile)
        with pytest.raises(StoreError, match="workers of other hosts are running"):
            moving.move(ledger, data_dir, to, progress=quiet, patience=0.0)
    assert moving.move(ledger, data_dir, to, progress=quiet) == 1
    other.close()
    store.close()
    with pytest.raises(StoreError, match="are at nats shared"):
        opening.opened(ledger, data_dir.with_name("third")).end()
    there = opening.opened(ledger, data_dir)
    assert there.append([row(2)])
    there.close()


def test_nothing_is_moved_to_a_broker_that_is_not_there(data_dir: Path) -> None:
    filled(data_dir).close()
    with pytest.raises(StoreError, match="cannot be reached"):
        moving.move("", data_dir, f"nats://127.0.0.1:{free_port()}", progress=quiet)
    assert not moved.is_moving(data_dir)
    store = opening.opened("", data_dir)
    assert store.append([row(99)]), "it goes on as it was"
    store.close()


def test_a_broker_is_the_end_of_the_way(nats: Servers, data_dir: Path) -> None:
    filled(data_dir).close()
    to = nats.url(stream="end")
    moving.move("", data_dir, to, progress=quiet)
    with pytest.raises(StoreError, match="is at a broker already: nats://"):
        moving.move("", data_dir, to, progress=quiet)


def test_the_verbs_say_what_the_broker_keeps(
    nats: Servers, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(data_dir).close()
    given = {"data_dir": str(data_dir), "secret_key": "a secret for the tests"}
    cli.run(["status", "--json"], given=given)
    assert json.loads(capsys.readouterr().out)["broker"] is None
    to = nats.url(stream="said").replace("//", "//someone:secret7@")
    assert cli.run(["migrate", "--to", to], given=given) == 0
    assert "secret7" not in capsys.readouterr().out
    with closing(opening.opened("", data_dir)) as store:
        store.append([row(99)])
    cli.run(["status", "--json"], given=given)
    said = json.loads(capsys.readouterr().out)
    assert "secret7" not in json.dumps(said)
    assert {**said["broker"], "bytes": 0, "oldest": ""} == {
        "error": "", "messages": 1, "bytes": 0, "oldest": "", "maxAge": None, "copies": 1,
        "replicas": 1, "faults": [],
    }  # fmt: skip
    cli.run(["status"], given=given)
    assert "broker       1 message, " in capsys.readouterr().out
    given["store"] = f"nats://127.0.0.1:{free_port()}"
    cli.run(["doctor"], given={**given, "data_dir": str(data_dir.with_name("new"))})
    assert "cannot be reached" in capsys.readouterr().out


def test_init_makes_the_stream(
    nats: Servers, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"data_dir": str(data_dir), "store": nats.url(stream="made")}
    assert cli.run(["init"], given=given) == 0
    held = opening.at_broker(given["store"], data_dir)
    assert held is not None
    assert held.copies == 1
    assert "nats://" in capsys.readouterr().out


def test_a_live_installation_loses_and_repeats_nothing(nats: Servers, tmp_path: Path) -> None:
    assert_moved_live(nats.url(stream="live"), tmp_path)
    held = opening.at_broker("", tmp_path / "one")
    assert held is not None
    assert held.messages >= 300
