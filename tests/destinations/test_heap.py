"""Heap: tracks in bulk, user properties one by one."""

from __future__ import annotations

from tests.destinations.samples import TIME, body, event, identify, made, page, sent
from track_middleware.destinations import DELIVERED, Answer

HERE = made("heap://APP")


def test_events_go_in_bulk_with_one_identity_and_an_idempotency_key() -> None:
    (call,) = sent(HERE, page(user_id=None), event(2))
    assert call.url == "https://heapanalytics.com/api/track"
    whole = body(call)
    assert whole["app_id"] == "APP"
    viewed, ordered = whole["events"]
    assert viewed["event"] == "Page viewed"
    assert (viewed["identity"], ordered["identity"]) == ("visitor-1", "42")
    assert viewed["timestamp"] == TIME
    assert ordered["idempotency_key"] == "00000000-0000-4000-8000-000000000002"
    assert not {"user_id"} & (viewed.keys() | ordered.keys())
    assert viewed["properties"]["utm_source"] == "news"
    assert viewed["properties"]["browser"] == "Firefox"
    assert ordered["properties"]["revenue"] == 39.5


def test_the_eu_has_a_host_of_its_own() -> None:
    (call,) = sent(made("heap://APP?region=eu"), event())
    assert call.url == "https://c.eu.heap-api.com/api/track"


def test_identify_adds_user_properties_with_a_lower_case_email_and_no_id() -> None:
    (call,) = sent(HERE, identify(traits={"id": 1, "ID": 2, "email": "Ann@Shop.test"}))
    assert call.url == "https://heapanalytics.com/api/add_user_properties"
    assert body(call) == {
        "app_id": "APP",
        "identity": "42",
        "properties": {"email": "ann@shop.test"},
    }


def test_long_and_nested_values_are_cut_to_what_heap_keeps() -> None:
    outbound = HERE.calls([event(properties={"note": "x" * 2_000, "cart": {"a": [1]}})], 0.0)
    (one,) = body(outbound.calls[0])["events"]
    assert one["properties"]["note"] == "x" * 1_024
    assert one["properties"]["cart"] == '{"a":[1]}'
    assert outbound.cut == 1


def test_an_anonymous_identify_has_nobody_to_describe() -> None:
    outbound = HERE.calls([identify(user_id=None)], 0.0)
    assert list(outbound.settled.values()) == [DELIVERED]


def test_a_400_is_split_until_the_poison_stands_alone() -> None:
    (call,) = sent(HERE, event(1), event(2))
    assert all(verdict.split for verdict in HERE.judge(call, Answer(400)))


def test_a_429_waits_as_long_as_it_says() -> None:
    (call,) = sent(HERE, event())
    (verdict,) = HERE.judge(call, Answer(429, {"retry-after": "12"}))
    assert (verdict.state, verdict.after) == ("retry", 12.0)
