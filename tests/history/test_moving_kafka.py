"""``migrate --to kafka://…``: the bodies of events go to Kafka's brokers from now on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.kafka_brokers import Broker, one
from tests.delivery.store_contract import row
from tests.history.test_moving import assert_moved_live, filled, quiet, told
from tests.waiting import free_port
from track_middleware import cli
from track_middleware.delivery.store import moved, opening
from track_middleware.errors import StoreError
from track_middleware.history import moving

pytestmark = pytest.mark.needs("kafka")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with one() as running:
        yield running


def url(broker: Broker, topic: str) -> str:
    return f"kafka://{broker.servers[0]}?topic={topic}"


def test_the_ledger_stays_and_new_bodies_go_to_the_brokers(broker: Broker, data_dir: Path) -> None:
    store = filled(data_dir)
    before = told(store)
    store.close()
    assert moving.move("", data_dir, url(broker, "stays"), progress=quiet) == 6
    there = opening.opened("", data_dir)
    assert told(there) == before
    there.append([row(99)])
    there.close()
    again = opening.opened("", data_dir)
    assert [each.body for each in again.read(5, 9)] == [b'{"n":5}', b'{"n":99}']
    again.close()
    held = opening.at_broker("", data_dir)
    assert held is not None
    assert held.messages == 1


def test_nothing_is_moved_to_brokers_that_are_not_there(data_dir: Path) -> None:
    filled(data_dir).close()
    with pytest.raises(StoreError, match="does not answer"):
        moving.move("", data_dir, f"kafka://127.0.0.1:{free_port()}", progress=quiet)
    assert not moved.is_moving(data_dir)
    store = opening.opened("", data_dir)
    assert store.append([row(99)]), "it goes on as it was"
    store.close()


def test_init_makes_the_topic_and_the_verbs_tell_of_it(
    broker: Broker, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"data_dir": str(data_dir), "store": url(broker, "made"), "keep_days": 100}
    assert cli.run(["doctor", "--json"], given=given) == 1
    assert "`track-middleware init` makes it" in capsys.readouterr().out
    assert cli.run(["init"], given=given) == 0
    assert f"kafka://{broker.servers[0]} made" in capsys.readouterr().out
    store = opening.opened(given["store"], data_dir)  # type: ignore[arg-type]
    store.append([row(99)])
    store.close()
    cli.run(["status", "--json"], given=given)
    said = json.loads(capsys.readouterr().out)["broker"]
    assert (said["messages"], said["bytes"], said["maxAge"]) == (1, None, 130 * 86_400)
    cli.run(["status"], given=given)
    assert "broker       1 message since " in capsys.readouterr().out
    cli.run(["doctor", "--json"], given={**given, "keep_days": 131})
    found = json.loads(capsys.readouterr().out)
    levels = {each["level"] for each in found if each["id"] in ("broker", "age")}
    assert levels == {"warning", "error"}, "one copy, and 130 days"


def test_a_live_installation_loses_and_repeats_nothing(broker: Broker, tmp_path: Path) -> None:
    assert_moved_live(url(broker, "live"), tmp_path)
