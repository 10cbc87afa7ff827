"""The intake: events from elsewhere, beside the live site's and never in their way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.delivery.recorder import Recorder, Say
from tests.delivery.site import WINDOW
from tests.delivery.site import Site as LiveSite
from track_middleware.delivery import segments
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.worker import Worker
from track_middleware.errors import Refused
from track_middleware.event import Entry, Event, iso
from track_middleware.history import intake
from track_middleware.history.checkpoint import Checkpoint, State
from track_middleware.history.intake import Counts, Intake
from track_middleware.reading import load

LONG_AGO = 1_600_000_000.0


def entry(number: int, *, name: str = "Order Completed", **properties: object) -> Entry:
    event = Event(
        f"{name}:{number}", "track", iso(LONG_AGO + number), event=name, user_id=f"u{number % 7}",
        properties={"number": number, **properties}, context=intake.context("1"),
    )  # fmt: skip
    return Entry("event", time.time(), event)


class Site:
    """A data folder with two destinations and a worker, run by hand."""

    def __init__(self, data_dir: Path, vendor: Recorder) -> None:
        self.data_dir = data_dir
        self.vendor = vendor
        hook = vendor.url.replace("http://", "webhook+http://")
        urls = [f"{hook}/one?name=one", f"{hook}/two?name=two"]
        self.settings = load({"data_dir": str(data_dir), "destinations": urls}, {})
        self.store = sqlite.open(data_dir / "events.db")
        self.live = Spool(data_dir, now=time.time, min_free="1")

    def begin(self, *destinations: str) -> int:
        return self.store.backfills.begin("a test", destinations or ("one", "two"), now=time.time())

    def intake(self, number: int, **given: object) -> Intake:
        return Intake(self.data_dir, self.store, number, min_free="1", **given)  # type: ignore[arg-type]

    def fill(self, number: int, entries: Sequence[Entry]) -> None:
        """All of a backfill, in one go: its worker runs between."""
        taking = self.intake(number, waited=lambda seconds: self.work())
        taking.add(entries)
        taking.finish()

    def work(self) -> None:
        worker = Worker(self.settings, data_dir=self.data_dir)
        try:
            assert worker.once()
        finally:
            worker.close()

    def close(self) -> None:
        self.live.close()
        self.store.close()

    def got(self, destination: str) -> list[int]:
        calls = [each for each in self.vendor.got if each.path == f"/{destination}"]
        batches = [json.loads(each.body)["batch"] for each in calls]
        return [each["properties"]["number"] for batch in batches for each in batch]


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def site(data_dir: Path, vendor: Recorder) -> Iterator[Site]:
    site = Site(data_dir, vendor)
    yield site
    site.close()


def test_every_destination_gets_all_of_it_once_and_in_order(site):
    site.work()
    site.fill(site.begin(), [entry(number) for number in range(1000)])
    site.work()
    assert site.got("one") == site.got("two") == list(range(1000))


def test_a_destination_that_is_not_meant_gets_nothing(site):
    site.work()
    site.fill(site.begin("two"), [entry(number) for number in range(10)])
    site.work()
    assert site.got("one") == []
    assert site.got("two") == list(range(10))


def test_times_are_the_events_own_and_ids_follow_from_the_rows(site, vendor):
    site.fill(site.begin("one"), [entry(3)])
    site.work()
    (sent,) = json.loads(vendor.got[0].body)["batch"]
    assert sent["timestamp"] == iso(LONG_AGO + 3)
    assert sent["context"]["platform"] == "backfill"
    site.fill(site.begin("one"), [entry(3)])
    site.work()
    assert site.got("one") == [3]


def test_the_live_job_passes_it_over_and_goes_on_with_what_came_between(site):
    site.work()
    number = site.begin("two")
    taking = site.intake(number, waited=lambda seconds: site.work())
    for first in range(0, 60, 20):
        taking.add(entry(each) for each in range(first, first + 20))
        site.live.append([entry(1000 + first, name="Live")])
        site.work()
    taking.finish()
    site.work()
    assert site.got("one") == [1000, 1020, 1040]
    assert sorted(site.got("two")) == [*range(60), 1000, 1020, 1040]
    assert {job.position for job in site.store.jobs() if job.end is None} == {site.store.end()}


def test_its_job_is_over_when_all_is_stored_and_sent_and_not_before(site):
    number = site.begin("one")
    taking = site.intake(number)
    taking.add([entry(1)])
    site.work()
    (replay,) = site.store.replays.all()
    assert (replay.backfill, replay.total, replay.ended) == (number, 1, None)
    taking.add([entry(2)])
    taking.close()
    site.work()
    assert site.got("one") == [1, 2]
    taking.finish()
    site.work()
    (replay,) = site.store.replays.all()
    assert replay.ended is not None
    assert replay.progress == 1.0


def test_what_a_killed_process_has_left_is_waited_for_before_all_is_stored(site):
    number = site.begin("one")
    killed = site.intake(number)
    killed.add([entry(1), entry(2)])
    killed.close()
    waits: list[bool] = []

    def waited(seconds: float) -> None:
        waits.append(site.store.backfills.is_stored(number))
        site.work()

    site.intake(number, waited=waited).finish()
    site.work()
    assert waits == [False]
    assert site.got("one") == [1, 2]


def test_an_outage_of_one_destination_holds_up_neither_the_other_nor_the_live_one(site, vendor):
    site.work()
    answers = vendor.answer
    vendor.answer = lambda got: answers(got) if got.path == "/two" else Say(503)
    site.fill(site.begin(), [entry(number) for number in range(50)])
    site.live.append([entry(99, name="Live")])
    site.work()
    assert sorted(site.got("two")) == [*range(50), 99]
    assert site.store.job("two").position == site.store.end()


def test_what_waits_to_be_drained_is_bounded(site):
    most = 2**18
    seen: list[int] = []
    taking = site.intake(site.begin("one"), waiting=most)

    def waited(seconds: float) -> None:
        seen.append(taking.bytes_waiting())
        site.work()

    taking = site.intake(taking.number, waiting=most, waited=waited)
    taking.add(entry(number, text="x" * 500) for number in range(5000))
    taking.close()
    assert seen
    assert max(seen) < most + 250 * 1000


def test_while_nobody_drains_it_says_for_how_long(site):
    told: list[float] = []
    clock = iter(range(1000))

    def waited(seconds: float) -> None:
        told.append(seconds)
        if len(told) == 3:
            site.work()

    taking = site.intake(
        site.begin("one"), waited=waited, monotonic=lambda: float(next(clock)), sleep=lambda s: None
    )
    taking.add([entry(1)])
    taking.finish()
    assert told == [1.0, 2.0, 3.0]


def test_windows_of_live_pages_end_while_a_backfill_waits(data_dir, monkeypatch):
    monkeypatch.setattr("track_middleware.delivery.drain.AT_ONCE", 10)
    site = LiveSite(data_dir)
    try:
        site.drains(site.view("p"))
        taking = Intake(data_dir, site.store, 1, min_free="1", now=lambda: site.now)
        taking.add(entry(number) for number in range(500))
        taking.close()
        site.now += WINDOW + 1
        assert site.drain.once(site.now), "there is more of the backfill"
        assert "p" in {each.message_id for each in site.events}
    finally:
        site.close()


def test_events_are_counted_on_the_days_on_which_they_happened(site):
    site.fill(site.begin(), [entry(1), entry(86_400), entry(86_401), entry(1)])
    site.live.append([entry(5, name="Live")])
    site.work()
    counts = site.store.event_counts()
    assert sum(number for (_, label), number in counts.items() if label == "Live") == 1
    assert {key: number for key, number in counts.items() if key[1] != "Live"} == {
        ("2020-09-13", "Order Completed"): 1,
        ("2020-09-14", "Order Completed"): 2,
    }


def test_an_entry_that_can_never_be_kept_costs_itself_only(site):
    taking = site.intake(site.begin("one"))
    given = [entry(1), entry(2, text="x" * 3 * 2**20), entry(3)]
    assert taking.add(given) == Counts(kept=2, refused=1)
    taking.close()
    site.work()
    assert site.got("one") == [1, 3]


def test_a_low_disk_ends_it_with_a_reason(site):
    taking = Intake(site.data_dir, site.store, site.begin("one"), min_free="100%")
    with pytest.raises(Refused, match="disk_low"):
        taking.add([entry(1)])
    taking.close()


def test_a_checkpoint_is_found_by_the_same_call_and_by_no_other(data_dir):
    Checkpoint(data_dir, ["a.csv", "Order"]).save(State(3, place=["k", 7], read=9, kept=8))
    assert Checkpoint(data_dir, ["a.csv", "Order"]).load() == State(3, ["k", 7], 9, 8)
    assert Checkpoint(data_dir, ["a.csvOrder", ""]).load() is None
    Checkpoint(data_dir, ["a.csv", "Order"]).over()
    assert Checkpoint(data_dir, ["a.csv", "Order"]).load() is None


def test_a_segment_says_whose_it_is():
    assert segments.backfill_of("v1-b12-00ff") == 12
    assert segments.backfill_of("v1-b2ff00ff00ff00ff") is None
    assert segments.backfill_of("v1-00ff") is None


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    store = sqlite.open(data_dir / "events.db")
    yield store
    store.close()


def test_parts_that_follow_each_other_are_one(store):
    number, other = store.backfills.begin("a", (), now=0), store.backfills.begin("b", (), now=0)
    add: Callable[[int, Sequence[int]], None] = store.backfills.add
    with store.batch():
        for whose, positions in (
            (number, (1, 2)), (number, (3,)), (other, (4, 5)), (number, (8, 9)), (number, ()),
        ):  # fmt: skip
            add(whose, positions)
    assert store.backfills.parts(number, 0) == [(1, 3), (8, 9)]
    assert store.backfills.parts(number, 3) == [(8, 9)]
    assert store.backfills.between(2, 8) == [(1, 3), (4, 5), (8, 9)]
    assert store.backfills.between(5, 7) == []


def test_a_backfill_that_nobody_goes_on_with_is_given_up(store):
    old, new = store.backfills.begin("a", (), now=0.0), store.backfills.begin("b", (), now=10.0)
    with store.batch():
        store.backfills.fade(30 * 86_400.0 + 5)
    assert (store.backfills.is_stored(old), store.backfills.is_stored(new)) == (True, False)
