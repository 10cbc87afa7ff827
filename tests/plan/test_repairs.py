"""Repairs, over plain events: which events they are for, what each step does, and ids."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from track_middleware.errors import SettingsError
from track_middleware.event import Event
from track_middleware.plan.repairs import (
    Convert,
    Drop,
    Fill,
    Move,
    Rename,
    Repair,
    Repairs,
    Split,
    repairs,
)
from track_middleware.plan.steps import Step, split_id

ID = "0194a3c2-7d11-4c3e-9a61-2f9f0b7a4d11"


def event(
    name: str = "Order Done", platform: str = "ios", version: Any = "3.2", **more: Any
) -> Event:
    context = {"platform": platform, "app": {"version": version}}
    kind = more.pop("type", "track")
    named = {"event": name} if kind == "track" else {}
    given = {"user_id": "42", "context": context, **more}
    return Event("any", kind, "2026-11-23T12:00:00.000Z", **named, **given)


def mended(given: Event, *rules: Repair) -> list[Event]:
    found = Repairs(rules).of(given, ID)
    return [given] if found is None else [each for _, each in found.events]


def after(step: Step, **properties: Any) -> Any:
    (one,) = mended(event(properties=properties), Repair("Order Done", [step]))
    return one.properties


RENAMED = Repair("Order Done", [Rename("Order Completed")], ["ios"], ">=3.1,<3.3")


def test_an_event_has_its_right_name_and_keeps_everything_else():
    given = event(properties={"a": 1})
    (one,) = mended(given, RENAMED)
    assert (one.event, one.message_id, one.properties) == ("Order Completed", ID, {"a": 1})
    assert (one.user_id, one.context, one.timestamp) == ("42", given.context, given.timestamp)
    assert given.event == "Order Done"


@pytest.mark.parametrize(
    ("platform", "version", "is_mended"),
    [
        ("ios", "3.1", True), ("ios", "3.1.0", True), ("ios", "v3.2.9-beta", True),
        ("ios", "3.3", False), ("ios", "3.3.0", False), ("ios", "3.0.9", False),
        ("ios", "3.10", False), ("ios", None, False), ("ios", "", False), ("ios", 3.2, False),
        ("ios", "nightly", False), ("android", "3.2", False), ("web", "3.2", False),
    ],
)  # fmt: skip
def test_a_repair_is_for_some_platforms_and_versions(platform, version, is_mended):
    (one,) = mended(event(platform=platform, version=version), RENAMED)
    assert (one.event == "Order Completed") is is_mended


@pytest.mark.parametrize("context", [None, [1], {"app": 3}, {"app": {"version": ["3.2"]}}])
def test_a_context_that_says_nothing_is_of_no_platform(context):
    given = event()
    given.context = context
    assert Repairs([RENAMED]).of(given, ID) is None


def test_a_repair_without_platforms_and_versions_is_for_all():
    (one,) = mended(event(version=None, platform="web"), Repair("Order*", [Rename("X")]))
    assert one.event == "X"


@pytest.mark.parametrize(
    ("step", "before", "left"),
    [
        (Move("total", "revenue"), {"total": 3}, {"revenue": 3}),
        (Move("total", "revenue"), {"total": 3, "revenue": 4}, {"total": 3, "revenue": 4}),
        (Move("total", "revenue"), {"a": 3}, {"a": 3}),
        (Move("total", "cart.total"), {"total": 3}, {"cart": {"total": 3}}),
        (Move("a.b", "c"), {"a": {"b": 3, "n": 1}}, {"a": {"n": 1}, "c": 3}),
        (Move("total", "cart.total"), {"total": 3, "cart": "x"}, {"total": 3, "cart": "x"}),
        (Convert("n", "number"), {"n": "39.50"}, {"n": 39.5}),
        (Convert("n", "number"), {"n": "39"}, {"n": 39}),
        (Convert("n", "number"), {"n": "abc"}, {"n": "abc"}),
        (Convert("n", "number"), {"n": "nan"}, {"n": "nan"}),
        (Convert("n", "number"), {"n": [1]}, {"n": [1]}),
        (Convert("n", "integer"), {"n": 3.0}, {"n": 3}),
        (Convert("n", "integer"), {"n": 3.5}, {"n": 3.5}),
        (Convert("n", "string"), {"n": 1001}, {"n": "1001"}),
        (Convert("n", "string"), {"n": True}, {"n": "true"}),
        (Convert("n", "boolean"), {"n": "Yes"}, {"n": True}),
        (Convert("n", "boolean"), {"n": 0}, {"n": False}),
        (Convert("n", "boolean"), {"n": "maybe"}, {"n": "maybe"}),
        (Convert("n", factor=0.01), {"n": 3950}, {"n": 39.5}),
        (Convert("n", "number", factor=0.01), {"n": "110"}, {"n": 1.1}),
        (Convert("n", factor=0.01), {"n": "3950"}, {"n": "3950"}),
        (Convert("n", values={"PRO": "pro"}), {"n": "PRO"}, {"n": "pro"}),
        (Convert("n", values={"PRO": "pro"}), {"n": {"a": 1}}, {"n": {"a": 1}}),
        (Fill("currency", "EUR"), {}, {"currency": "EUR"}),
        (Fill("currency", "EUR"), {"currency": None}, {"currency": "EUR"}),
        (Fill("currency", "EUR"), {"currency": ""}, {"currency": "EUR"}),
        (Fill("currency", "EUR"), {"currency": "USD"}, {"currency": "USD"}),
        (Fill("n", 1), {"n": 0}, {"n": 0}),
        (Drop("email"), {"email": "a@b", "n": 1}, {"n": 1}),
        (Drop("a.b"), {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
        (Drop("a.b"), {"a": [1]}, {"a": [1]}),
    ],
)  # fmt: skip
def test_a_step_changes_properties(step, before, left):
    assert (after(step, **before) or {}) == left
    assert type((after(step, **before) or {}).get("n")) is type(left.get("n"))


def test_what_changes_nothing_is_no_repair():
    unchanged = Repair("Order Done", [Rename("Order Done"), Drop("a"), Move("b", "c")])
    assert Repairs([unchanged]).of(event(properties={"n": 1}), ID) is None


def test_the_event_itself_is_left_as_it_was_to_its_depths():
    given = event(properties={"cart": {"total": "3"}})
    mended(given, Repair("*", [Convert("cart.total", "number"), Fill("cart.n", 1)]))
    assert given.properties == {"cart": {"total": "3"}}


def test_traits_of_an_identify_are_its_properties():
    given = event(type="identify", traits={"Plan": "pro"})
    (one,) = mended(given, Repair("Identify", [Move("Plan", "plan"), Rename("never")]))
    assert (one.traits, one.properties, one.event, one.name) == ({"plan": "pro"}, None, None, None)


def test_a_screen_is_found_by_its_kind_and_renamed_by_its_name():
    (one,) = mended(event(type="screen", name="Basket"), Repair("Screen", [Rename("Cart")]))
    assert (one.type, one.name, one.event) == ("screen", "Cart", None)


def test_each_repair_sees_what_the_ones_before_it_left():
    rules = (RENAMED, Repair("Order Completed", [Fill("currency", "EUR")]))
    found = Repairs(rules).of(event(), ID)
    assert found is not None
    assert found.made == [0, 1]
    assert found.events[0][1].properties == {"currency": "EUR"}


SPLIT = Split("Coupon Used", move=["coupon"], copy=["order_id"])


def test_an_event_that_was_two_is_split():
    given = event(properties={"order_id": "1", "coupon": "X", "n": 1})
    one, other = mended(given, Repair("Order Done", [SPLIT]))
    assert (one.event, one.properties) == ("Order Done", {"order_id": "1", "n": 1})
    assert (other.event, other.properties) == ("Coupon Used", {"order_id": "1", "coupon": "X"})
    assert (other.user_id, other.context, other.timestamp) == (
        given.user_id, given.context, given.timestamp
    )  # fmt: skip


def test_the_second_ones_id_is_made_from_the_firsts_and_is_always_the_same():
    rules = Repairs([Repair("Order Done", [SPLIT, Split("Order Counted")])])
    ids = []
    for _ in range(2):
        found = rules.of(event(properties={"coupon": "X"}), ID)
        assert found is not None
        ids.append([name for name, _ in found.events])
    assert ids[0] == ids[1] == [ID, split_id(ID, "Coupon Used"), split_id(ID, "Order Counted")]
    assert {uuid.UUID(each).version for each in ids[0][1:]} == {5}


def test_nothing_is_split_off_where_nothing_would_move():
    assert Repairs([Repair("*", [SPLIT])]).of(event(properties={"n": 1}), ID) is None


def test_what_was_split_off_goes_through_the_repairs_behind():
    rules = (
        Repair("Coupon Used", [Drop("coupon")]),
        Repair("Order Done", [SPLIT]),
        Repair("Coupon Used", [Move("coupon", "code")]),
    )
    _, other = mended(event(properties={"coupon": "X"}), *rules)
    assert other.properties == {"code": "X"}


def test_a_split_that_makes_its_own_name_ends():
    found = Repairs([Repair("A", [Split("A")]), Repair("A", [Split("A")])]).of(event("A"), ID)
    assert found is not None
    assert len(found.events) == 4


def test_only_some_names_concern_anybody():
    found = Repairs([RENAMED, Repair("Cart*", [Drop("x")])])
    assert [found.concerns(name) for name in ("Order Done", "Cart Viewed", "Other")] == [
        True, True, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Repair("", [Drop("a")]), "begins with the name"),
        (lambda: Repair("A", []), "wants a list of steps"),
        (lambda: Repair("A", [3]), "a step of 'A' is one of Convert, Drop"),  # type: ignore[list-item]
        (lambda: Repair("A", [Rename("")]), "names nothing"),
        (lambda: Repair("A", [Drop("a")], platforms="ios"), "a list of server, web"),
        (lambda: Repair("A", [Drop("a")], platforms=["iphone"]), "a list of server, web"),
        (lambda: Repair("A", [Drop("a")], versions="3.1"), "written >=3.1,<3.3"),
        (lambda: Repair("A", [Drop("a")], versions=">=three"), "written >=3.1,<3.3"),
        (lambda: Convert("a"), "converted to?"),
        (lambda: Convert("a", "float"), "is made string, number"),  # type: ignore[arg-type]
        (lambda: repairs({}), "names a list of"),
        (lambda: repairs([Drop("a")]), "names a list of"),
    ],
)
def test_a_repair_that_cannot_be_meant_says_why(make, problem):
    with pytest.raises(SettingsError, match="repairs: ") as raised:
        make()
    assert problem in str(raised.value)


def test_no_repairs_are_none():
    assert repairs([]) is None
