"""Replays: a part of the log again, beside the live job, overtaking nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.delivery.served import event_id, row
from tests.waiting import until
from track_middleware.address import address
from track_middleware.delivery import handover
from track_middleware.delivery.store import Outcome, sqlite, whole
from track_middleware.delivery.store.replays import Part
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.worker import Worker
from track_middleware.destinations import Answer, Call, ga4, registry
from track_middleware.destinations.registry import Route, routes
from track_middleware.event import iso
from track_middleware.history import replay
from track_middleware.history.windows import DAY, UNKNOWN, WINDOWS, Window, window
from track_middleware.reading import load
from track_middleware.settings import Settings

NOW = 1_795_435_200.0
URL = "webhook+http://127.0.0.1:9/hook"


class Vendor:
    """Takes calls, and notes which numbers came with which ids and times."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.answer: Callable[[list[int]], Answer] = lambda numbers: Answer(200)

    def __call__(self, call: Call) -> Answer:
        batch = json.loads(call.body)["batch"]
        numbers = [each["properties"]["number"] for each in batch]
        answer = self.answer(numbers)
        if answer.status == 200:
            self.got += numbers
            self.bodies += batch
        return answer


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return load({"data_dir": str(data_dir), "destinations": [URL]}, {})


@pytest.fixture
def worker(settings: Settings, data_dir: Path, vendor: Vendor) -> Iterator[Worker]:
    handover.write(settings, data_dir)
    worker = Worker(settings, data_dir=data_dir, transport=vendor, now=lambda: NOW)
    worker.once()
    yield worker
    worker.close()


@pytest.fixture
def store(worker: Worker, data_dir: Path) -> Iterator[Store]:
    store = sqlite.open(data_dir / "events.db", now=lambda: NOW)
    yield store
    store.close()


@pytest.fixture
def route() -> Route:
    return routes([URL])[0]


def accepted(store: Store, *numbers: int, at: float = NOW, **more: Any) -> None:
    rows = [msgspec.structs.replace(row(number, **more), accepted_at=at) for number in numbers]
    with store.batch():
        store.append(rows)


def replayed(store: Store, route: Route, **part: Any) -> replay.Cover:
    chosen = Part(**part)
    found = replay.cover(store, route, chosen, store.job(route.name), window=UNKNOWN, now=NOW)
    replay.start(store, route.name, chosen, found, now=NOW)
    return found


def test_a_replay_sends_a_part_of_the_log_again_with_the_same_ids_and_times(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    for number in range(1, 6):
        accepted(store, number, at=NOW + number)
    worker.once()
    assert replayed(store, route, since=NOW + 2, until=NOW + 5).events == 3
    worker.once()
    assert vendor.got == [1, 2, 3, 4, 5, 2, 3, 4]
    first, again = vendor.bodies[1], vendor.bodies[5]
    assert again["messageId"] == first["messageId"] == event_id(2)
    assert again["timestamp"] == first["timestamp"]


def test_only_the_events_that_are_named_are_sent(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1, event="Order Completed")
    accepted(store, 2, event="Signed Up")
    accepted(store, 3, event="Order Refunded")
    worker.once()
    assert replayed(store, route, labels=("Order*",)).events == 2
    worker.once()
    assert vendor.got == [1, 2, 3, 1, 3]


def test_what_the_live_job_has_not_reached_is_left_to_it(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1)
    worker.once()
    accepted(store, 2)
    assert replayed(store, route).events == 1
    worker.once()
    assert sorted(vendor.got) == [1, 1, 2]


def test_what_waits_for_the_live_job_is_not_overtaken(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1, 2, 3)
    live = store.job(route.name)
    waiting = Outcome(2, event_id(2), "v1", "retry", 1, NOW + 1000, "busy")
    held = Outcome(3, event_id(3), "v1", "held")
    store.advance(live, 3, [waiting, held])
    assert replayed(store, route).events == 1
    worker.once()
    assert vendor.got == [1]


def test_a_replay_rests_while_the_live_job_is_paused(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1)
    worker.once()
    replayed(store, route)
    store.pause(store.job(route.name), NOW + 60, "it is down")
    worker.once()
    assert vendor.got == [1]
    store.pause(store.job(route.name), None, "")
    worker.once()
    assert vendor.got == [1, 1]


def test_several_replays_run_beside_each_other_and_end(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1, 2, 3)
    worker.once()
    replayed(store, route)
    replayed(store, route)
    worker.once()
    assert sorted(vendor.got) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [each.ended for each in store.replays.all()] == [NOW, NOW]
    worker.once()
    assert len(vendor.got) == 9


def test_a_replay_goes_on_where_it_stood(
    worker: Worker, store: Store, vendor: Vendor, route: Route, settings: Settings
) -> None:
    accepted(store, 1, 2, 3)
    worker.once()
    found = replayed(store, route)
    (one,) = store.replays.all()
    store.advance(one.job, 2, [])
    assert (found.events, store.replays.all()[0].progress) == (3, pytest.approx(2 / 3))
    worker.once()
    assert vendor.got == [1, 2, 3, 3]


def test_what_a_replay_cannot_deliver_is_retried_by_itself_and_refused_to_the_dead(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1, 2)
    worker.once()
    vendor.answer = lambda numbers: Answer(400 if 2 in numbers else 200)
    replayed(store, route)
    worker.once()
    assert [(each.event_id, each.destination) for each in store.dead()] == [
        (event_id(2), "webhook")
    ]
    assert store.replays.all()[0].ended == NOW


def test_a_stopped_replay_sends_nothing_more(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1)
    worker.once()
    replayed(store, route)
    (one,) = store.replays.all()
    store.replays.end(one.job.id, NOW)
    worker.once()
    assert vendor.got == [1]


def test_a_running_worker_finds_a_replay_within_a_moment(
    worker: Worker, store: Store, vendor: Vendor, route: Route
) -> None:
    accepted(store, 1)
    worker.once()
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        replayed(store, route)
        until(lambda: store.replays.all()[0].ended)
    finally:
        stop.set()
        thread.join()
    assert vendor.got == [1, 1]


# Retention.


def forgotten(store: Store, *served_by: str) -> list[int]:
    """What is left of the log once everything old enough has gone."""
    store.forget(events=NOW + 1, ids=0.0, pages=0.0, served_by=served_by)
    return [each.position for each in store.read(0, 100)]


def test_an_open_replay_holds_its_part_of_the_log(
    worker: Worker, store: Store, route: Route
) -> None:
    accepted(store, 1, 2, 3)
    worker.once()
    store.replays.add(route.name, Part(), (1, 3), total=2, now=NOW)
    assert forgotten(store, route.name) == [2, 3]


def test_a_replay_that_is_over_holds_nothing(worker: Worker, store: Store, route: Route) -> None:
    accepted(store, 1, 2, 3)
    worker.once()
    number = store.replays.add(route.name, Part(), (1, 3), total=2, now=NOW)
    store.replays.end(number, NOW)
    stale = store.replays.all()[0].job
    store.advance(stale, 2, [])  # what was in flight when it was stopped
    assert forgotten(store, route.name) == []


def test_a_destination_that_is_no_longer_configured_holds_nothing(
    worker: Worker, store: Store, route: Route
) -> None:
    accepted(store, 1, 2, 3)
    worker.once()
    former = store.job("former")
    store.advance(former, 0, [Outcome(2, event_id(2), "v1", "retry", 1, NOW, "busy")])
    store.replays.add("former", Part(), (0, 3), total=3, now=NOW)
    assert forgotten(store, route.name) == []


def test_a_row_that_waits_holds_its_event_and_no_other(
    worker: Worker, store: Store, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "FORGOTTEN_AT_ONCE", 1)
    accepted(store, 1, 2, 3)
    live = store.job(route.name)
    store.advance(live, 3, [Outcome(1, event_id(1), "v1", "retry", 1, NOW, "busy")])
    assert store.forget(events=NOW + 1, ids=0.0, pages=0.0, served_by=[route.name])
    assert forgotten(store, route.name) == [1]
    assert not store.forget(events=NOW + 1, ids=0.0, pages=0.0, served_by=[route.name])


# What is said before.


def said(facts: Window, **more: Any) -> list[str]:
    found = replay.Cover((0, 9), events=9, **more)
    return list(replay.warnings("ga4", found, facts))


def test_events_beyond_the_vendors_age_limit_and_window_are_counted(
    worker: Worker, store: Store, route: Route
) -> None:
    accepted(store, 1, at=NOW - 8 * DAY, timestamp=iso(NOW - 8 * DAY))
    accepted(store, 2, at=NOW - 1 * DAY, timestamp=iso(NOW - 4 * DAY))
    accepted(store, 3, at=NOW, timestamp=iso(NOW))
    worker.once()
    facts = Window(age_limit=3 * DAY, dedupe=7 * DAY)
    live = store.job(route.name)
    found = replay.cover(store, route, Part(), live, window=facts, now=NOW)
    assert (found.events, found.late, found.strange) == (3, 2, 1)


def test_an_age_limit_is_said() -> None:
    (warning,) = said(Window(age_limit=3 * DAY, dedupe=1e9), late=4)
    assert warning == "4 happened more than 3 days ago: ga4 does not take them any more"


def test_a_vendor_that_knows_no_ids_is_named() -> None:
    (warning,) = said(Window(dedupe=0.0), strange=9)
    assert "there twice" in warning


def test_profiles_that_would_replace_newer_ones_are_said() -> None:
    (warning,) = said(Window(dedupe=1e9), kinds={"identify": 2, "group": 1, "track": 5})
    assert warning.startswith("3 identify or group")


def test_mixpanels_limit_hangs_on_how_it_is_reached() -> None:
    assert window(address("mixpanel://TOKEN")).age_limit == 5 * DAY
    assert window(address("mixpanel://u:s@123?token=T")).age_limit is None


def test_the_facts_are_about_destinations_that_there_are_and_agree_with_their_codecs() -> None:
    assert WINDOWS.keys() <= registry.BUILT_IN.keys()
    assert WINDOWS["ga4"].age_limit == ga4.AGE


def test_a_replays_job_remembers_what_it_has_learnt(store: Store) -> None:
    number = store.replays.add("webhook", Part(), (0, 1), total=1, now=NOW)
    replayed = store.replays.get(number)
    assert replayed is not None
    store.pause(replayed.job, NOW + 7, "no answer", wait=7.0)
    again = store.replays.get(number)
    assert again is not None
    assert (again.job.wait, again.job.paused_until, again.total) == (7.0, NOW + 7, 1)
