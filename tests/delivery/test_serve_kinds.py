"""All kinds of events, good, over limits and poisonous, against vendors with several roads.

Whatever happens on the way, each is counted once and in its visitor's order, or is dead with a
reason."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.emulators import POISON, Emulator
from tests.delivery.emulators import amplitude as amplitudes
from tests.delivery.emulators import mixpanel as mixpanels
from tests.delivery.emulators.amplitude import Amplitude
from tests.delivery.emulators.faults import FAULTS
from tests.delivery.emulators.mixpanel import Mixpanel
from tests.delivery.served import Shop, event_id, row
from track_middleware.delivery.store import NewRow
from track_middleware.delivery.transport import Silence
from track_middleware.destinations import Answer, Call

VENDORS = {**amplitudes.VENDORS, **mixpanels.VENDORS}
KINDS = ("track", "page", "screen", "identify", "group", "alias")

#: What an event says -> what of that must be in the reason of its dead letter; "" where it is good.
SAID: Mapping[str, tuple[dict[str, Any], str]] = {
    "good": ({"plan": "pro"}, ""),
    "poison": ({POISON: True}, "poison"),
    "long": ({"note": "x" * 5_000, "many": list(range(300))}, ""),
    "deep": ({"a": {"b": {"c": {"d": {"e": [[[{}]]]}}}}}, ""),
    "huge": ({f"p{n}": ["x" * 250] * 250 for n in range(16)}, "larger than"),
}

told = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(KINDS), st.sampled_from([*SAID])),
    min_size=1,
    max_size=12,
)
faults = st.lists(st.sampled_from(["well", "doubt", "500", "429", "413", "401"]), max_size=10)


@pytest.mark.parametrize("vendor", VENDORS)
@settings(max_examples=15, deadline=None)
@given(events=told, happening=faults)
def test_each_event_counts_once_in_its_visitors_order_or_is_dead(
    vendor: str, events: list[tuple[str, str, str]], happening: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        emulator = VENDORS[vendor](Path(folder))
        here = Shop(Path(folder), emulator.url, _network(emulator, happening))
        here.accept(*[_row(number, *each) for number, each in enumerate(events)])
        here.run_out()
        dead, waiting = here.dead(), here.waiting()
        here.close()
    assert waiting == {}
    known = [
        (event_id(number), visitor, "" if kind == "alias" else SAID[said][1])
        for number, (visitor, kind, said) in enumerate(events)
        if kind in emulator.counted
    ]
    assert dead.keys() == {each for each, _, reason in known if reason}
    assert all(reason in dead[each] for each, _, reason in known if reason)
    # What says again that a visitor is a user goes to the profile, beside the visitor's events.
    names = [(visitor, kind) for visitor, kind, _ in events]
    again = {
        event_id(number)
        for number, name in enumerate(names)
        if "original" in vendor and name[1] == "identify" and name in names[:number]
    }
    for visitor in "abc":
        own = [each for each, who, reason in known if who == visitor and not reason]
        own = [each for each in own if each not in again]
        assert [each for each in emulator.taken if each in own] == own
    assert len(emulator.taken) == sum(not reason for _, _, reason in known)


def test_a_throttled_user_waits_alone_and_loses_nothing(tmp_path: Path) -> None:
    emulator = Amplitude()
    emulator.throttled = {"u-a"}
    here = Shop(tmp_path, emulator.url, emulator)
    here.accept(*[_row(number, "aba"[number % 3], "track", "good") for number in range(6)])
    again = here.run()
    assert emulator.taken == [event_id(1), event_id(4)]
    assert again is not None
    assert again >= here.now
    assert sum(here.waiting().values()) == 4
    emulator.throttled = set()
    here.now += 29
    here.run()
    assert len(emulator.taken) == 2
    here.now += 300
    here.run_out()
    assert emulator.taken[2:] == [event_id(each) for each in (0, 2, 3, 5)]
    here.close()


def test_profiles_hold_what_was_said_last_and_what_was_said_first(tmp_path: Path) -> None:
    emulator = Mixpanel("mixpanel://T")
    happening = ["doubt", "well", "doubt", "500"]
    here = Shop(tmp_path, emulator.url, _network(emulator, happening))
    touch = {"context": {"firstCampaign": {"source": "ads"}}}
    later = {"context": {"firstCampaign": {"source": "news"}}}
    here.accept(_row(0, "a", "identify", "good", **touch), _row(1, "a", "group", "good"))
    here.accept(_row(2, "a", "identify", "good", traits={"plan": "free"}, **later))
    here.run_out()
    assert emulator.profiles["u-a"] == {
        "plan": "free",
        "initial_utm_source": "ads",
        "$group_id": ["acme"],
    }
    assert emulator.groups == {"acme": {"plan": "pro"}}
    here.close()


@pytest.mark.parametrize(
    "url", ["mixpanel://T?identity=original", "mixpanel://T?identity=original&api=track"]
)
def test_the_original_merge_learns_who_is_who(tmp_path: Path, url: str) -> None:
    emulator = Mixpanel(url)
    here = Shop(tmp_path, emulator.url, emulator)
    device = "1f0e7a52-6f8a-4c39-9d5e-0a3c5f7f1b11"
    here.accept(_row(0, "a", "identify", "good", anonymousId=device), _row(1, "a", "alias", "good"))
    here.run_out()
    assert emulator.people == [{device, "u-a"}, {"old-1", "u-a"}]
    here.close()


def _row(number: int, visitor: str, kind: str, said: str, **given: Any) -> NewRow:
    words = SAID[said][0]
    fields: dict[str, Any] = {
        "type": kind,
        "userId": f"u-{visitor}",
        "properties": words if kind in ("track", "page", "screen") else None,
        "traits": words if kind in ("identify", "group") else None,
        "groupId": "acme" if kind == "group" else None,
        "previousId": f"old-{number}" if kind == "alias" else None,
    }
    return row(number, visitor=visitor, **{**fields, **given})


def _network(emulator: Emulator, happening: list[str]) -> Callable[[Call], Answer | Silence]:
    def send(call: Call) -> Answer | Silence:
        fault = happening.pop(0) if happening else "well"
        if fault == "413" and len(set(call.ids)) == 1:
            fault = "well"  # no vendor finds an event too large that is under its limit
        json.loads(call.body)
        return FAULTS[fault](emulator, call)

    return send


def test_an_event_that_goes_another_way_by_now_is_sent_that_way(tmp_path: Path) -> None:
    """It turns seven days old, which Amplitude takes elsewhere, while a bad one is taken out."""
    took: list[tuple[str, int]] = []

    def network(call: Call) -> Answer:
        numbers = [each["event_properties"]["number"] for each in json.loads(call.body)["events"]]
        if 2 in numbers:
            here.now += 2
            return Answer(400, {}, b'{"events_with_invalid_fields": {"time": [1]}}')
        took.extend((call.url.rpartition("/")[2], number) for number in numbers)
        return Answer(200)

    here = Shop(tmp_path, "amplitude://KEY", network)
    here.now += 7 * 86_400 - 1
    later = "2026-11-24T12:00:00.000Z"
    here.accept(row(1), row(2, timestamp=later), row(3, timestamp=later))
    assert here.run() is None
    here.close()
    assert sorted(took) == [("batch", 1), ("httpapi", 3)]
