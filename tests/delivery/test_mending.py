"""Repairs in the drain: before the plan, with the original beside what they made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import GRANTED, START, Site, new_id
from track_middleware.delivery.belongings import stored
from track_middleware.delivery.persons import Subject
from track_middleware.delivery.plans import PlanStage
from track_middleware.delivery.store import Outcome
from track_middleware.event import Entry, Event, decode_entry, iso
from track_middleware.plan.model import Event as Planned
from track_middleware.plan.model import Plan, Property
from track_middleware.plan.repairs import Convert, Drop, Fill, Move, Rename, Repair, Repairs, Split
from track_middleware.plan.steps import split_id

REPAIRS = (
    Repair("Order Done", [Rename("Order Completed"), Move("total", "revenue")], ["ios"]),
    Repair("Order Completed", [Convert("revenue", "number"), Split("Coupon Used", ["coupon"])]),
)
PLAN = Plan(
    "shop",
    events={
        "Order Completed": Planned(
            "Order Completed", properties=(Property("revenue", ("number",), required=True),)
        ),
        "Coupon Used": Planned("Coupon Used", properties=(Property("coupon", ("string",)),)),
    },
    mode="quarantine",
    unknown="quarantine",
)

Make = Callable[..., Site]


@pytest.fixture
def sites(data_dir: Path) -> Iterator[Make]:
    made: list[Site] = []

    def make(given: Sequence[Repair] = REPAIRS, **more: Any) -> Site:
        made.append(Site(data_dir, repairs=Repairs(given), **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def done(*, consent: Any = GRANTED, platform: str = "ios", **properties: Any) -> Entry:
    event = Event(
        new_id(), "track", iso(START), event="Order Done", user_id="42", properties=properties,
        context={"platform": platform},
    )  # fmt: skip
    return Entry("event", START, event, consent=consent)


def kept(site: Site) -> list[dict[str, Any]]:
    """The bodies of the log as accepted."""
    rows = site.store._db._raw.execute("SELECT body FROM log ORDER BY position").fetchall()
    return [json.loads(body) for (body,) in rows]


def test_what_a_release_sends_wrongly_is_right_for_everybody_who_reads(sites):
    site = sites()
    site.drains(done(total="39.50"))
    (event,) = site.events
    assert (event.event, event.properties) == ("Order Completed", {"revenue": 39.5})
    assert site.store.read(0, 9)[0].label == "Order Completed"
    assert site.store.event_counts() == {("2027-01-15", "Order Completed"): 1}
    assert site.counts["repaired"] == 1


def test_the_original_is_kept_as_it_was_accepted(sites):
    site, entry = sites(), done(total="39.50")
    site.drains(entry)
    (body,) = kept(site)
    assert (body["event"], body["properties"]) == ("Order Done", {"total": "39.50"})
    assert body["messageId"] == entry.event.message_id


@pytest.mark.parametrize("consent", [GRANTED, None], ids=["in a request", "outside"])
def test_it_does_not_matter_how_the_event_came(sites, consent):
    site = sites()
    others = [done(platform="web", consent=consent) for _ in range(3)]
    site.drains(*others, done(total="1", consent=consent), *others)
    assert [each.event for each in site.events] == ["Order Done"] * 3 + ["Order Completed"]
    assert site.events[-1].context["consent" if consent is None else "platform"]


def test_what_no_repair_is_for_stays_the_bytes_that_were_accepted(sites):
    site, entry = sites(), done(platform="web", total="1")
    site.drains(entry)
    assert site.store.read(0, 9)[0].body in site.spool.encode([entry])
    assert not site.counts["repaired"]


def test_a_split_event_is_two_and_stays_two_when_it_comes_again(sites):
    site, entry = sites(), done(total="1", coupon="X")
    site.drains(entry, entry)
    site.drains(entry)
    first, second = site.events
    assert (first.event, second.event) == ("Order Completed", "Coupon Used")
    assert second.message_id == split_id(first.message_id, "Coupon Used")
    assert [each["event"] for each in kept(site)] == ["Order Done"] * 2


def test_repairs_come_before_the_plan(sites):
    site = sites(plan=PlanStage(PLAN))
    site.drains(done(total="39.50"), done(platform="web", total="39.50"))
    assert [each.event for each in site.events] == ["Order Completed"]
    (letter,) = site.store.dead(stage="plan")
    assert letter.label == "Order Done"


def test_what_breaks_the_plan_waits_as_it_was_accepted_and_is_repaired_again(sites):
    site = sites(plan=PlanStage(PLAN))
    site.drains(done(total="a lot", coupon="X"))
    assert [each.event for each in site.events] == ["Coupon Used"]
    (letter,) = site.store.dead(stage="plan")
    again = decode_entry(letter.body)
    assert again.event is not None
    assert (again.event.event, again.event.properties["total"]) == ("Order Done", "a lot")
    site.close()
    mended = sites([Repair("Order Done", [Drop("total"), Fill("total", 3)]), *REPAIRS],
                   plan=PlanStage(PLAN))  # fmt: skip
    mended.drains(again)
    assert [(each.event, each.properties) for each in mended.events] == [
        ("Coupon Used", {"coupon": "X"}), ("Order Completed", {"revenue": 3})
    ]  # fmt: skip


def test_hooks_see_what_is_right(sites):
    seen = []
    site = sites(hook=lambda event: seen.append(event.event) or event)
    site.drains(done(total="1"))
    assert seen == ["Order Completed"]
    assert kept(site)[0]["event"] == "Order Done"


def test_what_must_not_be_stored_is_not_in_the_original_either(sites):
    site = sites()
    site.drains(done(total="1", note="ann@example.com"))
    assert "example.com" not in json.dumps(kept(site))
    assert "example.com" not in str(site.events[0].properties)


def test_a_past_counts_what_is_right(sites):
    site = sites(past={"spent": {"sum": "Order Completed.revenue"}})
    site.drains(done(total="2"), done(total="3"))
    assert [each.context["history"] for each in site.events] == [{"spent": 0}, {"spent": 2}]


def test_a_letter_of_a_destination_has_what_is_right(sites):
    site = sites()
    job = site.store.job("there")
    site.drains(done(total="2"))
    (stored,) = site.store.read(0, 9)
    refused = Outcome(stored.position, stored.event_id, stored.order_key, "refused", 1, 0, "no")
    site.store.advance(job, stored.position, [refused])
    (letter,) = site.store.dead(stage="destination")
    assert json.loads(letter.body)["event"] == "Order Completed"


def named_by_the_site(event: Event) -> Event:
    event.user_id = "ann"
    return event


def test_whom_a_hook_names_in_what_was_repaired_is_found_to_be_erased(sites):
    site = sites(hook=named_by_the_site)
    event = Event(new_id(), "track", iso(START), event="Order Done", anonymous_id="v",
                  properties={"total": "1"}, context={"platform": "ios"})  # fmt: skip
    site.drains(Entry("event", START, event, consent=GRANTED))
    assert site.event.user_id == "ann"
    (piece,) = stored(site.store)
    assert Subject("ann", "user", users=frozenset(("ann",))).owns(piece.names)


def test_a_merge_is_of_what_was_repaired_and_told_not_of_what_was_accepted(sites):
    site = sites([Repair("Identify", [Drop("note")])], hook=named_by_the_site)
    event = Event(new_id(), "identify", iso(START), anonymous_id="v", user_id="ann@example.org",
                  traits={"note": 1})  # fmt: skip
    site.drains(Entry("event", START, event, consent=GRANTED))
    assert [(each.visitor, each.user) for each in site.store.merges.of("v")] == [("v", "ann")]
