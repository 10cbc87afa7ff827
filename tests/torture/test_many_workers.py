"""Three web hosts with a worker each and one PostgreSQL, while all of it is killed and cut.

``TORTURE=full`` sends 100,000 events, the suite 3,000. Every host reaches the database through a
relay of its own. Vendors know an event by its id, so that what is sent again is no second event.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.delivery.recorder import Recorder
from tests.delivery.relay import Relay
from tests.torture.hosts import ALL_IN_ALL, EVENTS, Chaos, Host, Vendor, assert_once_and_in_order

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.timeout(ALL_IN_ALL)]


@pytest.fixture
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


def test_every_event_arrives_once_and_in_order_whoever_is_killed(
    server: Cluster, tmp_path: Path
) -> None:
    vendor, seed = Vendor(), random.randrange(10**6)
    with Recorder(vendor.answer) as recorder, ExitStack() as stack:
        to = [f"webhook+{recorder.url}/", f"{server.url}?table=counted"]
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        hosts = []
        for name in ("one", "two", "three"):
            link = stack.enter_context(Relay(port))
            store = f"postgresql://shop:pw@127.0.0.1:{link.port}/shop"
            hosts.append(Host(stack, tmp_path / name, store, [link], to))
        for host in hosts:
            host.work()
            host.serve(EVENTS // len(hosts))
        chaos = Chaos(hosts, server, seed)
        chaos.run()
        assert_once_and_in_order(server, hosts, vendor, chaos, seed)
