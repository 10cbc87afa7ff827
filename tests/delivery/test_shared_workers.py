"""Several workers with one PostgreSQL: while one waits for the destination, the others send."""

from __future__ import annotations

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
from tests.waiting import SECONDS, until
from track_middleware.delivery.store import NewRow
from track_middleware.delivery.store.postgresql import opening
from track_middleware.delivery.worker import Worker
from track_middleware.event import Event, encode_event, iso
from track_middleware.reading import load

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster() as running:
        made = opening.opened(running.url, tmp_path_factory.mktemp("first"))
        assert made.end() == 0
        made.close()
        yield running


class Vendor:
    """A webhook's receiver whose first answers wait until so many calls are there at once."""

    def __init__(self, at_once: int) -> None:
        self.order: dict[str, list[int]] = defaultdict(list)
        self.met = 0
        self._together = threading.Barrier(at_once)
        self._lock = threading.Lock()

    def answer(self, got: Got) -> Say:
        if not self.met:
            self._together.wait(SECONDS)
        with self._lock:
            self.met += 1
            for event in msgspec.json.decode(got.body)["batch"]:
                self.order[event["anonymousId"]].append(event["properties"]["number"])
        return Say()

    @property
    def events(self) -> int:
        return sum(map(len, self.order.values()))


@contextmanager
def workers(server: Cluster, folder: Path, destination: str, number: int) -> Iterator[list[Worker]]:
    """So many workers, each with a data folder of its own, which run until the block ends."""
    emptied(server)
    stop = threading.Event()
    with ExitStack() as stack:
        made = []
        for name in map(str, range(number)):
            given = {
                "data_dir": str(folder / name), "store": server.url, "destinations": [destination]
            }  # fmt: skip
            made.append(Worker(load(given, {}), data_dir=folder / name))
            stack.callback(made[-1].close)
        threads = [threading.Thread(target=each.run, args=(stop,)) for each in made]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        yield made


def shards(server: Cluster) -> list[int]:
    """How many shards of the destination each worker has."""
    rows = server.do(
        "SELECT count(*)::integer FROM track_middleware.lease"
        " WHERE name ~ '^serve webhook/[0-9]+$' AND owner <> '' GROUP BY owner"
    )
    return sorted(int(str(number)) for (number,) in rows)


def put(server: Cluster, folder: Path, events: int) -> None:
    """So many events of forty visitors into the log, all at once."""
    store = opening.opened(server.url, folder)
    with store.batch():
        store.append([row(number) for number in range(events)])
    store.close()


def row(number: int) -> NewRow:
    event = Event(
        str(uuid.uuid4()), "track", iso(time.time()), event="Bought",
        anonymous_id=f"v{number % 40}", properties={"number": number},
    )  # fmt: skip
    return NewRow(
        event.message_id, f"v{number % 40}", time.time(), "track", "Bought", encode_event(event)
    )


def test_four_workers_wait_for_the_destination_at_the_same_time(
    server: Cluster, tmp_path: Path
) -> None:
    vendor = Vendor(at_once=4)
    with (
        Recorder(vendor.answer) as recorder,
        workers(server, tmp_path, f"webhook+{recorder.url}/", 4),
    ):
        until(lambda: shards(server) == [2, 2, 2, 2])
        put(server, tmp_path / "0", 400)
        until(lambda: vendor.events == 400)
    assert len(vendor.order) == 40
    for numbers in vendor.order.values():
        assert numbers == sorted(numbers)
