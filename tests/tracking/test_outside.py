"""What is said outside a request in one step is what the way of all others says of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .site import Site

_texts = st.text(max_size=20) | st.sampled_from(
    ["a=b", "ada@example.com", "guest", " 42 ", '"', "\\", "\x1f\x7f", "\ud800", "x" * 300, " "]
)
_values = st.none() | st.booleans() | st.integers() | st.floats() | _texts | st.decimals()
_bags = st.dictionaries(
    _texts | st.sampled_from(["token", "order_id"]),
    _values | st.lists(_values, max_size=2) | st.dictionaries(_texts, _values, max_size=2),
    max_size=4,
)


def said(name: Any, properties: Any, user_id: Any, **settings: Any) -> tuple[Site, Site]:
    """Two sites: one is told in one step where that can be, the other never."""
    quick, slow = Site(**settings), Site(**settings)
    quick.tracker.say(name, properties, user_id)
    slow.tracker.track(name, properties, user_id=user_id)
    return quick, slow


def outcome(site: Site, call: Callable[[], object]) -> list[object]:
    """The frames that a call leaves, under the id "ID" and whosever one-off id, and what the site
    was told of mistakes. The spool tells what cannot be encoded; this sink raises."""
    raised = []
    try:
        call()
    except ValueError as error:
        raised.append(type(error))
    entries = [each.event for each in site.entries]
    for event in entries:
        assert event is not None
        event.message_id = "ID"
        event.anonymous_id = event.anonymous_id and "nobody's"
    return [*entries, *map(str, site.mistakes), *raised]


@given(
    name=_texts | st.none(),
    properties=st.none() | _bags,
    user_id=st.none() | st.integers() | st.booleans() | _texts,
)
def test_a_call_in_one_step_is_what_it_is_otherwise(
    name: Any, properties: Any, user_id: Any
) -> None:
    quick, slow = Site(), Site()
    said_quickly = outcome(quick, lambda: quick.tracker.say(name, properties, user_id))
    said_slowly = outcome(slow, lambda: slow.tracker.track(name, properties, user_id=user_id))
    assert said_quickly == said_slowly
    assert said_quickly


def test_the_usual_call_is_one_frame_of_json() -> None:
    quick, slow = said("Sold", {"price": Decimal("1.5"), "rate": math.nan}, 42)
    assert len(quick.frames) == 1
    assert quick.frames == slow.frames
    assert quick.entries[0].event.properties == {"price": 1.5, "rate": None}
    assert quick.entries[0].event.user_id == "42"


def test_a_value_under_a_name_that_goes_is_taken_out() -> None:
    quick, slow = said("Sold", {"token": "secret", "items": [{"password": "x"}]}, "42")
    assert quick.frames == slow.frames
    assert b"secret" not in quick.frames[0]


@pytest.mark.parametrize("settings", [{"debug": True}, {"traits": ["plan"]}])
def test_where_values_are_looked_at_no_call_is_made_in_one_step(settings: dict[str, Any]) -> None:
    quick, slow = said("Sold", {"$set": {"plan": "pro", "name": "Ada"}}, "42", **settings)
    assert quick.frames == slow.frames


def test_each_call_tells_its_own_moment() -> None:
    quick, slow = Site(), Site()
    for moment in (1_800_000_000.25, 1_800_000_000.25, 1_800_000_000.251, 0.0, 1_800_000_000.25):
        quick.now = slow.now = moment
        quick.tracker.say("Sold", {"price": 1}, "42")
        slow.tracker.track("Sold", {"price": 1}, user_id="42")
    assert quick.frames == slow.frames


def test_what_is_not_kept_has_no_id() -> None:
    site = Site()
    site.full = True
    assert site.tracker.say("Sold", {"price": 1}, "42") is None
    site.full = False
    assert site.tracker.say("Sold", {"price": 1}, "42") == site.entries[0].event.message_id
