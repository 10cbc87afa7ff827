"""Whoever waits to write is next."""

from __future__ import annotations

import threading

from tests.waiting import until
from track_middleware.delivery.store.gate import Gate


def test_a_thread_that_waits_comes_before_the_one_that_has_just_written() -> None:
    gate = Gate()
    wrote: list[str] = []

    def waits() -> None:
        with gate:
            wrote.append("waiting")

    other = threading.Thread(target=waits)
    with gate:
        wrote.append("first")
        other.start()
        until(lambda: gate.is_waited_for)
    with gate:
        wrote.append("again")
    other.join()
    assert wrote == ["first", "waiting", "again"]


def test_a_failure_inside_lets_the_next_in() -> None:
    gate = Gate()
    try:
        with gate:
            raise ValueError
    except ValueError:
        pass
    with gate:
        assert not gate.is_waited_for
