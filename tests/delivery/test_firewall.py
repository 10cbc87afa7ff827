"""An answer that may mean an event in the call or the whole destination (``Verdict``: ``split`` and
``pause``), by Amplitude's codec."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.served import Shop, event_id, row
from track_middleware.delivery.items import Item
from track_middleware.delivery.transport import Silence
from track_middleware.destinations import Answer, Call

Open = Callable[["Firewall"], Shop]


class Firewall:
    """Amplitude behind its firewall: ``blocked`` is this server, ``poison`` are events."""

    def __init__(self, poison: set[int] | None = None, *, blocked: bool = False) -> None:
        self.poison = poison or set()
        self.blocked = blocked
        self.down = False
        self.calls = 0
        self.order: list[int] = []

    def __call__(self, call: Call) -> Answer | Silence:
        self.calls += 1
        numbers = [each["event_properties"]["number"] for each in json.loads(call.body)["events"]]
        if self.down:
            return Silence("no answer: Connection refused", sent=False)
        if self.blocked or self.poison & set(numbers):
            return Answer(403, {}, b"Forbidden")
        self.order.extend(number for number in numbers if number not in self.order)
        return Answer(200)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Open]:
    opened: list[Shop] = []

    def make(network: Firewall) -> Shop:
        opened.append(Shop(tmp_path, "amplitude://KEY", network))
        opened[-1].random = random.Random(1).random
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def accept(here: Shop, first: int, last: int) -> None:
    here.accept(*[row(number, visitor=f"v{number}") for number in range(first, last + 1)])


def wait_out(here: Shop, pauses: int) -> None:
    """Serves and waits, so many times."""
    for _ in range(pauses):
        here.now = here.run() or here.now


@pytest.mark.parametrize("bad", [1, 500, 1000])
def test_one_poison_among_many_is_found_and_nothing_pauses(shop: Open, bad: int) -> None:
    there = Firewall({bad})
    here = shop(there)
    accept(here, 1, 1000)
    assert here.run() is None
    assert here.dead() == {event_id(bad): "HTTP 403: Forbidden"}
    assert there.order == [number for number in range(1, 1001) if number != bad]
    assert there.calls < 30


def test_a_server_that_is_blocked_pauses_and_loses_nothing(shop: Open) -> None:
    there = Firewall(blocked=True)
    here = shop(there)
    accept(here, 1, 100)
    again = here.run()
    assert again is not None
    assert here.store.job("amplitude").pause_reason == "HTTP 403: Forbidden"
    wait_out(here, 20)
    here.restart()
    wait_out(here, 20)
    assert (here.dead(), here.waiting(), here.position()) == ({}, {}, 0)
    there.blocked = False
    here.run_out()
    assert sorted(there.order) == list(range(1, 101))
    assert here.dead() == {}


def test_a_block_that_begins_later_costs_two_calls_and_no_event(shop: Open) -> None:
    there = Firewall()
    here = shop(there)
    accept(here, 1, 20)
    here.run()
    there.blocked, there.calls = True, 0
    accept(here, 21, 21)
    wait_out(here, 1)
    assert there.calls == 2, "the event, and one that it has already"
    accept(here, 22, 1020)
    wait_out(here, 5)
    assert there.calls == 12
    assert (here.dead(), here.waiting(), here.position()) == ({}, {}, 20)
    there.blocked = False
    here.run_out()
    assert sorted(there.order) == list(range(1, 1021))


def test_nobody_is_asked_with_an_event_of_somebody_who_was_erased(shop: Open) -> None:
    there = Firewall()
    here = shop(there)
    accept(here, 1, 1)
    here.run()
    erase(here, "v1")
    there.blocked, there.calls = True, 0
    accept(here, 2, 2)
    wait_out(here, 1)
    assert there.calls == 1, "the event alone"


def test_an_erased_event_is_remembered_for_no_more_than_a_minute(shop: Open) -> None:
    there = Firewall()
    here = shop(there)
    accept(here, 1, 1)
    here.run()
    witness = here.serve._circuit.witness
    assert isinstance(witness._item, Item)
    erase(here, "v1")
    here.now += 61
    here.run()
    assert witness._item is None


def test_an_event_that_the_log_has_is_remembered_for_long(shop: Open) -> None:
    here = shop(Firewall())
    accept(here, 1, 1)
    here.run()
    here.now += 40_000
    here.run()
    assert here.serve._circuit.witness.item(here.now) is not None


def erase(here: Shop, visitor: str) -> None:
    positions = [each.position for each in here.store.read(0, 100) if each.order_key == visitor]
    with here.store.batch():
        assert here.store.persons.drop_events(positions, {visitor})


def test_a_block_that_begins_while_poison_is_searched_for_refuses_nothing_more(shop: Open) -> None:
    there = Firewall({3})
    here = shop(there)

    def network(call: Call) -> Answer | Silence:
        there.blocked = there.calls > 8
        return there(call)

    here.network = network
    accept(here, 1, 64)
    wait_out(here, 1)
    assert there.blocked
    assert here.dead() == {event_id(3): "HTTP 403: Forbidden"}
    here.network = there
    there.blocked = False
    here.run_out()
    assert sorted([*there.order, 3]) == list(range(1, 65))
    assert list(here.dead()) == [event_id(3)]


def test_many_poisons_in_a_row_stop_nobody(shop: Open) -> None:
    there = Firewall(set(range(21, 1521)))
    here = shop(there)
    accept(here, 1, 20)
    here.run()
    accept(here, 21, 1600)
    assert here.run() is None, "not even for a while"
    assert there.order == [*range(1, 21), *range(1521, 1601)]
    assert len(here.dead()) == 1500


def test_many_poisons_in_a_row_do_not_stop_a_worker_that_has_just_begun(shop: Open) -> None:
    there = Firewall(set(range(1, 401)))
    here = shop(there)
    accept(here, 1, 500)
    here.run_out(most=60)
    assert sorted(there.order) == list(range(401, 501))
    assert len(here.dead()) == 400
    assert here.store.job("amplitude").pause_reason == ""


def test_a_few_that_are_refused_one_by_one_are_a_block_too(shop: Open) -> None:
    there = Firewall(blocked=True)
    here = shop(there)
    for number in range(1, 21):
        accept(here, number, number)
        here.run()
    assert len(here.dead()) == 7
    there.blocked = False
    here.run_out()
    assert sorted(there.order) == list(range(8, 21))


def test_a_lone_poison_is_refused(shop: Open) -> None:
    there = Firewall({1})
    here = shop(there)
    accept(here, 1, 1)
    assert here.run() is None
    assert list(here.dead()) == [event_id(1)]


def test_an_outage_while_poison_is_searched_for_refuses_nothing(shop: Open) -> None:
    there = Firewall({2})
    here = shop(there)

    def network(call: Call) -> Answer | Silence:
        there.down = there.calls >= 5
        return there(call)

    here.network = network
    accept(here, 1, 8)
    wait_out(here, 1)
    assert here.dead() == {}
    here.network = there
    there.down = False
    here.run_out()
    assert sorted(there.order) == [1, 3, 4, 5, 6, 7, 8]
    assert list(here.dead()) == [event_id(2)]
