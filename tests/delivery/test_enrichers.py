"""Enrichers have so long, and no longer: the event goes on without one that takes its time."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import Site
from tests.waiting import SECONDS, until
from track_middleware.delivery.enrichers import Limited, TooLong
from track_middleware.event import Event

PATIENCE = SECONDS


def event(**properties: Any) -> Event:
    return Event("id", "track", "2027-01-15T08:00:00.000Z", event="O", properties=properties)


def test_what_an_enricher_returns_is_the_event():
    made = Limited(lambda given: Event("x", "track", given.timestamp), seconds=PATIENCE)(event())
    assert made.message_id == "x"


def test_one_that_returns_nothing_has_changed_its_event_in_place():
    given = event(a=1)
    made = Limited(lambda each: each.properties.update(b=2), seconds=PATIENCE)(given)
    assert made.properties == {"a": 1, "b": 2}
    assert given.properties == {"a": 1}


def test_what_it_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        Limited(lambda given: 1 / 0, seconds=PATIENCE)(event())  # type: ignore[return-value]


def test_one_that_raised_and_that_nobody_has_any_more_leaves_no_thread():
    limited = Limited(lambda given: 1 / 0, seconds=PATIENCE)  # type: ignore[return-value]
    with pytest.raises(ZeroDivisionError):
        limited(event())
    thread = limited._thread
    assert thread is not None
    del limited

    def is_over() -> bool:
        gc.collect()  # the thread may have had the error in its hands until now
        return not thread.is_alive()

    until(is_over)


def test_while_one_call_hangs_no_other_is_begun_and_then_it_is_asked_again():
    free, calls = threading.Event(), []

    def slow(given: Event) -> Event:
        calls.append(given)
        free.wait(PATIENCE)
        return given

    limited = Limited(slow, seconds=0.01)

    def is_asked() -> bool:
        limited._seconds = PATIENCE
        try:
            return limited(event(a=1)).properties == {"a": 1}
        except TooLong:
            return False

    for _ in range(3):
        with pytest.raises(TooLong):
            limited(event())
    until(lambda: bool(calls), seconds=PATIENCE)  # its thread may not have run until now
    with pytest.raises(TooLong):
        limited(event())
    assert len(calls) == 1
    free.set()
    until(is_asked, seconds=PATIENCE)


def test_a_forked_child_has_a_thread_of_its_own():
    limited = Limited(lambda given: None, seconds=PATIENCE)
    limited(event())
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, b"well" if limited(event(a=1)).properties == {"a": 1} else b"ill")
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as told:
        assert told.read() == b"well"
    os.waitpid(child, 0)


def test_an_event_goes_on_without_an_enricher_that_is_late(data_dir: Path):
    free = threading.Event()

    def slow(given: Event) -> Event:
        free.wait(PATIENCE)
        given.properties = {"late": True}
        return given

    def quick(given: Event) -> None:
        given.properties = {"quick": True}

    limited = [Limited(each, seconds=limit) for each, limit in ((slow, 0.01), (quick, PATIENCE))]
    site = Site(data_dir, enrichers=limited)
    try:
        site.drains(site.track(), site.track())
        assert [each.properties for each in site.events] == [{"quick": True}] * 2
        assert site.counts["enricher_timeout"] == 2
        assert not site.counts["before_send"]
    finally:
        free.set()
        site.close()
