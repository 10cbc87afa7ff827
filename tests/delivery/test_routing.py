"""What the plan says of destinations: which events, which properties, of which visitors."""

from __future__ import annotations

from typing import Any

import pytest

from track_middleware.delivery import emission
from track_middleware.delivery.routing import routed, strangers
from track_middleware.delivery.store import Stored
from track_middleware.destinations import registry
from track_middleware.destinations.registry import Route
from track_middleware.event import Event, decode_event, encode_event
from track_middleware.plan.document import read

URLS = ["heap://A", "webhook+https://x.example/hook", "amplitude://K?without=email"]


def routes(**events: Any) -> dict[str, Route]:
    plan = read({"events": events}, name="shop")
    return {route.name: route for route in routed(registry.routes(URLS), plan)}


def given(route: Route, event: Event) -> Event:
    stored = Stored(1, event.message_id, "v", 0.0, event.type, event.label, encode_event(event),
                    None, None)  # fmt: skip
    on_the_wire = hasattr(route.destination, "wire_calls")
    made = emission.content(route.fields, on_the_wire=on_the_wire)(stored)
    return made if isinstance(made, Event) else decode_event(made)


def test_an_event_goes_only_where_the_plan_says():
    found = routes(Paid={"destinations": ["heap"]}, Seen={"destinations": []})
    wanted = {
        name: [label for label in ("Paid", "Seen", "Other") if each.filter.wants(label, bot=None)]
        for name, each in found.items()
    }
    assert wanted == {"heap": ["Paid", "Other"], "webhook": ["Other"], "amplitude": ["Other"]}


def test_a_property_goes_only_where_the_plan_says_and_the_url_still_counts():
    found = routes(Paid={"properties": {
        "email": {}, "margin": {"destinations": ["webhook"]}, "revenue": {},
    }})  # fmt: skip
    bag = {"email": "a@b.c", "margin": 3, "revenue": 9}
    got = {}
    for name, route in found.items():
        event = Event("1", "track", "2026-11-23T12:00:00.000Z", "Paid", properties=dict(bag))
        got[name] = given(route, event).properties
    assert got == {
        "heap": {"email": "a@b.c", "revenue": 9}, "webhook": bag, "amplitude": {"revenue": 9},
    }  # fmt: skip
    other = Event("1", "track", "2026-11-23T12:00:00.000Z", "Other", properties={"margin": 3})
    assert given(found["heap"], other).properties == {"margin": 3}


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 1])
def test_a_sampled_event_goes_on_for_that_share_of_the_visitors_and_always_the_same(share):
    heap, webhook = (routes(Seen={"sampling": share})[name] for name in ("heap", "webhook"))
    visitors = [f"{number:08x}-visitor" for number in range(4000)]
    chosen = [each for each in visitors if heap.filter.wants("Seen", bot=None, whom=each)]
    assert abs(len(chosen) / len(visitors) - share) < 0.03
    assert chosen == [
        each for each in visitors if webhook.filter.wants("Seen", bot=None, whom=each)
    ]
    assert heap.filter.wants("Other", bot=None, whom=visitors[0])


def test_destinations_that_there_are_not_are_known():
    plan = read({"events": {
        "Paid": {"destinations": ["mixpanel", "heap"]},
        "Seen": {"properties": {"a": {"destinations": ["ga4"]}, "b": {"destinations": ["ga4"]}}},
    }}, name="shop")  # fmt: skip
    assert strangers(plan, registry.routes(URLS)) == [
        "'Paid' names the destination 'mixpanel'", "'Seen' names the destination 'ga4'",
    ]  # fmt: skip


def test_without_a_plan_the_routes_are_what_they_were():
    found = registry.routes(URLS)
    assert routed(found, None) == found
    assert routed(found, read({"events": {"Paid": {}}}, name="shop")) == found
