"""Three web hosts with a worker each, Kafka's brokers, and the ledger in one PostgreSQL, while
processes are killed and links are cut.

``TORTURE=full`` sends 100,000 events through a broker that hangs now and then, the suite 1,200
through a cluster whose brokers go and come. Both keep everything in memory: what a broker has on
its disk after a crash cannot be shown here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.delivery.kafka_brokers import Broker, Mock, mock, one
from tests.delivery.recorder import Recorder
from tests.delivery.relay import Relay
from tests.torture.hosts import ALL_IN_ALL, FULL, Chaos, Host, Vendor, assert_once_and_in_order

pytestmark = [pytest.mark.needs("postgresql", "kafka"), pytest.mark.timeout(ALL_IN_ALL)]

EVENTS = 100_000 if FULL else 1_200

_TOPIC = "bodies"


@pytest.fixture
def database() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


class Falling:
    """One broker of the cluster after the other goes, and others lead its partitions; the one that
    went before comes back."""

    def __init__(self, brokers: Mock) -> None:
        self._brokers = brokers
        self._down = 0
        brokers.topic(_TOPIC)
        self._lead(but=0)

    def fail(self) -> int:
        """How many went."""
        if self._down:
            self._brokers.up(self._down)
        self._down = self._down % 3 + 1
        self._brokers.down(self._down)
        self._lead(but=self._down)
        return 1

    def mend(self) -> None:
        if self._down:
            self._brokers.up(self._down)

    def _lead(self, *, but: int) -> None:
        there = [number for number in (1, 2, 3) if number != but]
        for partition in range(8):
            self._brokers.lead(_TOPIC, partition, there[partition % len(there)])


class Hanging:
    """One broker that answers nobody until the next failure."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._hangs = False
        broker.topic(_TOPIC)

    def fail(self) -> int:
        """How many hang from now on."""
        self._hangs = not self._hangs
        (self._broker.stop if self._hangs else self._broker.go_on)()
        return int(self._hangs)

    def mend(self) -> None:
        self._broker.go_on()


@pytest.fixture
def brokers() -> Iterator[tuple[Sequence[str], Falling | Hanging]]:
    with ExitStack() as stack:
        if FULL:
            broker = stack.enter_context(one())
            yield broker.servers, Hanging(broker)
        else:
            three = stack.enter_context(mock())
            yield three.servers, Falling(three)


def test_every_event_arrives_once_and_in_order_whoever_is_killed(
    database: Cluster, brokers: tuple[Sequence[str], Falling | Hanging], tmp_path: Path
) -> None:
    servers, failing = brokers
    vendor, seed = Vendor(), random.randrange(10**6)
    with Recorder(vendor.answer) as recorder, ExitStack() as stack:
        to = [f"webhook+{recorder.url}/", f"{database.url}?table=counted"]
        hosts = [_host(stack, tmp_path / each, database, servers, to) for each in ("a", "b", "c")]
        for host in hosts:
            host.work()
            host.serve(EVENTS // len(hosts))
        more: dict[str, Callable[[], int]] = {"brokers failed": failing.fail}
        chaos = Chaos(hosts, database, seed, events=EVENTS, more=more)
        chaos.run()
        failing.mend()
        assert_once_and_in_order(database, hosts, vendor, chaos, seed)
        at_home = "SELECT count(*) FROM track_middleware.log WHERE substr(body, 1, 1) = '{'"
        assert database.do(at_home) == [(0,)], "every body is at the brokers"


def _host(
    stack: ExitStack, folder: Path, database: Cluster, servers: Sequence[str], to: list[str]
) -> Host:
    port = int(database.url.rpartition(":")[2].partition("/")[0])
    ledger = stack.enter_context(Relay(port))
    store = f"kafka://{','.join(servers)}?topic={_TOPIC}"
    store += f"&ledger=postgresql://shop:pw@127.0.0.1:{ledger.port}/shop"
    return Host(stack, folder, store, [ledger], to)
