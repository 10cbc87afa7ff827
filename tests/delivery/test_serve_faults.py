"""Any mix of good, over-limit and poisonous events, any sequence of answers, a kill between any two
steps: each good event is counted once by its id, each bad one is a dead letter with its reason, in
each visitor's order. Where the vendor has no ids, it is off by no more than what is counted as
doubtful. ``TORTURE=full`` tries many more."""

from __future__ import annotations

import importlib
import os
import pkgutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery import emulators
from tests.delivery.emulators import POISON, Emulator, doubtful
from tests.delivery.emulators.faults import FAULTS, WRITES, Breaking, Killed
from tests.delivery.served import Shop, event_id, row
from track_middleware.delivery.store import NewRow
from track_middleware.delivery.transport import Silence
from track_middleware.destinations import Answer, Call
from track_middleware.destinations.filters import Filter
from track_middleware.destinations.registry import Route, routes
from track_middleware.errors import StoreError

VENDORS: dict[str, Callable[[Path], Emulator]] = {
    name: made
    for module in pkgutil.iter_modules(emulators.__path__)
    for name, made in getattr(
        importlib.import_module(f"{emulators.__name__}.{module.name}"), "VENDORS", {}
    ).items()
}

EXAMPLES = 500 if os.environ.get("TORTURE") == "full" else 25

#: Hundreds of stores are made; in memory where that is possible.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

KINDS = ("track", "page", "screen", "identify", "group", "alias")


@dataclass(frozen=True)
class Event:
    """One event to come: of which visitor, of which kind, and what is wrong with it."""

    visitor: str
    kind: str
    wrong: str


@dataclass(frozen=True)
class Story:
    """What happens: events in as many batches, calls and writes that go wrong."""

    events: list[Event]
    batches: int
    calls: list[str]
    writes: list[str]


def stories(*kinds: str) -> st.SearchStrategy[Story]:
    event = st.builds(
        Event,
        st.sampled_from("abc"),
        st.sampled_from(kinds),
        st.sampled_from(["", "", "poison", "over"]),
    )
    return st.builds(
        Story,
        st.lists(event, min_size=1, max_size=14),
        st.integers(1, 3),
        st.lists(st.sampled_from([*FAULTS]), max_size=14),
        st.lists(st.sampled_from(["well", *WRITES]), max_size=14),
    )


@pytest.mark.parametrize("vendor", VENDORS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(story=stories(*KINDS))
def test_every_good_event_counts_once_and_every_bad_one_is_dead(vendor: str, story: Story) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        emulator = VENDORS[vendor](Path(folder))
        here = Shop(Path(folder), emulator.url, _network(emulator, story.calls))
        known = (*emulator.counted, *emulator.passing)
        events = [each for each in story.events if each.kind in known]
        _live_through(here, story, [_row(*each, emulator) for each in enumerate(events)], emulator)
        dead, waiting = here.dead(), here.waiting()
        here.close()
    reasons = {number: _reason(each, emulator) for number, each in enumerate(events)}
    bad = {event_id(number): reason for number, reason in reasons.items() if reason}
    good = [number for number, reason in reasons.items() if not reason]
    assert waiting == {}
    assert dead.keys() == bad.keys()
    assert all(reason in dead[each] for each, reason in bad.items())
    counted = [number for number in good if events[number].kind in emulator.counted]
    assert Counter(emulator.taken) == Counter(map(event_id, counted))
    lined_up = [number for number in counted if not _repeats(events, number, emulator)]
    for visitor in "abc":
        ids = [event_id(number) for number in lined_up if events[number].visitor == visitor]
        assert [each for each in emulator.taken if each in ids] == ids


@pytest.mark.parametrize("repeat", [False, True], ids=["drop", "repeat"])
@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(story=stories("track", "identify", "group"))
def test_without_ids_what_is_missing_or_too_much_is_counted_as_doubtful(
    repeat: bool, story: Story
) -> None:
    vendor = doubtful.Vendor()
    route = Route(doubtful.Counting(), Filter(), repeat)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        here = Shop(Path(folder), "", _network(vendor, story.calls), route=route)
        rows = [_row(number, each, None) for number, each in enumerate(story.events)]
        _live_through(here, story, rows, None)
        dead, waiting = here.dead(), here.waiting()
        job = here.store.job("counting")
        here.close()
    bad = {event_id(n) for n, each in enumerate(story.events) if each.wrong == "poison"}
    due = Counter(
        (road, event_id(number))
        for number, each in enumerate(story.events)
        if each.wrong != "poison"
        for road in doubtful.ROADS[each.kind]
    )
    missing, surplus = due - Counter(vendor.taken), Counter(vendor.taken) - due
    assert waiting == {}
    assert set(dead) <= bad
    assert len(bad - set(dead)) + missing.total() + surplus.total() <= job.doubtful
    assert surplus.total() == 0 or repeat
    assert (missing.total() == 0 and set(dead) == bad) or not repeat
    assert job.delivered == len(story.events) - len(dead)
    for visitor in "abc" if not repeat else "":
        for road in ("events", "profiles"):
            taken = [
                each
                for at, each in vendor.taken
                if at == road and story.events[_number(each)].visitor == visitor
            ]
            assert taken == sorted(taken)


def _number(message_id: str) -> int:
    return int(message_id.rpartition("-")[2])


def _repeats(events: Sequence[Event], number: int, emulator: Emulator) -> bool:
    """Whether it says again that a visitor is a user, where that is said once: what it says of the
    user goes to their profile beside the visitor's events."""
    joins = getattr(routes([emulator.url])[0].destination, "joins", False)
    is_identify = joins and events[number].kind == "identify"
    return is_identify and events[number].visitor in [
        each.visitor for each in events[:number] if each.kind == "identify"
    ]


def _row(number: int, event: Event, emulator: Emulator | None) -> NewRow:
    properties: dict[str, Any] = {}
    if event.wrong == "over" and emulator and emulator.over_limit and event.kind == "track":
        properties = {**emulator.over_limit}
    if event.wrong == "poison" and (event.kind == "track" or emulator is None):
        properties = {POISON: True}
    more: dict[str, Any] = {
        "track": {},
        "page": {"name": "Pricing"},
        "screen": {"name": "Home"},
        "identify": {"userId": f"user-{event.visitor}", "traits": {"plan": "pro"}},
        "group": {"groupId": "acme"},
        "alias": {"userId": f"user-{event.visitor}", "previousId": f"{event.visitor}-{number}"},
    }[event.kind]
    return row(number, visitor=event.visitor, type=event.kind, properties=properties, **more)


def _reason(event: Event, emulator: Emulator) -> str:
    """Why an event must be dead; empty when it must be delivered."""
    if event.kind != "track":
        return ""
    return {"": "", "poison": emulator.reason, "over": emulator.over_reason}[event.wrong]


def _network(
    vendor: Callable[[Call], Answer | Silence], happening: list[str]
) -> Callable[[Call], Answer | Silence]:
    happening = [*happening]

    def send(call: Call) -> Answer | Silence:
        fault = happening.pop(0) if happening else "well"
        if fault == "413" and len(set(call.ids)) == 1:
            fault = "well"  # no vendor finds a small event too large
        return FAULTS[fault](vendor, call)

    return send


def _live_through(here: Shop, story: Story, rows: list[NewRow], emulator: Emulator | None) -> None:
    here.ledger = Breaking(here.store, [*story.writes])
    here.restart()
    size = max(1, -(-len(rows) // story.batches))
    for start in range(0, len(rows), size):
        here.accept(*rows[start : start + size])
        _through_kills(here, emulator, here.run)
    _through_kills(here, emulator, here.run_out)


def _through_kills(here: Shop, emulator: Emulator | None, serve: Callable[[], object]) -> None:
    """Serves; a killed process is started anew and goes on, a full disk ends a step."""
    for _ in range(60):
        try:
            serve()
            return
        except StoreError:
            continue
        except Killed:
            here.restart()
            if emulator:
                emulator.restart()
    raise AssertionError("it never came to an end")
