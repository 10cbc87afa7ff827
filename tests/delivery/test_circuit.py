"""A destination that is left alone, asked again, and served at a pace."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.delivery.served import Network, Receiver, Shop, event_id, row
from track_middleware.delivery import pace
from track_middleware.delivery.circuit import LONG, Circuit
from track_middleware.delivery.sending import Sending
from track_middleware.delivery.store import Job
from track_middleware.delivery.store.jobs import SharedJob
from track_middleware.delivery.transport import Silence
from track_middleware.destinations import DELIVERED, Answer, Call, Outbound, Verdict
from track_middleware.destinations.answers import usual
from track_middleware.destinations.filters import Filter
from track_middleware.destinations.registry import Route
from track_middleware.event import Event

URL = "webhook+https://example.test/in"
SILENCE = Silence("no answer: Connection refused", sent=False)

Open = Callable[..., Shop]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Open]:
    opened: list[Shop] = []

    def make(network: Network, route: Route | None = None) -> Shop:
        opened.append(Shop(tmp_path, URL, network, route=route))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def webhook(here: Shop) -> Job:
    return here.store.job(here.route.name)


def test_after_a_pause_one_event_asks_and_then_twice_as_many_follow(shop: Open) -> None:
    there = Receiver([SILENCE])
    here = shop(there)
    here.accept(*[row(number) for number in range(1, 1201)])
    here.run_out()
    sizes = [len(call) for call in there.calls]
    assert sizes[1:6] == [1, 2, 4, 8, 16]
    assert max(sizes[1:]) == 500
    assert there.order == list(range(1, 1201))
    assert webhook(here).pause_reason == ""


def test_a_restart_asks_with_one_event_too_and_remembers_how_long_it_waited(shop: Open) -> None:
    there = Receiver([SILENCE] * 3)
    here = shop(there)
    here.accept(*[row(number) for number in range(1, 51)])
    waits = []
    for _ in range(3):
        again = here.run()
        assert again is not None
        waits.append(webhook(here).wait)
        assert again == here.now + waits[-1]
        here.restart()
        assert here.run() == again
        here.now = again
    assert waits == sorted(waits)
    assert waits[0] < waits[2]
    assert [len(call) for call in there.calls] == [50, 1, 1]


def test_a_pause_is_not_over_before_whole_batches_go_well(shop: Open) -> None:
    """It answers one event and breaks on two: the waits grow all the same."""

    def network(call: Call) -> Answer | Silence:
        return Answer(200) if len(call.ids) == 1 else Answer(503)

    here = shop(network)
    here.accept(*[row(number) for number in range(1, 31)])
    waits = []
    for _ in range(8):
        again = here.run()
        assert again is not None
        waits.append(again - here.now)
        here.now = again
    assert waits[-1] > 20 * waits[0]


def test_one_event_that_always_breaks_it_does_not_keep_the_others_from_it(shop: Open) -> None:
    taken: list[str] = []

    def network(call: Call) -> Answer | Silence:
        if event_id(1) in call.ids:
            return Answer(500)
        taken.extend(call.ids)
        return Answer(200)

    here = shop(network)
    here.random = random.Random(1).random
    here.accept(*[row(number, visitor=f"v{number % 5}") for number in range(1, 101)])
    for _ in range(40):
        again = here.run()
        here.now = again or here.now
    assert len(set(taken)) == 80, "all but its own visitor's"
    assert here.waiting()["retry"] == 1
    assert webhook(here).wait < LONG


def test_a_clock_that_goes_back_makes_no_pause_longer(shop: Open) -> None:
    there = Receiver([SILENCE])
    here = shop(there)
    here.accept(row(1))
    wait = (here.run() or 0.0) - here.now
    here.now -= 10 * 365 * 86_400
    assert here.run() == here.now + wait
    here.now += wait
    here.run()
    assert there.order == [1]


@pytest.mark.parametrize("asked", ["999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_nobody_is_waited_for_longer_than_a_day(shop: Open, asked: str) -> None:
    headers = {"date": "Mon, 23 Nov 2026 12:00:00 GMT", "retry-after": asked}
    here = shop(Receiver([Answer(503, headers)]))
    here.accept(row(1))
    assert here.run() == here.now + 86_400
    assert not webhook(here).needs_you


def test_what_a_job_tells_its_operator(shop: Open) -> None:
    there = Receiver([Answer(401, {}, b"who are you?")])
    there.poison = {3}
    here = shop(there)
    here.accept(*[row(number) for number in range(1, 6)])
    here.run()
    job = webhook(here)
    assert (job.answer, job.answered_at) == ("HTTP 401: who are you?", here.now)
    assert (job.pause_reason, job.delivered) == ("HTTP 401: who are you?", 0)
    assert job.needs_you
    here.run_out()
    job = webhook(here)
    assert not job.needs_you
    assert (job.delivered, job.doubtful, job.answer) == (4, 0, "HTTP 200")
    assert pace.per_minute(job, here.now) == pytest.approx(4, rel=0.01)
    assert pace.per_minute(job, here.now + 600) < 0.001


# Pace.


def at(moment: float, limit: float | None = 50.0) -> float | None:
    job = Job(1, "webhook", 0, None, None, "", pace=limit, paced_at=1000.0)
    return pace.allowed(job, moment)


def test_a_pace_comes_back_by_a_tenth_of_what_it_was_a_minute_until_nothing_limits_it() -> None:
    assert [at(1000.0 + 60 * minutes) for minutes in range(5)] == [50, 60, 70, 80, 90]
    assert at(1300.0) is None
    assert at(2000.0, None) is None


def test_a_pace_of_a_clock_that_was_wrong_limits_nothing() -> None:
    assert at(999.0) is None


def test_nothing_ever_stands_still() -> None:
    assert pace.halved(0.0) == pace.LEAST
    assert pace.halved(100.0) == 50.0


class Limited:
    """Takes so many events a second, and answers 429 beyond that without saying for how long."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now: Callable[[], float] = float
        self.taken: list[tuple[float, int]] = []
        self.refused: list[float] = []

    def __call__(self, call: Call) -> Answer:
        now = self.now()
        lately = sum(count for moment, count in self.taken if now - moment < 60)
        if lately + len(call.ids) > self.most * 60:
            self.refused.append(now)
            return Answer(429)
        self.taken.append((now, len(call.ids)))
        return Answer(200)


def test_too_many_halves_the_rate_and_a_restart_keeps_it(shop: Open) -> None:
    there = Limited(20)
    here = shop(there)
    there.now = lambda: here.now
    here.accept(*[row(number) for number in range(1, 3001)])
    here.run()
    assert sum(count for _, count in there.taken) == 1000
    assert webhook(here).pace == 500.0
    here.restart()
    here.run_out()
    assert sum(count for _, count in there.taken) == 3000
    assert here.waiting() == {}
    assert len(there.refused) < 20
    late = [count for moment, count in there.taken if moment > there.taken[-1][0] - 60]
    assert sum(late) <= 20 * 60


def test_a_wait_that_was_asked_for_halves_nothing(shop: Open) -> None:
    here = shop(Receiver([Answer(429, {"retry-after": "9"})]))
    here.accept(row(1))
    here.run()
    assert webhook(here).pace is None


def test_under_a_pace_batches_follow_each_other_at_its_rate(shop: Open) -> None:
    taken: list[tuple[float, int]] = []
    answers = [Answer(429)]

    def network(call: Call) -> Answer:
        if answers:
            return answers.pop()
        taken.append((here.now, len(call.ids)))
        return Answer(200)

    here = shop(network)
    here.accept(*[row(number) for number in range(1, 101)])
    here.run()
    assert webhook(here).pace == 50.0
    here.run_out()
    assert sum(count for _, count in taken) == 100
    seconds = taken[-1][0] - taken[0][0]
    before_the_last = 100 - taken[-1][1]
    assert before_the_last / 55 <= seconds <= before_the_last / 45


def test_each_of_several_workers_has_its_shards_part_of_the_pace(shop: Open) -> None:
    here = shop(Receiver([]))
    sending = Sending(
        here.route.destination,
        transport=Receiver([]),
        now=lambda: here.now,
        may_send=lambda: True,
    )
    here_and_there = [
        SharedJob(1, "webhook", 0, None, None, "", pace=40.0, paced_at=here.now, held=held)
        for held in ((0, 1), (2, 3, 4, 5, 6, 7))
    ]
    batches = []
    for job in here_and_there:
        circuit = Circuit(here.store, name="webhook", now=lambda: here.now, random=random.random)
        batches.append(circuit.most(job, 500))
        circuit.again(job)
        circuit.sent(job, sending, batches[-1], most=500)
        assert circuit.again(job) == here.now + pace.SPAN
        sending.throttled = 1
        assert circuit.slowed(replace(job, pace=None), sending) == 200.0, "all took 400 at once"
    assert batches == [100, 300]


# Codecs.


class Codec:
    """A codec made of functions, of which each call carries a whole batch."""

    name = "codec"
    most = 100

    def __init__(self, judge: Callable[[Call, Answer | None], Sequence[Verdict]] = usual) -> None:
        self.judge = judge
        self.fails_on = ""

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        if any(event.message_id == self.fails_on for event in events):
            raise KeyError("currency")
        ids = tuple(event.message_id for event in events)
        return Outbound([Call("https://codec.test/", json.dumps(ids).encode(), ids)])


def test_an_event_that_a_codec_fails_on_dies_alone(shop: Open) -> None:
    codec = Codec()
    codec.fails_on = event_id(7)
    here = shop(lambda call: Answer(200), Route(codec, Filter()))
    here.accept(*[row(number) for number in range(1, 21)])
    assert here.run() is None
    assert webhook(here).delivered == 19
    assert here.dead() == {event_id(7): "the destination's code fails on it: KeyError: 'currency'"}


def test_an_event_that_a_codec_says_nothing_about_is_dead_and_not_stuck(shop: Open) -> None:
    codec = Codec()
    codec.calls = lambda events, now: Outbound([])  # type: ignore[method-assign]
    here = shop(lambda call: Answer(200), Route(codec, Filter()))
    here.accept(row(1))
    assert here.run() is None
    assert "neither" in here.dead()[event_id(1)]


def test_an_answer_that_a_codec_cannot_read_is_an_outage(shop: Open) -> None:
    def judge(call: Call, answer: Answer | None) -> Sequence[Verdict]:
        raise TypeError

    here = shop(lambda call: Answer(200), Route(Codec(judge), Filter()))
    here.accept(row(1))
    assert here.run() is not None
    assert webhook(here).pause_reason == "its answer cannot be read: TypeError"
    assert here.position() == 0


def test_those_who_send_too_much_wait_alone_even_when_they_are_all_there_is(shop: Open) -> None:
    slow = Verdict("retry", "too many of this user's", after=30.0, alone=True)
    answers = [[slow, slow]]

    def judge(call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return answers.pop() if answers else [DELIVERED] * len(call.ids)

    here = shop(lambda call: Answer(429), Route(Codec(judge), Filter()))
    here.accept(row(1), row(2))
    here.run()
    job = webhook(here)
    assert (job.paused_until, job.pace, job.position) == (None, None, 2)
    assert here.waiting() == {"retry": 1, "held": 1}
    here.accept(row(3, visitor="other"))
    here.run()
    assert webhook(here).delivered == 1
    here.run_out()
    assert webhook(here).delivered == 3


def test_a_vendor_that_names_one_bad_event_at_a_time_costs_no_more_than_its_events(
    shop: Open,
) -> None:
    """All of 100 are bad. Resent whole each time it would be 5,050 events."""
    sent: list[int] = []

    def judge(call: Call, answer: Answer | None) -> Sequence[Verdict]:
        sent.append(len(call.ids))
        rest = [Verdict("retry", after=0)] * (len(call.ids) - 1)
        return [Verdict("refused", "bad"), *rest]

    here = shop(lambda call: Answer(400), Route(Codec(judge), Filter()))
    here.accept(*[row(number) for number in range(1, 101)])
    assert here.run() is None
    assert len(here.dead()) == 100
    assert len(sent) == 100
    assert sum(sent) < 1_000


def test_poison_among_many_costs_calls_in_the_logarithm_of_the_batch(shop: Open) -> None:
    sizes: list[int] = []

    def network(call: Call) -> Answer:
        sizes.append(len(call.ids))
        return Answer(422, {}, b"no") if event_id(50) in call.ids else Answer(200)

    here = shop(network, Route(Codec(), Filter()))
    here.accept(*[row(number) for number in range(1, 101)])
    here.run()
    assert here.dead() == {event_id(50): "HTTP 422: no"}
    assert len(sizes) <= 1 + 2 * 7


def test_a_lone_event_that_is_too_large_is_refused(shop: Open) -> None:
    here = shop(lambda call: Answer(413, {}, b"too large"))
    here.accept(row(1))
    assert here.run() is None
    assert here.dead() == {event_id(1): "HTTP 413: too large"}
