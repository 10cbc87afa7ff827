"""What has drifted apart, over events that platforms sent."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from track_middleware.plan import drift
from track_middleware.plan.drift import DEAD, Finding, Past, days, findings, past
from track_middleware.plan.model import Event, Plan, Property
from track_middleware.plan.observed import (
    CELLS,
    OTHERS,
    PROPERTIES,
    UNNAMED,
    VERSIONS,
    Key,
    Looked,
    Observed,
    type_of,
)

DAY = 86400.0
SINCE, UNTIL = 1000.0, 1000.0 + DEAD

#: A log that is older than what is looked at, in which nothing else was ever seen.
OLD = Past({}, "2026-05-01", "2026-11-19", "2026-11-26")


def looked(
    platform: Any = "web", version: Any = None, kind: str = "track", **values: Any
) -> Looked:
    bag = "traits" if kind == "identify" else "properties"
    context = {"platform": platform, "app": {"version": version}}
    raw = msgspec.json.encode({"type": kind, bag: values, "context": context, "event": "x"})
    return msgspec.json.decode(raw, type=Looked)


def seen(*many: tuple[str, int, dict[str, Any]], at: float = UNTIL) -> Observed:
    """So many events ``O`` of each platform (``ios 3.1`` with a version), with these properties."""
    observed = Observed()
    add(observed, *many, at=at)
    return observed


def add(observed: Observed, *many: tuple[str, int, dict[str, Any]], at: float = UNTIL) -> None:
    for who, number, values in many:
        platform, _, version = who.partition(" ")
        for _ in range(number):
            observed.add(looked(platform, version or None, **values), "O", at)


def drifted(observed: Observed, plan: Plan | None = None, past: Past = OLD) -> list[Finding]:
    return findings(observed, past=past, plan=plan, since=SINCE, until=UNTIL)


def found(observed: Observed, plan: Plan | None = None) -> list[tuple[str, str, str, str]]:
    every = drifted(observed, plan)
    return [(each.kind, each.platform, each.property, each.other) for each in every]


ORDER = {"order_id": "1", "revenue": 39.5}


def test_platforms_that_say_the_same_have_not_drifted():
    whole = {"order_id": "2", "revenue": 39}
    assert found(seen(("server", 9, ORDER), ("web", 9, ORDER), ("ios", 9, whole))) == []


def test_a_property_that_one_platform_renamed_is_found_with_its_names():
    renamed = {"order_id": "1", "total": 39.5}
    observed = seen(("server", 9, ORDER), ("web", 9, ORDER), ("ios", 9, renamed))
    assert found(observed) == [("renamed", "ios", "revenue", "total")]
    (finding,) = drifted(observed)
    assert finding.words == "ios says 'total' where server, web says 'revenue'"


def test_of_two_platforms_the_difference_is_told_once_and_of_the_app():
    observed = seen(("server", 9, ORDER), ("ios", 9, {"order_id": "1", "total": 39.5}))
    assert found(observed) == [("renamed", "ios", "revenue", "total")]


def test_of_several_renamed_ones_the_names_that_are_alike_belong_together():
    observed = seen(
        ("web", 9, {"order_id": "1", "currency": "EUR"}),
        ("ios", 9, {"currencyCode": "EUR", "orderId": "1"}),
    )
    assert set(found(observed)) == {
        ("renamed", "ios", "currency", "currencyCode"), ("renamed", "ios", "order_id", "orderId")
    }  # fmt: skip


def test_one_that_has_no_other_name_is_missing():
    observed = seen(("server", 9, ORDER), ("web", 9, ORDER), ("ios", 9, {"order_id": "1"}))
    assert found(observed) == [("missing", "ios", "revenue", "")]


def test_what_is_empty_is_missing():
    empty = {"order_id": "1", "revenue": None, "coupon": ""}
    observed = seen(("web", 9, {**ORDER, "coupon": "X"}), ("ios", 9, empty))
    assert found(observed) == [("missing", "ios", "revenue", ""), ("missing", "ios", "coupon", "")]


def test_too_few_events_and_what_is_there_now_and_then_say_nothing():
    assert found(seen(("web", 9, ORDER), ("ios", drift.ENOUGH - 1, {"order_id": "1"}))) == []
    now_and_then = seen(("web", 9, ORDER), ("ios", 5, ORDER), ("ios", 5, {"order_id": "1"}))
    assert found(now_and_then) == []


def test_a_property_of_another_type_is_found():
    observed = seen(("web", 9, ORDER), ("server", 9, ORDER), ("ios", 9, {**ORDER, "revenue": "39"}))
    assert found(observed) == [("types", "ios", "revenue", "")]


def test_what_a_release_brought_or_lost_is_found():
    observed = seen(
        ("ios 3.9", 9, {"a": 1}), ("ios 3.10", 9, {"b": 1}), ("ios 3.11", 9, {"b": 1})
    )  # fmt: skip
    words = {each.words for each in drifted(observed)}
    assert words == {"'a' is gone since ios 3.10", "'b' is there since ios 3.10"}


def test_who_has_stopped_while_others_go_on_is_found():
    observed = seen(("web", 9, ORDER), at=UNTIL - 1)
    add(observed, ("ios", 9, ORDER), at=SINCE + 1)
    assert found(observed) == [("stopped", "ios", "", "")]


def test_who_is_silent_for_some_hours_has_not_stopped():
    observed = seen(("web", 9, ORDER), at=UNTIL - 1)
    add(observed, ("ios", 9, ORDER), at=UNTIL - 0.9 * DAY)
    assert not findings(observed, past=OLD, since=UNTIL - 2 * DAY, until=UNTIL)


def planned(**more: Any) -> Plan:
    properties = (Property("order_id"), Property("revenue"))
    return Plan("shop", events={"O": Event("O", properties=properties, **more)})


def test_the_plan_says_what_it_does_not_know_and_what_nobody_sends():
    plan = planned(platforms={"web": None, "android": "3.0"})
    observed = seen(("web", 9, {**ORDER, "extra": 1}), ("ios", 1, ORDER))
    for name in ("New One", "Page"):
        observed.add(looked(), name, UNTIL)
    assert found(observed, plan) == [
        ("unplanned", "web", "extra", ""), ("unplanned", "ios", "", ""),
        ("unplanned", "web", "", ""), ("dead", "android", "", ""),
    ]  # fmt: skip
    assert found(Observed(), plan) == [("dead", "web, android", "", "")]


@pytest.mark.parametrize(
    ("last", "kind", "words"),
    [
        ("2026-11-26", "unseen", "last seen today"),
        ("2026-11-25", "unseen", "not seen since 2026-11-25, yesterday"),
        ("2026-11-19", "unseen", "not seen since 2026-11-19, 7 days ago"),
        ("2026-11-18", "dead", "not seen since 2026-11-18, 8 days ago"),
        ("", "dead", "never seen, from 2026-05-01 on"),
    ],
)
def test_a_planned_event_is_dead_after_a_week_and_unseen_before(last, kind, words):
    at = 20783 * DAY + 3600  # 2026-11-26
    counts = {("2026-05-01", "Other"): 1, **({(last, "O"): 3} if last else {})}
    (finding,) = drifted(Observed(), planned(), past(counts, day=day_of, now=at))
    assert (finding.kind, finding.words) == (kind, words)


def day_of(moment: float) -> str:
    return date.fromordinal(int(moment // DAY) + 719163).isoformat()


def test_nothing_is_dead_in_a_log_that_has_begun_this_week():
    young = past({("2026-11-25", "Other"): 1}, day=day_of, now=20783 * DAY)
    plan = planned(platforms={"web": None, "ios": None})
    for observed in (Observed(), seen(("web", 9, ORDER))):
        assert [each.kind for each in drifted(observed, plan, young)] == ["unseen"]


def test_a_platform_is_not_dead_after_minutes():
    plan, observed = planned(platforms={"web": None, "ios": None}), seen(("web", 9, ORDER))
    (finding,) = findings(observed, past=OLD, plan=plan, since=UNTIL - 600, until=UNTIL)
    assert (finding.kind, finding.platform) == ("unseen", "ios")


def test_new_and_dead_events_are_found_by_their_days():
    counts = {("2026-11-01", "A"): 1, ("2026-11-20", "A"): 1, ("2026-11-02", "B"): 3,
              ("2026-11-21", "C"): 1}  # fmt: skip
    found = days(counts, since="2026-11-20")
    assert (dict(found.new), dict(found.dead)) == ({"C": "2026-11-21"}, {"B": "2026-11-02"})
    assert not days({("2026-11-21", "C"): 1}, since="2026-11-20").new


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", "string"), ("", ""), (None, ""), (1, "integer"), (-1.5, "number"), (1e30, "number"),
     (True, "boolean"), ([], "array"), ({}, "object")],
)  # fmt: skip
def test_a_value_has_json_schemas_type(value, kind):
    assert type_of(msgspec.Raw(msgspec.json.encode(value))) == kind


def test_an_identifys_properties_are_its_traits():
    observed = Observed()
    observed.add(looked(kind="identify", plan="pro"), "Identify", 1.0)
    assert observed.cells[Key("Identify", "web")].properties.keys() == {"plan"}


@pytest.mark.parametrize("context", [None, {}, {"platform": 3, "app": [1]}])
def test_who_names_no_platform_is_counted_and_compared_with_nobody(context):
    observed = seen(("web", 9, ORDER), ("ios", 9, ORDER))
    raw = msgspec.json.encode({"type": "track", "context": context, "properties": {"x": 1}})
    for _ in range(9):
        observed.add(msgspec.json.decode(raw, type=Looked), "O", UNTIL)
    assert observed.cells[Key("O", UNNAMED)].span.count == 9
    assert found(observed) == []


def test_memory_does_not_grow_with_what_anybody_sends():
    observed = Observed()
    for number in range(CELLS + 50):
        observed.add(looked(), f"E{number}", 1.0)
    for number in range(PROPERTIES + 50):
        observed.add(looked(version=f"1.{number}", **{f"p{number}": 1}), "E0", 1.0)
    assert len(observed.cells) == CELLS + 1
    assert observed.cells[Key(OTHERS, OTHERS)].span.count == 50
    cell = observed.cells[Key("E0", "web")]
    assert (len(cell.properties), len(cell.versions)) == (PROPERTIES + 1, VERSIONS + 1)
    assert cell.span.count == PROPERTIES + 51
    assert all(isinstance(each, Finding) for each in drifted(observed))
