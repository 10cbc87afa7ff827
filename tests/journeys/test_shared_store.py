"""Two hosts, one PostgreSQL: each host has its spool, the workers share the destinations, and one
of them is killed on the way."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.delivery.recorder import Got, Recorder, Say
from tests.processes import started
from tests.waiting import until
from track_middleware.delivery import handover
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import opening
from track_middleware.event import Entry, Event, iso
from track_middleware.reading import load
from track_middleware.settings import Settings

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


class Vendor:
    """A webhook's receiver that knows every event by its id, as vendors do."""

    def __init__(self) -> None:
        self.first: dict[str, tuple[str, int]] = {}
        self.order: dict[str, list[int]] = defaultdict(list)
        self.got = 0
        self._lock = threading.Lock()

    def answer(self, got: Got) -> Say:
        with self._lock:
            for event in msgspec.json.decode(got.body)["batch"]:
                self.got += 1
                if event["messageId"] not in self.first:
                    number = event["properties"]["number"]
                    self.first[event["messageId"]] = (event["anonymousId"], number)
                    self.order[event["anonymousId"]].append(number)
        return Say()


class Host:
    """A web host: its data folder with its spool, and its worker, which may be started again."""

    def __init__(self, name: str, folder: Path, settings: Settings) -> None:
        self.name = name
        self.data_dir = folder / name
        self.spool = Spool(self.data_dir, now=time.time, min_free="1")
        self.accepted: list[str] = []
        handover.write(settings, self.data_dir)

    def accepts(self, events: int) -> None:
        for _ in range(events):
            number = len(self.accepted)
            id_ = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.name} {number}"))
            visitor = f"{self.name}-v{number % 7}"
            event = Event(
                id_, "track", iso(time.time()), event="Bought", anonymous_id=visitor,
                properties={"number": number},
            )  # fmt: skip
            consent = {"analytics": "granted"}
            assert self.spool.append([Entry("event", time.time(), event, consent=consent)])
            self.accepted.append(id_)

    @property
    def command(self) -> list[str]:
        verb = ["-m", "track_middleware", "worker", "--data-dir"]
        return [sys.executable, *verb, str(self.data_dir)]


@contextmanager
def hosts(server: Cluster, tmp_path: Path, vendor: Recorder) -> Iterator[tuple[Host, Host]]:
    emptied(server)
    given = {
        "store": server.url,
        "destinations": [f"webhook+{vendor.url}/", f"{server.url}?table=bought"],
    }
    one, two = (
        Host(name, tmp_path, load({**given, "data_dir": str(tmp_path / name)}, {}))
        for name in ("one", "two")
    )
    try:
        yield one, two
    finally:
        one.spool.close()
        two.spool.close()


def test_a_killed_worker_is_replaced_and_each_event_arrives_once_and_in_order(
    server: Cluster, tmp_path: Path
) -> None:
    vendor = Vendor()
    with (
        Recorder(vendor.answer) as recorder,
        hosts(server, tmp_path, recorder) as (one, two),
        ExitStack() as stack,
    ):
        first = stack.enter_context(started(one.command))
        one.accepts(300)
        until(lambda: len(vendor.first) == 300)
        stack.enter_context(started(two.command))
        two.accepts(300)
        until(lambda: len(vendor.first) == 600)

        one.accepts(500)
        two.accepts(500)
        first.kill()
        died = time.monotonic()
        two.accepts(100)
        until(lambda: vendor.first.keys() >= set(two.accepted))
        print(f"taken over and delivered {time.monotonic() - died:.1f} s after the kill")

        stack.enter_context(started(one.command))  # the host's own spool waits for its own worker
        accepted = {*one.accepted, *two.accepted}
        until(lambda: vendor.first.keys() == accepted)
        for visitor, numbers in vendor.order.items():
            assert numbers == sorted(numbers), f"the order of {visitor}"
        until(lambda: server.do("SELECT count(*) FROM bought") == [(len(accepted),)])
        assert server.do("SELECT count(DISTINCT event_id) FROM bought") == [(len(accepted),)]

        store = opening.to_read(server.url, two.data_dir)
        assert store is not None
        assert store.end() == len(accepted)
        # A batch is counted after it has arrived.
        until(lambda: {job.delivered for job in store.jobs()} >= {len(accepted)})
    store.close()
