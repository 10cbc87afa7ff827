"""The plan in the worker: what goes on, what waits among the dead letters, what is not kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import DENIED, GRANTED, Site, new_id
from track_middleware.delivery import belongings
from track_middleware.delivery.plans import PlanStage
from track_middleware.delivery.store.letters import Choice
from track_middleware.event import Entry, Event, decode_entry, iso
from track_middleware.plan.document import read
from track_middleware.plan.model import Plan

ORDER = {
    "owner": "shop",
    "properties": {
        "order_id": {"type": "string", "required": True},
        "revenue": {"type": "number", "required": True},
    },
}
GOOD = {"order_id": "1", "revenue": 9.5}
BAD = {"order_id": 1}


def plan(unknown: str = "warn", **order: Any) -> Plan:
    return read({"unknown": unknown, "events": {"Order": {**ORDER, **order}}}, name="shop")


@contextmanager
def site(tmp_path: Path, stage: PlanStage | None, **more: Any) -> Iterator[Site]:
    with closing(Site(tmp_path, plan=stage, **more)) as made:
        yield made


def order(properties: Any, *, name: str = "Order", **more: Any) -> Entry:
    event = Event(
        more.pop("event_id", None) or new_id(), "track", iso(1_800_000_000.0), event=name,
        user_id="42", properties=properties, context=more.pop("context", {"platform": "server"}),
    )  # fmt: skip
    return Entry("event", 1_800_000_000.0, event, **more)


#: Each way that an event takes through the drain.
WAYS = {
    "outside a request": ({}, {}),
    "in a request": ({"consent": GRANTED}, {}),
    "with every event decoded": ({"consent": GRANTED}, {"whole": True}),
    "before a hook": ({"consent": GRANTED}, {"hook": lambda event: event}),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_breaks_a_quarantining_plan_waits_as_a_letter_and_the_rest_is_stored(way, tmp_path):
    of_entry, of_site = WAYS[way]
    with site(tmp_path, PlanStage(plan(mode="quarantine")), **of_site) as shop:
        bad = order(BAD, **of_entry)
        shop.drains(order(GOOD, **of_entry), bad)
        assert [each.properties for each in shop.events] == [GOOD]
        (letter,) = shop.store.dead(stage="plan")
        assert (letter.event_id, letter.label) == (bad.event.message_id, "Order")
        assert letter.reason == (
            'properties: "revenue" is a required property; '
            'properties.order_id: 1 is not of type "string"'
        )
        assert shop.counts["plan_quarantined"] == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_letter_goes_on_under_its_id_once_the_plan_is_mended_and_only_once(way, tmp_path):
    of_entry, of_site = WAYS[way]
    bad = order(BAD, **of_entry)
    with site(tmp_path, PlanStage(plan(mode="quarantine")), **of_site) as shop:
        shop.drains(bad)
        (letter,) = shop.store.dead(stage="plan")
    with site(tmp_path, PlanStage(plan(mode="warn")), **of_site) as shop:
        again = decode_entry(letter.body)
        shop.drains(again)
        shop.drains(again, bad)
        assert shop.event.message_id == bad.event.message_id
        assert shop.event.properties == BAD
        assert shop.event.timestamp == bad.event.timestamp
        assert shop.counts["duplicate"] == 2


def test_a_letter_that_still_breaks_the_plan_is_a_letter_again(tmp_path):
    with site(tmp_path, PlanStage(plan(mode="quarantine"))) as shop:
        shop.drains(order(BAD))
        (letter,) = shop.store.letters.chosen(Choice(stage="plan"), limit=9)
        shop.store.letters.drop([letter.id])
        shop.drains(decode_entry(letter.body))
        (again,) = shop.store.letters.chosen(Choice(stage="plan"), limit=9)
        assert (again.event_id, again.reason) == (letter.event_id, letter.reason)


def test_a_letter_is_found_as_its_persons(tmp_path):
    with site(tmp_path, PlanStage(plan(mode="quarantine"))) as shop:
        shop.drains(order(BAD))
        (piece,) = [each for each in belongings.kept(shop.store, tmp_path) if each.where == "dead"]
        found = belongings.gathered(lambda: belongings.kept(shop.store, tmp_path), shop.store, "42")
        assert found.subject("user").owns(piece.names)


def test_a_warned_event_goes_on_and_is_counted(tmp_path):
    with site(tmp_path, PlanStage(plan())) as shop:
        shop.drains(order(BAD))
        assert shop.event.properties == BAD
        assert shop.counts["plan_warned"] == 1


def test_a_refused_event_is_counted_and_nowhere_kept(tmp_path):
    with site(tmp_path, PlanStage(plan(mode="refuse"))) as shop:
        shop.drains(order(BAD))
        assert not shop.events
        assert not shop.store.dead()
        assert shop.counts["plan_refused"] == 1


def test_events_that_the_plan_does_not_know_have_a_mode_of_their_own(tmp_path):
    with site(tmp_path, PlanStage(plan("quarantine"))) as shop:
        shop.drains(order(BAD), order({}, name="Ordr"))
        assert [each.event for each in shop.events] == ["Order"]
        (letter,) = shop.store.dead(stage="plan")
        assert letter.reason == "event: the plan does not know 'Ordr'"


def test_page_views_and_our_own_events_are_no_strangers_to_any_plan(tmp_path):
    with site(tmp_path, PlanStage(plan("refuse"))) as shop:
        shop.drains(shop.view("p1", await_half=False), order({}, name="Page Left"))
        assert len(shop.events) == 2


def test_a_page_view_that_breaks_the_plan_waits_and_goes_on_under_its_page_id(tmp_path):
    pages = {"kind": "page", "mode": "quarantine", "properties": {"a": {"required": True}}}
    strict = read({"events": {"Page": pages}}, name="shop")
    with site(tmp_path, PlanStage(strict)) as shop:
        shop.drains(shop.view("01234567-89ab-4def-8123-456789abcdef"))
        shop.waits(10)
        (letter,) = shop.store.dead(stage="plan")
        views = shop.views
    with site(tmp_path, None) as shop:
        shop.drains(decode_entry(letter.body))
        assert shop.event.message_id == "01234567-89ab-4def-8123-456789abcdef"
        assert shop.event.type == "page"
        assert shop.views == views


def test_an_event_is_measured_by_its_platform_and_version(tmp_path):
    stage = PlanStage(plan(mode="quarantine", platforms={"server": None, "ios": "2.1"}))

    def app(version: str) -> dict[str, Any]:
        return {"platform": "ios", "app": {"version": version}}

    with site(tmp_path, stage) as shop:
        shop.drains(
            order(GOOD),
            order(GOOD, context=app("2.10")),
            order(GOOD, context=app("2.0.9")),
            order(GOOD, context={"platform": "android"}),
            order(GOOD, context={"platform": "backfill"}),
        )
        assert len(shop.events) == 3
        reasons = {each.reason for each in shop.store.dead(stage="plan")}
        assert reasons == {
            "context.app.version: ios sends it since 2.1, this is 2.0.9",
            "context.platform: it is planned for server, ios, not for android",
        }


def test_a_key_metric_is_the_servers_alone_also_when_it_got_past_the_door(tmp_path):
    with site(tmp_path, PlanStage(plan(mode="quarantine", server_only=True))) as shop:
        shop.drains(order(GOOD), order(GOOD, context={"platform": "web"}))
        assert len(shop.events) == 1
        (letter,) = shop.store.dead(stage="plan")
        assert letter.reason == "context.platform: only the server may send it, not web"


@pytest.mark.parametrize("consent", [None, DENIED])
def test_what_a_contract_needs_is_kept_without_consent_and_without_the_browsers_ids(
    consent, tmp_path
):
    with site(tmp_path, PlanStage(plan(basis="contract")), default="pending") as shop:
        visit = {"platform": "ios", "campaign": {"source": "mail"}, "ip": "192.0.2.0"}
        entry = order(GOOD, context=visit)
        entry.event.anonymous_id = "device"
        if consent is not None:
            said = Event(new_id(), "track", iso(1_800_000_000.0), event="Consent Changed",
                         user_id="42", context={"consent": consent})  # fmt: skip
            shop.drains(Entry("choice", 1_800_000_000.0, said, consent=consent))
        shop.drains(entry, order(GOOD, name="Other"))
        kept = [each for each in shop.events if each.event != "Consent Changed"]
        (kept_order,) = kept
        assert (kept_order.user_id, kept_order.anonymous_id) == ("42", None)
        assert {*kept_order.context} == {"platform", "consent", "basis"}
        assert shop.counts["consent"] == 1


def test_a_plan_that_changes_holds_from_the_next_batch_on(tmp_path):
    plans = [plan(mode="refuse"), None]
    stage = PlanStage(plan(), again=lambda: plans.pop(0) if plans else None)
    with site(tmp_path, stage) as shop:
        shop.drains(order(BAD))
        assert not shop.events


def test_hostile_names_and_properties_break_nothing(tmp_path):
    with site(tmp_path, PlanStage(plan("quarantine", mode="quarantine"))) as shop:
        deep: Any = "x"
        for _ in range(60):
            deep = [deep]
        names = ["\x1b[2J", "Order\n", "a" * 5000, "{}", "\u202e"]
        entries = [order({"order_id": deep}, name=name) for name in names]
        entries += [order(each) for each in ([], "text", 7, {"order_id": deep}, {"revenue": 1e308})]
        shop.drains(*entries)
        assert not shop.events
        assert len(shop.store.dead(stage="plan", limit=99)) == len(entries)
        assert all(len(each.reason) <= 500 for each in shop.store.dead(stage="plan", limit=99))


def test_the_worker_reads_a_mended_plan_from_its_file(tmp_path):
    from track_middleware.delivery.plans import stage

    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"events": {"Order": {**ORDER, "mode": "refuse"}}}))
    made = stage(str(file))
    assert made is not None
    with site(tmp_path / "data", made) as shop:
        shop.drains(order(BAD))
        assert not shop.events
        file.write_text(json.dumps({"events": {"Order": {**ORDER, "mode": "warn"}}, "name": "x"}))
        shop.drains(order(BAD))
        assert len(shop.events) == 1
        file.write_text("{ this is no JSON")
        shop.drains(order(BAD))
        assert len(shop.events) == 2
