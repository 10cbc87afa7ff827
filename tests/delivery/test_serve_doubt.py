"""Calls that a repeat would count twice, and events that go several ways at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.emulators import POISON
from tests.delivery.emulators.doubtful import Counting, Vendor
from tests.delivery.emulators.faults import Breaking, Killed
from tests.delivery.served import Network, Shop, event_id, row
from track_middleware.delivery.transport import Silence
from track_middleware.destinations import Answer, Call
from track_middleware.destinations.filters import Filter
from track_middleware.destinations.registry import Route, routes

Open = Callable[..., Shop]

HUNG_UP = Silence("no answer: Connection reset by peer")
NOBODY = Silence("no answer: Connection refused", sent=False)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Open]:
    opened: list[Shop] = []

    def make(network: Network, *, repeat: bool = False) -> Shop:
        route = Route(Counting(), Filter(), repeat)
        opened.append(Shop(tmp_path, "", network, route=route))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


class Line:
    """A network that says what ``answers`` hold, one after the other, then what the vendor says."""

    def __init__(self, *answers: Answer | Silence) -> None:
        self.vendor = Vendor()
        self.answers = list(answers)
        self.calls: list[tuple[str, list[str]]] = []

    def __call__(self, call: Call) -> Answer | Silence:
        self.calls.append((call.url.rpartition("/")[2], json.loads(call.body)))
        if self.answers:
            return self.answers.pop(0)
        return self.vendor(call)

    def numbers(self) -> list[list[int]]:
        return [[int(each[-12:]) for each in ids] for _, ids in self.calls]


def doubtful(here: Shop) -> int:
    return here.store.job("counting").doubtful


def test_the_url_says_what_happens_in_doubt() -> None:
    drop, repeat = routes(["heap://A?name=a", "heap://B?name=b&on_doubt=repeat"])
    assert (drop.repeat, repeat.repeat) == (False, True)


@pytest.mark.parametrize("answer", [HUNG_UP, Answer(502), Answer(504)])
def test_what_nobody_answered_for_counts_as_delivered_and_as_doubtful(
    shop: Open, answer: Answer | Silence
) -> None:
    line = Line(answer)
    here = shop(line)
    here.accept(row(1), row(2), row(3))
    here.run_out()
    assert line.numbers() == [[1, 2], [3]]
    job = here.store.job("counting")
    assert (job.doubtful, job.delivered) == (2, 3)
    assert here.store.counters() == {"doubtful": 2}


def test_with_repeat_it_is_sent_again_and_counted_too(shop: Open) -> None:
    line = Line(HUNG_UP)
    here = shop(line, repeat=True)
    here.accept(row(1), row(2))
    here.run_out()
    assert line.numbers() == [[1, 2], [1], [2]]
    job = here.store.job("counting")
    assert (job.doubtful, job.delivered) == (2, 2)


@pytest.mark.parametrize("answer", [NOBODY, Answer(500), Answer(503), Answer(429)])
def test_what_was_certainly_not_taken_is_sent_again_without_doubt(
    shop: Open, answer: Answer | Silence
) -> None:
    line = Line(answer)
    here = shop(line)
    here.accept(row(1))
    here.run_out()
    assert line.vendor.taken == [("events", event_id(1))]
    assert doubtful(here) == 0


def test_one_call_in_doubt_stops_the_batch_so_that_no_more_is(shop: Open) -> None:
    line = Line(HUNG_UP)
    here = shop(line)
    here.accept(*[row(number, visitor=f"v{number}") for number in range(1, 7)])
    again = here.run()
    assert again is not None
    assert again > here.now
    assert line.numbers() == [[1]]


def test_a_long_outage_puts_one_event_in_doubt_each_time_it_is_asked(shop: Open) -> None:
    line = Line(*[HUNG_UP] * 5)
    here = shop(line)
    here.accept(*[row(number, visitor=f"v{number // 2}") for number in range(100)])
    here.run_out()
    assert doubtful(here) <= 2 + 4
    assert len(line.vendor.taken) == 100 - doubtful(here)


def killed_at(here: Shop, line: Line, writes: list[str]) -> None:
    here.ledger = Breaking(here.store, writes)
    here.restart()
    with pytest.raises(Killed):
        here.run()
    here.ledger = here.store
    here.restart()
    here.run_out()


@pytest.mark.parametrize(("repeat", "sent"), [(False, [[1]]), (True, [[1], [1]])])
def test_a_worker_killed_between_sending_and_noting_leaves_a_doubt(
    shop: Open, repeat: bool, sent: list[list[int]]
) -> None:
    line = Line()
    here = shop(line, repeat=repeat)
    here.accept(row(1))
    killed_at(here, line, ["well", "well", "killed before"])
    assert line.numbers() == sent
    assert doubtful(here) == 1
    assert here.store.landed(here.job, repeat=repeat) == {}


def test_a_worker_killed_after_noting_what_it_was_told_leaves_none(shop: Open) -> None:
    line = Line()
    here = shop(line)
    here.accept(row(1))
    killed_at(here, line, ["well", "well", "killed after"])
    assert (line.numbers(), doubtful(here)) == ([[1]], 0)


def test_a_call_that_was_answered_is_in_no_doubt_when_a_later_one_is(shop: Open) -> None:
    """Each note says what the calls before it came to."""
    line = Line()
    here = shop(line)
    here.accept(row(1, visitor="a"), row(2, visitor="b"), row(3, visitor="c"))
    killed_at(here, line, ["well", "well", "well", "well", "killed before"])
    assert line.numbers() == [[1], [2], [3]]
    assert doubtful(here) == 1


def test_a_worker_that_loses_its_lease_between_two_calls_notes_the_first(shop: Open) -> None:
    line = Line()

    def network(call: Call) -> Answer | Silence:
        here.leading = False
        return line(call)

    here = shop(network)
    here.accept(row(1, visitor="a"), row(2, visitor="b"))
    here.run()
    here.leading = True
    here.network = line
    here.restart()
    here.run_out()
    assert (line.numbers(), doubtful(here)) == ([[1], [2]], 0)


def group(number: int, visitor: str) -> object:
    return row(number, visitor=visitor, type="group", groupId="acme")


def test_what_one_road_took_is_not_sent_over_it_again(shop: Open) -> None:
    line = Line(Answer(204), Answer(500))
    here = shop(line)
    here.accept(group(1, "a"))
    here.restart()
    here.run_out()
    assert [road for road, _ in line.calls] == ["events", "profiles", "profiles"]
    assert here.store.job("counting").delivered == 1


def test_an_event_is_not_delivered_before_all_its_roads_were_gone(shop: Open) -> None:
    """The second call of a batch breaks it; what had still to be sent is sent later."""
    line = Line(Answer(204), NOBODY, NOBODY, NOBODY)
    here = shop(line)
    here.accept(group(1, "a"), row(2, visitor="b"), row(3, visitor="c"), row(4, visitor="d"))
    here.run_out()
    taken = {("events", event_id(1)), ("profiles", event_id(1))}
    others = {("events", event_id(number)) for number in (2, 3, 4)}
    assert set(line.vendor.taken) | {("events", event_id(1))} == taken | others
    assert len(line.vendor.taken) == 4


def test_a_failing_call_holds_the_later_calls_of_its_visitor(shop: Open) -> None:
    line = Line(Answer(500))
    here = shop(line)
    here.accept(*[row(number, visitor="a") for number in (1, 2, 3)], row(4, visitor="b"))
    here.run_out()
    assert line.numbers() == [[1, 2], [4], [1, 2], [3]]


def test_a_poison_is_found_without_sending_the_others_twice(shop: Open) -> None:
    line = Line()
    here = shop(line)
    here.accept(row(1, properties={POISON: 1}), row(2), group(3, "a"))
    here.run_out()
    assert sorted(line.vendor.taken) == [
        ("events", event_id(2)),
        ("events", event_id(3)),
        ("profiles", event_id(3)),
    ]
    assert here.dead() == {event_id(1): "HTTP 400: poison"}
