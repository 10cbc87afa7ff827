"""Several workers with one PostgreSQL: while one waits for the destination, the others send."""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.delivery.emulators.deletions import Deletions
from tests.delivery.recorder import Got, Recorder, Say
from tests.waiting import SECONDS, until
from track_middleware import cli
from track_middleware.delivery import lease, shares
from track_middleware.delivery.store import NewRow
from track_middleware.delivery.store.postgresql import opening
from track_middleware.delivery.store.postgresql.address import folder_of
from track_middleware.delivery.transport import Bounds, HttpTransport
from track_middleware.delivery.worker import Worker
from track_middleware.event import Event, Kind, encode_event, iso
from track_middleware.reading import load

#: Whom somebody erases.
ANN = "ann@example.org"

GIVEN = {"secret_key": "a secret for the tests", "min_free": "1"}

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


@pytest.fixture(autouse=True)
def _nobody_counts_as_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a worker's threads do not get their turn."""
    for module in (lease, shares):
        monkeypatch.setattr(module, "STALE", 10 * SECONDS)


@contextmanager
def workers(server: Cluster, folder: Path, destination: str, number: int) -> Iterator[list[Worker]]:
    """So many workers, each with a data folder of its own, which run until the block ends."""
    emptied(server)
    stop = threading.Event()
    with ExitStack() as stack:
        patient = Bounds(connect=SECONDS, idle=2 * SECONDS, whole=2 * SECONDS)
        transport = stack.enter_context(closing(HttpTransport(bounds=patient)))
        made = []
        for name in map(str, range(number)):
            given = {
                **GIVEN, "data_dir": str(folder / name), "store": server.url,
                "destinations": [destination],
            }  # fmt: skip
            settings = load(given, {})
            made.append(Worker(settings, data_dir=folder / name, transport=transport))
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
        " WHERE name ~ '^serve [a-z]+/[0-9]+$' AND owner <> '' GROUP BY owner"
    )
    return sorted(int(str(number)) for (number,) in rows)


def visitor_of(server: Cluster, folder: Path) -> str:
    """A visitor whose events the worker of this data folder sends."""
    rows = server.do(
        "SELECT 'v' || number FROM generate_series(1, 100) AS number JOIN track_middleware.lease"
        " ON name = 'serve segment/' || track_middleware.shard_of('v' || number)"
        f" WHERE owner = 'drain {folder_of(folder)}' LIMIT 1"
    )
    return str(rows[0][0])


def put(server: Cluster, folder: Path, *rows: NewRow) -> None:
    """Events into the log, all at once."""
    store = opening.opened(server.url, folder)
    with store.batch():
        store.append(rows)
    store.close()


def row(number: int, visitor: str, *, kind: Kind = "track", user: str | None = None) -> NewRow:
    name = "Bought" if kind == "track" else None
    event = Event(
        str(uuid.uuid4()), kind, iso(time.time()), event=name, anonymous_id=visitor, user_id=user,
        properties={"number": number},
    )  # fmt: skip
    body = encode_event(event)
    return NewRow(event.message_id, visitor, time.time(), kind, name or kind.capitalize(), body)


def test_four_workers_wait_for_the_destination_at_the_same_time(
    server: Cluster, tmp_path: Path
) -> None:
    vendor = Vendor(at_once=4)
    with (
        Recorder(vendor.answer) as recorder,
        workers(server, tmp_path, f"webhook+{recorder.url}/", 4),
    ):
        until(
            lambda: shards(server) == [2, 2, 2, 2],
            lambda: server.do("SELECT * FROM track_middleware.lease ORDER BY name"),
        )
        put(server, tmp_path / "0", *(row(number, f"v{number % 40}") for number in range(400)))
        until(lambda: vendor.events == 400)
    assert len(vendor.order) == 40
    for numbers in vendor.order.values():
        assert numbers == sorted(numbers)


class Slow:
    """A vendor that does not answer to a person's events until it ``may``, and erases at once."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.has_them = threading.Event()
        self.deletions = Deletions()

    def answer(self, got: Got) -> Say:
        if b'"batch"' in got.body and ANN.encode() in got.body:
            self.has_them.set()
            self.may.wait(SECONDS)
        return self.deletions(got)


def test_a_vendor_is_asked_to_erase_when_no_worker_sends_it_that_person_any_more(
    server: Cluster, tmp_path: Path
) -> None:
    vendor, here, there = Slow(), tmp_path / "0", tmp_path / "1"
    with Recorder(vendor.answer) as recorder, ExitStack() as stack:
        at = f"endpoint={recorder.url}&erase_endpoint={recorder.url}"
        destination = f"segment://key?erase_token=s&{at}"
        stack.enter_context(workers(server, tmp_path, destination, 2))
        until(lambda: shards(server) == [4, 4])
        put(server, here, row(1, visitor_of(server, there), user=ANN))
        assert vendor.has_them.wait(SECONDS)
        given = {**GIVEN, "data_dir": str(here), "store": server.url, "destinations": [destination]}
        asking = stack.enter_context(ThreadPoolExecutor())
        stack.callback(vendor.may.set)
        asked = asking.submit(cli.run, ["subject", "erase", ANN, "--yes"], given=given)
        until(lambda: server.do("SELECT 1 FROM pg_locks WHERE NOT granted"))
        assert vendor.deletions.asked == {}
        vendor.may.set()
        assert asked.result() == 0
        assert list(vendor.deletions.asked) == ["segment"]
