"""Events that are delivered and then not kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import Site
from tests.delivery.store_contract import row as stored_row
from track_middleware.delivery.retention import Retention
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.replays import Part
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.worker import Worker
from track_middleware.destinations import Answer, Call, registry
from track_middleware.event import Entry, Event, encode_event, iso
from track_middleware.history import replay
from track_middleware.history.windows import UNKNOWN
from track_middleware.reading import load

NOW = 1_800_000_000.0
URL = "webhook+http://127.0.0.1:9/hook"
GRANTED = {"analytics": "granted", "marketing": "granted"}

#: What must be found nowhere afterwards.
SECRET = "a-diagnosis-nobody-may-keep"


class Shop:
    """A data folder whose spool is that of a process which goes on living, and its worker."""

    def __init__(self, folder: Path, *urls: str, **settings: Any) -> None:
        self.folder = folder
        self.settings = load(
            {"data_dir": str(folder), "destinations": list(urls or (URL,)), **settings}, {}
        )
        self.got: list[dict[str, Any]] = []
        self.answer: Callable[[Call], Answer] = lambda call: Answer(200)
        self.now = NOW
        self.spool = Spool(folder, now=lambda: self.now, min_free="1")
        self.serve()

    def says(self, name: str, number: int, **context: Any) -> None:
        event = Event(
            f"00000000-0000-4000-8000-{number:012d}", "track", iso(NOW), name, anonymous_id="v1",
            properties={"said": SECRET if name != "Paid" else "paid"}, context=context,
        )  # fmt: skip
        assert self.spool.append((Entry("event", NOW, event, consent=GRANTED),))

    def serve(self) -> None:
        """One run of the worker, as ``worker --once`` does it."""
        worker = Worker(
            self.settings, data_dir=self.folder, now=lambda: self.now, transport=self._take,
            random=lambda: 0.0,
        )  # fmt: skip
        worker.once()
        worker.close()

    def _take(self, call: Call) -> Answer:
        answer = self.answer(call)
        if answer.status == 200:
            self.got += json.loads(call.body)["batch"]
        return answer

    def store(self) -> Store:
        return sqlite.open(self.folder / "events.db", now=lambda: self.now)

    def log(self) -> list[str]:
        store = self.store()
        labels = [each.label for each in store.read(0, 100)]
        store.close()
        return labels

    def is_written(self) -> list[str]:
        return written(self.folder)


def written(folder: Path) -> list[str]:
    """The files of a folder in which the secret stands."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.name for path in files if SECRET.encode() in path.read_bytes()]


@pytest.fixture
def shop(data_dir: Path) -> Iterator[Callable[..., Shop]]:
    opened: list[Shop] = []

    def make(*urls: str, **settings: Any) -> Shop:
        opened.append(Shop(data_dir, *urls, **settings))
        return opened[-1]

    yield make
    for each in opened:
        each.spool.close()


def names(shop: Shop) -> list[str]:
    return [each["event"] for each in shop.got]


def test_it_is_delivered_and_then_found_in_no_file(shop: Callable[..., Shop]) -> None:
    here = shop(unstored=["Health *"])
    here.says("Health Checked", 1)
    here.says("Paid", 2)
    assert here.is_written() != []
    here.serve()
    assert names(here) == ["Health Checked", "Paid"]
    assert here.log() == ["Paid"]
    assert here.is_written() == []


def test_a_call_may_say_it_of_its_own_event(shop: Callable[..., Shop]) -> None:
    here = shop()
    here.says("Asked", 1, store=False)
    here.says("Paid", 2, store=True)
    here.serve()
    assert names(here) == ["Asked", "Paid"]
    assert here.log() == ["Paid"]
    assert here.is_written() == []


def test_one_that_waits_for_a_destination_stays_until_it_was_had(shop: Callable[..., Shop]) -> None:
    here = shop(unstored=["Health *"])
    here.answer = lambda call: Answer(503)
    here.says("Health Checked", 1)
    here.serve()
    assert here.log() == ["Health Checked"]
    here.answer = lambda call: Answer(200)
    here.now += 3600
    here.serve()
    assert names(here) == ["Health Checked"]
    assert (here.log(), here.is_written()) == ([], [])


def test_one_that_was_refused_leaves_a_letter_without_its_body(shop: Callable[..., Shop]) -> None:
    here = shop(unstored=["Health *"])
    here.answer = lambda call: Answer(422)
    here.says("Health Checked", 1)
    here.serve()
    store = here.store()
    letters = [(each.event_id[-1], each.body) for each in store.dead()]
    store.close()
    assert letters == [("1", b"")]
    assert here.is_written() == []


def test_what_a_killed_worker_left_goes_with_the_next(data_dir: Path) -> None:
    site = Site(data_dir, unstored="Order")
    entry = site.track()
    assert entry.event is not None
    entry.event.properties = {"said": SECRET}
    site.drains(entry)
    store = site.store
    store.unstored.drop(served_by=[], end=store.end(), now=site.now, limit=10)
    assert written(data_dir) != []
    settings = load({"data_dir": str(data_dir)}, {})
    clock = lambda: site.now  # noqa: E731
    assert not Retention(store, settings, data_dir, names=[], now=clock, monotonic=clock).let_go()
    assert written(data_dir) == []
    site.close()


def test_its_id_is_still_known(shop: Callable[..., Shop]) -> None:
    here = shop(unstored=["Health *"])
    for _ in range(2):
        here.says("Health Checked", 1)
        here.serve()
    assert names(here) == ["Health Checked"]


def test_without_any_destination_it_is_not_kept_either(data_dir: Path) -> None:
    here = Shop(data_dir, unstored=["*"])
    here.settings = load({"data_dir": str(data_dir), "unstored": ["*"]}, {})
    here.says("Paid", 1)
    here.serve()
    here.spool.close()
    assert here.log() == []


def test_a_replay_has_what_is_there_and_says_what_is_not(shop: Callable[..., Shop]) -> None:
    here = shop(unstored=["Health *"])
    here.says("Health Checked", 1)
    here.says("Paid", 2)
    here.serve()
    store, (route,) = here.store(), registry.routes([URL])
    live = store.job(route.name)
    found = replay.cover(store, route, Part(), live, window=UNKNOWN, now=NOW)
    store.close()
    assert (found.events, found.unstored) == (1, 1)
    said = replay.warnings(route.name, found, UNKNOWN)
    assert said[0] == "1 of that time were not kept (unstored): no replay has them"


def test_an_open_replay_still_gets_it(data_dir: Path) -> None:
    store = sqlite.open(data_dir / "events.db", now=lambda: NOW)
    positions = store.append([stored_row(number, at=NOW) for number in range(3)])
    with store.batch():
        store.intake.not_kept(positions.values())
    job = store.job("hook")
    store.advance(job, store.end(), [])
    number = store.replays.add("hook", Part(), (0, store.end()), total=3, now=NOW)
    dropped = [
        store.unstored.drop(served_by=["hook"], end=store.end(), now=NOW, limit=10),
        store.replays.end(number, NOW),
        store.unstored.drop(served_by=["hook"], end=store.end(), now=NOW, limit=10),
    ]
    store.close()
    assert dropped == [0, None, 3]


def test_what_is_read_meanwhile_is_cut_off_later(data_dir: Path) -> None:
    store = sqlite.open(data_dir / "events.db", now=lambda: NOW)
    positions = store.append([stored_row(1, at=NOW)])
    with store.batch():
        store.intake.not_kept(positions.values())
    reader = sqlite.open(data_dir / "events.db", now=lambda: NOW)
    reader._db._raw.execute("BEGIN")
    reader.end()
    store.unstored.drop(served_by=[], end=store.end(), now=NOW, limit=10)
    assert not store.unstored.empty_wal()
    reader._db._raw.execute("COMMIT")
    assert store.unstored.empty_wal()
    assert (data_dir / "events.db-wal").stat().st_size == 0
    reader.close()
    store.close()


def test_the_positions_are_forgotten_with_their_time(data_dir: Path) -> None:
    store = sqlite.open(data_dir / "events.db", now=lambda: NOW)
    positions = store.append([stored_row(1, at=NOW)])
    with store.batch():
        store.intake.not_kept(positions.values())
    store.unstored.drop(served_by=[], end=store.end(), now=NOW, limit=10)
    store.unstored.forget(NOW)
    assert store.unstored.gone(0, 10) == 1
    store.unstored.forget(NOW + 1)
    assert store.unstored.gone(0, 10) == 0
    store.close()


def test_a_page_view_that_waited_for_its_half_leaves_nothing(data_dir: Path) -> None:
    """Its half lay in its page's row meanwhile."""
    site = Site(data_dir, unstored="Page")
    view = site.view("6f1c4f0e-3a5e-4e0b-9a67-2f9f0b7a4d11", await_half=True)
    assert view.event is not None
    view.event.context["page"]["title"] = SECRET + "x" * 6000
    site.store.unstored.overwrite_freed()
    site.drains(view)
    site.waits(10)
    assert [each.label for each in site.store.read(0, 10)] == ["Page"]
    end = site.store.end()
    assert site.store.unstored.drop(served_by=[], end=end, now=site.now, limit=10) == 1
    assert site.store.unstored.empty_wal()
    site.store.close()
    assert SECRET.encode() not in (data_dir / "events.db").read_bytes()
    assert encode_event(view.event).count(SECRET.encode()) == 1
    site.spool.close()
