"""Heap: tracks and user properties in bulk, visitors as numbers that identify joins to users."""

from __future__ import annotations

import pytest

from tests.delivery.emulators.heap import violations
from tests.destinations.samples import body, event, identify, made, page, sent
from track_middleware.destinations import DELIVERED, Answer
from track_middleware.destinations.heap import number

HERE = made("heap://APP")
TRACK = "https://heapanalytics.com/api/track"
USER = "https://heapanalytics.com/api/add_user_properties"
IDENTIFY = "https://heapanalytics.com/api/v1/identify"


def test_events_go_in_bulk_with_one_identity_and_an_idempotency_key() -> None:
    (call,) = sent(HERE, page(user_id=None), event(2))
    assert call.url == TRACK
    whole = body(call)
    assert whole["app_id"] == "APP"
    viewed, ordered = whole["events"]
    assert viewed["event"] == "Page viewed"
    assert (viewed["user_id"], ordered["identity"]) == (number("visitor-1"), "42")
    assert viewed["timestamp"] == "2026-11-23T12:00:00.000Z"
    assert ordered["idempotency_key"] == "00000000-0000-4000-8000-000000000002"
    assert "identity" not in viewed
    assert "user_id" not in ordered
    assert viewed["properties"]["utm_source"] == "news"
    assert viewed["properties"]["browser"] == "Firefox"
    assert ordered["properties"]["revenue"] == 39.5


def test_a_visitor_that_heaps_script_made_keeps_its_number() -> None:
    assert number("1234567890123456") == "1234567890123456"
    assert number("9999999999999999") != "9999999999999999"
    assert number("42") != "42"


def test_a_visitor_is_always_the_same_number_below_2_to_the_53() -> None:
    numbers = [number(f"visitor-{at}") for at in range(2_000)]
    assert numbers == [number(f"visitor-{at}") for at in range(2_000)]
    assert len(set(numbers)) == 2_000
    assert 2**52 < max(map(int, numbers)) < 2**53


def test_the_eu_has_a_host_of_its_own() -> None:
    calls = sent(made("heap://APP?region=eu"), event(), identify(message_id="2"))
    assert {call.url.partition("/api")[0] for call in calls} == {"https://c.eu.heap-api.com"}


def test_identify_joins_the_visitor_to_the_user_and_describes_the_user() -> None:
    join, user = sent(HERE, identify())
    assert join.url == IDENTIFY
    assert body(join) == {"app_id": "APP", "identity": "42", "user_id": number("visitor-1")}
    assert user.url == USER
    properties = {"email": "ann@shop.test", "plan": "pro"}
    assert body(user) == {"app_id": "APP", "users": [{"identity": "42", "properties": properties}]}
    assert join.ids == user.ids == (identify().message_id,)


def test_user_properties_go_in_bulk_and_without_an_id() -> None:
    about = [
        identify(message_id=str(n), anonymous_id=None, traits={"Id": 1, "n": n}) for n in range(3)
    ]
    (call,) = sent(HERE, *about)
    assert [each["properties"] for each in body(call)["users"]] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert call.ids == ("0", "1", "2")


def test_who_is_identified_again_and_again_is_joined_once_a_batch() -> None:
    again = [identify(message_id=str(n), traits=None) for n in range(3)]
    (call,) = sent(HERE, *again)
    assert call.ids == ("0", "1", "2")


def test_a_visitors_calls_are_in_the_order_of_their_events() -> None:
    calls = sent(HERE, event(1, user_id=None), identify(message_id="2", traits=None), event(3))
    assert [call.url for call in calls] == [TRACK, IDENTIFY, TRACK]
    others = sent(
        HERE, event(1), identify(message_id="2", anonymous_id="other", traits=None), event(3)
    )
    assert [call.url for call in others] == [TRACK, IDENTIFY]


def test_an_alias_joins_what_it_names() -> None:
    (call,) = sent(HERE, event(type="alias", event=None, properties=None, previous_id="visitor-0"))
    assert (call.url, body(call)["user_id"]) == (IDENTIFY, number("visitor-0"))


def test_a_group_is_a_property_of_its_users() -> None:
    (call,) = sent(HERE, event(type="group", event=None, group_id="g-1", traits={"seats": 5}))
    assert body(call)["users"] == [{"identity": "42", "properties": {"group_id": "g-1"}}]


def test_values_are_numbers_texts_and_lists_within_what_heap_keeps() -> None:
    given = {"note": "x" * 2_000, "cart": {"a": [1]}, "ok": True, "none": None, "inf": float("inf"),
             "sizes": ["s", 42, None, {"a": 1}], "many": ["y" * 100] * 20}  # fmt: skip
    outbound = HERE.calls([event(properties=given)], 0.0)
    assert violations(outbound.calls[0].url, outbound.calls[0].body) == []
    told = body(outbound.calls[0])["events"][0]["properties"]
    assert told["note"] == "x" * 1_023
    assert (told["cart"], told["ok"]) == ('{"a":[1]}', "true")
    assert told["sizes"] == ["s", 42, '{"a":1}']
    assert told["many"] == ["y" * 100] * 10
    assert not {"none", "inf"} & told.keys()
    assert outbound.cut == 2


def test_lists_among_a_users_properties_are_joined_as_heap_joins_them() -> None:
    (_, call) = sent(HERE, identify(traits={"tags": ["a", "b"]}))
    assert body(call)["users"][0]["properties"] == {"tags": "a||b"}


def test_a_user_id_that_would_be_cut_is_refused() -> None:
    outbound = HERE.calls([event(user_id="u" * 256)], 0.0)
    assert outbound.settled[event().message_id].state == "refused"


@pytest.mark.parametrize(
    "nobody",
    [
        identify(user_id=None),
        identify(anonymous_id=None, traits={"id": 5}),
        identify(anonymous_id=None, traits=None),
    ],
)
def test_an_identify_that_says_nothing_needs_no_call(nobody: object) -> None:
    outbound = HERE.calls([nobody], 0.0)  # type: ignore[list-item]
    assert not outbound.calls
    assert list(outbound.settled.values()) == [DELIVERED]


def test_a_time_that_is_none_is_refused() -> None:
    outbound = HERE.calls(
        [event(timestamp="yesterday"), identify(message_id="2", timestamp="")], 0.0
    )
    assert [each.state for each in outbound.settled.values()] == ["refused", "refused"]


def test_a_400_is_split_until_the_poison_stands_alone() -> None:
    (call,) = sent(HERE, event(1), event(2))
    assert all(verdict.split for verdict in HERE.judge(call, Answer(400)))


def test_a_429_waits_as_long_as_it_says() -> None:
    (call,) = sent(HERE, event())
    (verdict,) = HERE.judge(call, Answer(429, {"retry-after": "12"}))
    assert (verdict.state, verdict.after) == ("retry", 12.0)
