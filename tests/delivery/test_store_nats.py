"""JetStream as the place of bodies: the contract with either ledger, and what is its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.delivery.nats_servers import Servers, servers
from tests.delivery.store_contract import StoreContract
from track_middleware.delivery.store import opening
from track_middleware.delivery.store.whole import Store

pytestmark = pytest.mark.needs("nats")

_streams = map("s{}".format, itertools.count())

Open = Callable[[], Store]


@pytest.fixture(scope="module")
def nats() -> Iterator[Servers]:
    with servers() as running:
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
def url(nats: Servers, ledger: str) -> str:
    return nats.url(ledger, stream=next(_streams))


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


class TestNats(StoreContract):
    """JetStream with its ledger in SQLite passes the contract."""


@pytest.mark.needs("postgresql")
class TestNatsAndPostgresql(StoreContract):
    """And with its ledger in PostgreSQL."""

    @pytest.fixture
    def ledger(self, database: Cluster) -> str:
        emptied(database)
        return database.url
