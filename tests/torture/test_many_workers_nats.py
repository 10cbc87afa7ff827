"""Three web hosts with a worker each, a JetStream cluster of three servers, and the ledger in one
PostgreSQL, while all of it is killed and cut.

``TORTURE=full`` sends 100,000 events, the suite 600. Every host reaches each server and the
database through relays of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.delivery.nats_servers import Server, Servers, servers
from tests.delivery.recorder import Recorder
from tests.delivery.relay import Relay
from tests.torture.hosts import ALL_IN_ALL, FULL, Chaos, Host, Vendor, assert_once_and_in_order

pytestmark = [pytest.mark.needs("postgresql", "nats"), pytest.mark.timeout(ALL_IN_ALL)]

EVENTS = 100_000 if FULL else 600

_STREAM = "bodies"


@pytest.fixture
def database() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def nats() -> Iterator[Servers]:
    with servers(3) as running:
        yield running


class Leaders:
    """Kills the stream's leader; whoever was killed before is started again first."""

    def __init__(self, nats: Servers) -> None:
        self._nats = nats
        self._dead: Server | None = None

    def kill(self) -> int:
        """How many were killed."""
        if self._dead is not None:
            self._dead.start()
            self._dead = None
        if not all(each.is_well for each in self._nats.all):
            return 0  # two of three must be there, with all that was written
        leader = self._nats.leader(_STREAM)
        if leader is None:
            return 0
        leader.kill()
        self._dead = leader
        return 1


def test_every_event_arrives_once_and_in_order_whoever_is_killed(
    database: Cluster, nats: Servers, tmp_path: Path
) -> None:
    vendor, seed, leaders = Vendor(), random.randrange(10**6), Leaders(nats)
    with Recorder(vendor.answer) as recorder, ExitStack() as stack:
        to = [f"webhook+{recorder.url}/", f"{database.url}?table=counted"]
        hosts = [_host(stack, tmp_path / each, database, nats, to) for each in ("a", "b", "c")]
        for host in hosts:
            host.work()
            host.serve(EVENTS // len(hosts))
        chaos = Chaos(
            hosts, database, seed, events=EVENTS, more={"stream leaders killed": leaders.kill}
        )
        chaos.run()
        assert_once_and_in_order(database, hosts, vendor, chaos, seed)
        at_home = "SELECT count(*) FROM track_middleware.log WHERE substr(body, 1, 1) = '{'"
        assert database.do(at_home) == [(0,)], "every body is at the broker"


def _host(stack: ExitStack, folder: Path, database: Cluster, nats: Servers, to: list[str]) -> Host:
    """A host whose every link can be cut."""
    port = int(database.url.rpartition(":")[2].partition("/")[0])
    ledger = stack.enter_context(Relay(port))
    links = [stack.enter_context(Relay(each.port)) for each in nats.all]
    ends = ",".join(f"127.0.0.1:{each.port}" for each in links)
    store = f"nats://{ends}?stream={_STREAM}&replicas=3"
    store += f"&ledger=postgresql://shop:pw@127.0.0.1:{ledger.port}/shop"
    return Host(stack, folder, store, [ledger, *links], to)
