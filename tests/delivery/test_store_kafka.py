"""Kafka as the place of bodies: the contract with either ledger, and what is its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.delivery.kafka_brokers import Broker, Mock, mock, one
from tests.delivery.store_contract import StoreContract, outcome, row
from track_middleware.delivery.store import NewRow, home, opening
from track_middleware.delivery.store.whole import Store

pytestmark = pytest.mark.needs("kafka")

_topics = map("t{}".format, itertools.count())

Open = Callable[[], Store]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with one() as running:
        yield running


@pytest.fixture(scope="module")
def three_brokers() -> Iterator[Mock]:
    with mock() as running:
        yield running


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def ledger() -> str:
    """SQLite's, in the data folder."""
    return ""


@pytest.fixture
def brokers(broker: Broker) -> Broker | Mock:
    return broker


@pytest.fixture
def url(brokers: Broker | Mock, ledger: str) -> str:
    topic = next(_topics)
    brokers.topic(topic)
    last = f"&ledger={ledger}" if ledger else ""
    return f"kafka://{','.join(brokers.servers)}?topic={topic}{last}"


@pytest.fixture
def opened_again(url: str, data_dir: Path) -> Iterator[Open]:
    opened: list[Store] = []

    def again() -> Store:
        opened.append(opening.opened(url, data_dir))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(opened_again: Open) -> Store:
    return opened_again()


class Contract(StoreContract):
    """But for one thing: brokers do not say what they hold in bytes."""

    def test_what_a_store_takes_is_what_it_holds(self, store: Store) -> None:
        before = store.watch.bytes()
        store.append([row(number) for number in range(300)])
        after = store.watch.bytes()
        assert before.used < after.used < before.used + 300_000

    def test_of_a_message_with_an_erased_event_the_rest_is_read_and_no_row_names_it(
        self, store: Store, opened_again: Open
    ) -> None:
        rows = [row(number, key=f"v{number % 20}") for number in range(1, 200)]
        bodies = dict(zip(store.append(rows).values(), [each.body for each in rows], strict=True))
        first, gone, *rest = [at for at, each in zip(bodies, rows, strict=True) if key_7(each)]
        with store.batch():
            store.persons.drop_events([gone], ["v7"])
        del bodies[gone]
        assert {each.position: each.body for each in opened_again().read(0, 500)} == bodies
        stands = dict(store._db.all("log_noted", (store._db.listed([first, *rest]),)))
        assert stands == {at: bodies[at] for at in (first, *rest)}, "their rows have them again"

    def test_what_waits_beyond_its_time_has_its_body_itself(self, store: Store) -> None:
        job = store.job("webhook")
        store.append([row(number) for number in (1, 2)])
        waits = store.get([2])[0]
        store.advance(job, 2, [outcome(waits, "retry", due=9e9)])
        store.forget(events=waits.accepted_at + 1, ids=0.0, pages=0.0, served_by=["webhook"])
        asked = {"limit": 10, "mark": home.MARK}
        assert store._db._inner.all("log_oldest", asked) == [(waits.body,)]  # type: ignore[attr-defined]


def key_7(each: NewRow) -> bool:
    return each.order_key == "v7"


class TestKafka(Contract):
    """A broker from PyPI, with its ledger in SQLite, passes the contract."""


@pytest.mark.needs("postgresql")
class TestThreeBrokersAndPostgresql(Contract):
    """And so does librdkafka's mock cluster, with its ledger in PostgreSQL."""

    @pytest.fixture
    def brokers(self, three_brokers: Mock) -> Broker | Mock:
        return three_brokers

    @pytest.fixture
    def ledger(self, database: Cluster) -> str:
        emptied(database)
        return database.url
