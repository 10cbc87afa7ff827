"""What an event is told of its person's past, over plain values."""

from __future__ import annotations

from typing import Any

import pytest

from track_middleware.enrichment.history import (
    DAY,
    LONGEST,
    Happening,
    Known,
    history,
    touch,
)
from track_middleware.errors import SettingsError
from track_middleware.event import iso

NOON = 1_800_000_000.0
EVERYTHING = {
    "first_seen": True, "days_since_first_seen": True, "days_since_last_seen": True,
    "session_number": True, "first_touch": True,
    "orders": {"count": "Order Completed"}, "revenue": {"sum": "Order Completed.revenue"},
    "plan": {"last": "Plan Changed.plan"}, "signed_up_by": {"first": "Signed Up.method"},
    "days_since_order": {"days_since": "Order*"},
}  # fmt: skip


def told(setting: dict[str, Any], *events: Happening) -> list[dict[str, Any]]:
    """What each of one person's events is told."""
    wanted, known, said = history(setting), None, []
    assert wanted is not None
    for event in events:
        about, known = wanted.told(known, event)
        said.append(about)
    return said


def happening(label: str = "Visited", at: float = NOON, **values: Any) -> Happening:
    session, touched = values.pop("session", None), values.pop("touch", None)
    return Happening(label, at, session, lambda: touched, lambda: values)


def ordered(revenue: float, at: float = NOON) -> Happening:
    return happening("Order Completed", at, revenue=revenue)


def test_the_first_event_is_told_of_itself_and_of_nothing_before():
    (said,) = told(EVERYTHING, happening(session="s", touch={"channel": "Email"}))
    assert said == {
        "first_seen": iso(NOON), "days_since_first_seen": 0, "days_since_last_seen": 0,
        "session_number": 1, "first_touch": {"channel": "Email"}, "orders": 0, "revenue": 0,
    }  # fmt: skip


def test_a_count_says_what_was_before_the_event():
    said = told({"orders": {"count": "Order Completed"}}, ordered(1), ordered(2), happening())
    assert [each["orders"] for each in said] == [0, 1, 2]


def test_a_sum_adds_numbers_and_nothing_else():
    said = told(
        {"spent": {"sum": "Order Completed.revenue"}},
        ordered(0.1), ordered(0.2), happening("Order Completed", revenue="9"),
        happening("Order Completed", revenue=True), happening("Order Completed"), happening(),
    )  # fmt: skip
    assert said[-1] == {"spent": 0.3}


def test_the_last_and_the_first_value_are_told_apart():
    said = told(
        {"last": {"last": "Plan Changed.plan"}, "first": {"first": "Plan Changed.plan"}},
        happening("Plan Changed", plan="free"), happening("Plan Changed", NOON + 1, plan="pro"),
        happening(at=NOON + 2),
    )  # fmt: skip
    assert said == [{}, {"last": "free", "first": "free"}, {"last": "pro", "first": "free"}]


def test_of_two_values_the_later_one_is_the_last_in_whatever_order_they_come():
    said = told(
        {"plan": {"last": "Plan Changed.plan"}},
        happening("Plan Changed", NOON, plan="pro"),
        happening("Plan Changed", NOON - 60, plan="free"),
        happening(),
    )
    assert said[-1] == {"plan": "pro"}


def test_a_property_inside_another_is_found():
    setting = {"size": {"last": "Cart Viewed.cart.size"}}
    said = told(setting, happening("Cart Viewed", cart={"size": 3}), happening())
    assert said[-1] == {"size": 3}


def test_an_event_with_a_dot_in_its_name_is_named_in_a_list():
    setting = {"plan": {"last": ["Plan v2.1", "plan"]}}
    said = told(setting, happening("Plan v2.1", plan="pro"), happening())
    assert said[-1] == {"plan": "pro"}


def test_days_are_whole_ones_since_the_event_before():
    said = told(
        {"first": {"days_since": "Visited"}, "days_since_last_seen": True},
        happening(), happening(at=NOON + 2.9 * DAY), happening(at=NOON + 3 * DAY),
    )  # fmt: skip
    assert said == [
        {"days_since_last_seen": 0}, {"days_since_last_seen": 2, "first": 2},
        {"days_since_last_seen": 0, "first": 0},
    ]  # fmt: skip


def test_two_sessions_side_by_side_are_two():
    sessions = ["a", "b", "a", "b", None, "c"]
    said = told({"session_number": True}, *(happening(session=each) for each in sessions))
    assert [each["session_number"] for each in said] == [1, 2, 2, 2, 2, 3]


def test_the_first_touch_is_never_overwritten_by_a_later_one():
    said = told(
        {"first_touch": True}, happening(), happening(touch={"channel": "Email"}),
        happening(at=NOON + 1, touch={"channel": "Direct"}),
    )  # fmt: skip
    assert said == [
        {},
        {"first_touch": {"channel": "Email"}},
        {"first_touch": {"channel": "Email"}},
    ]


def test_an_event_from_long_before_is_told_nothing_and_counts():
    said = told(
        {"orders": {"count": "Order*"}, "first_seen": True},
        ordered(1), ordered(1, at=NOON - DAY - 1), happening(),
    )  # fmt: skip
    assert said[1] == {}
    assert said[2] == {"orders": 2, "first_seen": iso(NOON - DAY - 1)}


def test_pasts_that_were_two_are_one_and_nothing_counts_twice():
    wanted = history(EVERYTHING)
    assert wanted is not None
    pasts: list[Known] = []
    for events in (
        [happening(at=NOON + 9, session="b", touch={"channel": "Direct"}), ordered(5, NOON + 10)],
        [happening(session="a", touch={"channel": "Email"}), ordered(2),
         happening("Plan Changed", plan="pro"), happening(session="b")],
    ):  # fmt: skip
        known = None
        for event in events:
            _, known = wanted.told(known, event)
        assert known is not None
        pasts.append(known)
    for one, other in (pasts, reversed(pasts)):
        said, _ = wanted.told(wanted.joined(one, other), happening(at=NOON + DAY))
        assert said == {
            "first_seen": iso(NOON), "days_since_first_seen": 1, "days_since_last_seen": 0,
            "session_number": 2, "first_touch": {"channel": "Email"}, "orders": 2, "revenue": 7,
            "plan": "pro", "days_since_order": 0,
        }  # fmt: skip


def test_renaming_a_number_keeps_it_and_counting_something_else_begins_anew():
    first = history({"orders": {"count": "Order*"}})
    renamed, other = history({"bought": {"count": "Order*"}}), history({"orders": {"count": "X"}})
    assert first is not None
    assert renamed is not None
    assert other is not None
    _, known = first.told(None, ordered(1))
    assert renamed.told(known, happening())[0] == {"bought": 1}
    assert other.told(known, happening())[0] == {"orders": 0}


def test_long_texts_are_cut_and_lists_are_no_values():
    setting = {"a": {"last": "X.a"}, "b": {"last": "X.b"}}
    said = told(setting, happening("X", a="x" * 999, b=[1]), happening())
    assert said[-1] == {"a": "x" * LONGEST}


def test_a_touch_is_the_campaign_else_what_the_referrer_means():
    page = {"path": "/shoes"}
    context = {"channel": "Email", "campaign": {"source": "news", "medium": "email"}, "page": page}
    assert touch(context) == {
        "channel": "Email",
        "source": "news",
        "medium": "email",
        "path": "/shoes",
    }
    came = {"kind": "search", "source": "Google", "medium": "organic"}
    assert touch({"channel": "Organic Search", "referrer": came}) == {
        "channel": "Organic Search",
        "source": "Google",
        "medium": "organic",
    }


@pytest.mark.parametrize("context", [{}, {"page": {"path": "/"}}, {"campaign": [1], "channel": ""}])
def test_who_does_not_say_where_they_came_from_has_no_touch(context):
    assert touch(context) is None


def test_no_setting_asks_for_nothing():
    assert history({}) is None
    assert history({"first_seen": False}) is None


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ({"orders": True}, "'orders' is none of first_seen, days_since_first_seen"),
        ({"orders": {"cuont": "X"}}, "knows count, sum, first, last, days_since, not 'cuont'"),
        ({"orders": {}}, "wants True, or one of"),
        ({"orders": "X"}, "wants True, or one of"),
        ({"orders": {"count": 3}}, "count wants the name of an event"),
        ({"orders": {"count": ["X", "y"]}}, 'write {"count": "Event Name"}'),
        ({"plan": {"last": "Plan Changed"}}, 'write {"last": "Event Name.property"}'),
    ],
)
def test_a_setting_that_cannot_be_meant_says_why(setting, problem):
    with pytest.raises(SettingsError, match="history: ") as raised:
        history(setting)
    assert problem in str(raised.value)
