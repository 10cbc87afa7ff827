"""What of an event a destination is given."""

from __future__ import annotations

from typing import Any

import pytest

from track_middleware.address import address
from track_middleware.delivery import emission
from track_middleware.delivery.store import Stored
from track_middleware.destinations import fields
from track_middleware.destinations.registry import BUILT_IN, routes
from track_middleware.errors import SettingsError
from track_middleware.event import Event, encode_event

PROPERTIES = {
    "order_id": "1001",
    "revenue": 39.5,
    "email": "ann@example.com",
    "address": {"city": "Bonn", "street": "Am Hof 1"},
    "products": [{"sku": "A", "note": "for Ann"}, {"sku": "B"}],
    "a.b": 1,
}
TRAITS = {"email": "ann@example.com", "plan": "pro"}
CONTEXT = {"ip": "203.0.113.0", "page": {"url": "https://shop/", "path": "/"}, "locale": "de"}


def given(query: str) -> Event:
    asked = fields.of(address(f"heap://A?{query}"))
    assert asked is not None
    event = Event("1", "track", "2026-11-23T12:00:00.000Z", "Paid")
    event.properties, event.traits, event.context = dict(PROPERTIES), dict(TRAITS), dict(CONTEXT)
    return asked.of(event)


def but(bag: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in bag.items() if name not in names}


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("properties=order_id,revenue", {"order_id": "1001", "revenue": 39.5}),
        ("properties=order_id&without=*", None),
        ("properties=or*,re?enue", {"order_id": "1001", "revenue": 39.5}),
        ("properties=address.city", {"address": {"city": "Bonn"}}),
        ("properties=properties.address", {"address": PROPERTIES["address"]}),
        ("properties=products.sku", {"products": [{"sku": "A"}, {"sku": "B"}]}),
        ("properties=a.b", {"a.b": 1}),
        ("properties=traits.plan", None),
        ("properties=context.ip", PROPERTIES),
        ("properties=*&without=address.*", {**PROPERTIES, "address": {}}),
        ("without=email", but(PROPERTIES, "email")),
        ("without=traits.email", PROPERTIES),
        ("without=address.str*", {**PROPERTIES, "address": {"city": "Bonn"}}),
        ("without=products.note", {**PROPERTIES, "products": [{"sku": "A"}, {"sku": "B"}]}),
        ("without=properties.*", None),
        ("without=revenue.cents", PROPERTIES),
    ],
)
def test_properties_are_those_that_the_url_leaves(query: str, left: object) -> None:
    assert given(query).properties == left


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("properties=order_id,revenue", None),
        ("properties=order_id,traits.plan", {"plan": "pro"}),
        ("properties=properties.order_id", None),
        ("without=email", {"plan": "pro"}),
        ("without=properties.email", TRAITS),
        ("without=context.ip", TRAITS),
    ],
)
def test_traits_are_left_out_with_properties_of_their_name(query: str, left: object) -> None:
    assert given(query).traits == left


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("properties=order_id", CONTEXT),
        ("without=ip,url", CONTEXT),
        ("without=context.ip", but(CONTEXT, "ip")),
        ("without=context.page.url", {**CONTEXT, "page": {"path": "/"}}),
        ("properties=context.page.path,context.locale", {"page": {"path": "/"}, "locale": "de"}),
        ("without=context.*", None),
    ],
)
def test_the_context_is_whole_unless_the_url_names_parts_of_it(query: str, left: object) -> None:
    assert given(query).context == left


def test_traits_that_an_sdk_puts_into_the_context_are_traits() -> None:
    asked = fields.of(address("heap://A?without=email"))
    assert asked is not None
    event = Event("1", "identify", "2026-11-23T12:00:00.000Z", context={"traits": dict(TRAITS)})
    assert asked.of(event).context == {"traits": {"plan": "pro"}}


def test_what_enrichment_adds_can_be_left_out() -> None:
    asked = fields.of(address("heap://A?without=context.location"))
    body = encode_event(Event("1", "track", "2026-11-23T12:00:00.000Z", "Paid", context=CONTEXT))
    derived = b'{"location":{"country":"DE"},"channel":"Email"}'
    made = emission.content(asked, on_the_wire=True)(
        Stored(1, "1", "v", 0.0, "track", "Paid", body, derived, None)
    )
    assert isinstance(made, bytes)
    assert b"location" not in made
    assert b'"channel":"Email"' in made


def test_a_url_that_names_nothing_costs_nothing() -> None:
    assert fields.of(address("heap://A?events=Paid")) is None
    assert emission.content(None, on_the_wire=True) is emission.wire


#: A URL of each scheme.
URLS = {
    "amplitude": "amplitude://KEY", "clickhouse": "clickhouse://u:p@h/db", "ga4": "ga4://G-1:secret",
    "heap": "heap://APP", "jsonl": "jsonl:///events.jsonl", "mixpanel": "mixpanel://TOKEN",
    "postgresql": "postgresql://u:p@h/db", "posthog": "posthog://KEY",
    "rudderstack": "rudderstack://KEY@h", "segment": "segment://KEY", "snowplow": "snowplow://h",
    "webhook+http": "webhook+http://127.0.0.1/", "webhook+https": "webhook+https://h/",
}  # fmt: skip


@pytest.mark.parametrize("scheme", BUILT_IN)
def test_no_destination_gets_what_its_url_leaves_out(scheme: str) -> None:
    plain = "&base64=0" if scheme == "snowplow" else ""
    (route,) = routes([f"{URLS[scheme]}?without=email,context.ip&properties=o*,email{plain}"])
    event = Event(
        "00000000-0000-4000-8000-000000000001", "track", "2026-11-23T12:00:00.000Z", "Paid",
        anonymous_id="b5c6d7e8-0000-4000-8000-000000000001", properties=PROPERTIES, context=CONTEXT,
    )  # fmt: skip
    stored = Stored(1, event.message_id, "v", 0.0, "track", "Paid", encode_event(event), None, None)
    wire = hasattr(route.destination, "wire_calls")
    content: Any = emission.content(route.fields, on_the_wire=wire)(stored)
    now = 1_795_435_200.0
    made = (
        route.destination.wire_calls([(event.message_id, content)], now)  # type: ignore[attr-defined]
        if wire
        else route.destination.calls([content], now)
    )
    sent = b"".join(call.body for call in made.calls)
    for left_out in (b"ann@example.com", b"203.0.113.0", b"Am Hof", b"for Ann"):
        assert left_out not in sent
    assert b"1001" in sent


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("properties=", "empty list [?]properties="),
        ("without=,", "empty list [?]without="),
        ("without=userId", "userId in [?]without=: that is the event's own"),
        ("without=context", "write context[.][*] for all of it"),
        ("properties=a..b", "nothing beside a dot"),
        ("properties=.a", "nothing beside a dot"),
        ("propertys=a", "did you mean 'properties'"),
    ],
)
def test_what_cannot_be_meant_is_an_error_at_the_start(query: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        routes([f"heap://A?{query}"])
