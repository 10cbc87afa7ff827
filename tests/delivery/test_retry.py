"""Back-off decisions: bounded, jittered, never sooner than asked."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from track_middleware.delivery import retry

chances = st.floats(0, 0.999999)
waits = st.floats(0, 10_000)


@given(last=waits, chance=chances)
def test_a_pause_lies_between_the_base_and_the_longest(last: float, chance: float) -> None:
    wait = retry.pause(last, after=None, random=lambda: chance)
    assert retry.BASE <= wait <= retry.LONGEST


@given(last=waits, chance=chances, after=waits)
def test_nobody_comes_back_before_the_time_asked_for(
    last: float, chance: float, after: float
) -> None:
    assert retry.pause(last, after=after, random=lambda: chance) >= after
    assert retry.again(3, after=after, random=lambda: chance) >= after


def test_pauses_grow_while_the_trouble_lasts() -> None:
    dice, last = random.Random(7).random, 0.0
    waits = []
    for _ in range(60):
        last = retry.pause(last, after=None, random=dice)
        waits.append(last)
    assert sum(waits[:5]) < sum(waits[-5:])


def test_two_hosts_do_not_come_back_together() -> None:
    one, other = random.Random(1).random, random.Random(2).random
    assert retry.pause(10, after=None, random=one) != retry.pause(10, after=None, random=other)


@given(attempts=st.integers(1, 10_000), chance=chances)
def test_an_event_waits_a_bounded_time_however_often_it_failed(
    attempts: int, chance: float
) -> None:
    wait = retry.again(attempts, after=None, random=lambda: chance)
    assert retry.BASE <= wait <= retry.LONGEST
