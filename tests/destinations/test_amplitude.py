"""Amplitude: the shape of events, the verdicts of answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.destinations.samples import (
    CONTEXT,
    NOW,
    TIME,
    body,
    event,
    identify,
    made,
    page,
    said,
    sent,
)
from track_middleware.destinations import DELIVERED, Answer, Verdict

HERE = made("amplitude://KEY")


def test_a_page_view_is_amplitudes_own() -> None:
    (call,) = sent(HERE, page())
    assert call.url == "https://api2.amplitude.com/2/httpapi"
    whole = body(call)
    assert whole["api_key"] == "KEY"
    assert whole["options"] == {"min_id_length": 1}
    assert whole["events"] == [
        {
            "event_type": "[Amplitude] Page Viewed",
            "user_id": "42",
            "device_id": "visitor-1",
            "time": TIME,
            "session_id": TIME - 60_000,
            "insert_id": "00000000-0000-4000-8000-000000000001",
            "platform": "Web",
            "os_name": "Firefox",
            "os_version": "153",
            "device_model": "Windows",
            "language": "de-DE",
            "country": "DE",
            "ip": "192.0.2.0",
            "user_properties": {
                "$set": {"utm_source": "news", "utm_campaign": "autumn", "gclid": "Abc"},
                "$setOnce": {"initial_utm_source": "ads"},
            },
            "event_properties": {
                "[Amplitude] Page Domain": "shop.test",
                "[Amplitude] Page Location": "https://shop.test/sale?utm_source=news",
                "[Amplitude] Page Path": "/sale",
                "[Amplitude] Page Title": "Sale",
                "[Amplitude] Page URL": "https://shop.test/sale",
                "referrer": "https://www.google.com/",
                "referring_domain": "www.google.com",
                "page_id": "p-1",
                "channel": "Email",
                "device_type": "desktop",
                "screen_width": 1920,
                "screen_height": 1080,
                "viewport_width": 1200,
                "viewport_height": 800,
                "utm_source": "news",
                "utm_campaign": "autumn",
                "gclid": "Abc",
            },
        }
    ]


def test_a_track_event_keeps_its_name_properties_and_revenue() -> None:
    (call,) = sent(HERE, event())
    (one,) = body(call)["events"]
    assert one["event_type"] == "Order Completed"
    assert one["event_properties"]["revenue"] == one["revenue"] == 39.5


def test_identify_sets_the_traits() -> None:
    (call,) = sent(HERE, identify())
    (one,) = body(call)["events"]
    assert one["event_type"] == "$identify"
    assert one["user_properties"] == {
        "$set": {
            "email": "Ann@Shop.test",
            "plan": "pro",
            "utm_source": "news",
            "utm_campaign": "autumn",
            "gclid": "Abc",
        },
        "$setOnce": {"initial_utm_source": "ads"},
    }
    assert (one["user_id"], one["device_id"]) == ("42", "visitor-1")
    assert "$skip_user_properties_sync" not in one


def test_a_group_is_joined_and_described_under_two_ids() -> None:
    (call,) = sent(HERE, identify(type="group", group_id="acme"))
    member, about = body(call)["events"]
    assert member["groups"] == about["groups"] == {"group": "acme"}
    assert about["event_type"] == "$groupidentify"
    assert member["insert_id"] != about["insert_id"]
    assert call.ids == (event().message_id,) * 2


def test_the_type_of_groups_is_the_projects_own() -> None:
    here = made("amplitude://KEY?group_type=company")
    (call,) = sent(here, identify(type="group", group_id="acme", traits=None))
    (member,) = body(call)["events"]
    assert member["groups"] == {"company": "acme"}
    assert member["user_properties"] == {"$set": {"company": "acme"}}


def test_an_event_tells_the_group_that_it_happened_in() -> None:
    (call,) = sent(HERE, event(context={"groupId": "acme"}))
    assert body(call)["events"][0]["groups"] == {"group": "acme"}


def test_an_alias_needs_no_call() -> None:
    outbound = HERE.calls([identify(type="alias", previous_id="visitor-1")], NOW)
    assert not outbound.calls
    assert list(outbound.settled.values()) == [DELIVERED]


def _revenue(**properties: Any) -> dict[str, Any]:
    (call,) = sent(HERE, event(properties=properties))
    names = ("revenue", "price", "quantity", "productId", "revenueType", "currency")
    (one,) = body(call)["events"]
    return {name: one[name] for name in names if name in one}


def test_a_sale_fills_the_vendors_revenue_fields() -> None:
    told = _revenue(
        revenue=6.0, price=3, quantity=2, product_id="p", currency="EUR", revenue_type="sale"
    )
    assert told == {
        "revenue": 6.0,
        "price": 3,
        "quantity": 2,
        "productId": "p",
        "currency": "EUR",
        "revenueType": "sale",
    }


def test_a_refund_takes_revenue_back() -> None:
    (call,) = sent(HERE, event(event="Order Refunded", properties={"revenue": 6.0}))
    (one,) = body(call)["events"]
    assert one["revenue"] == -6.0
    assert one["event_properties"]["revenue"] == 6.0


def test_a_price_alone_is_no_revenue() -> None:
    assert _revenue(price=3.0, quantity=2, product_id="p", currency="EUR") == {}


def test_a_price_that_would_replace_the_revenue_is_left_to_the_properties() -> None:
    assert _revenue(revenue=5.5, price=3.0, quantity=2) == {"revenue": 5.5}
    assert _revenue(revenue=5.5, price=2.75) == {"revenue": 5.5}


@pytest.mark.parametrize("revenue", ["6.0", True, None])
def test_revenue_is_a_number(revenue: object) -> None:
    assert _revenue(revenue=revenue, currency="EUR") == {}


def test_properties_that_say_nothing_are_left_out() -> None:
    (call,) = sent(HERE, event(properties={"coupon": None, "size": 0}, context=None))
    assert body(call)["events"][0]["event_properties"] == {"size": 0}


def test_what_is_old_goes_to_the_batch_api_and_leaves_todays_user_alone() -> None:
    now, old = sent(HERE, event(1), event(2, timestamp="2026-11-16T11:59:59Z"))
    assert now.url == "https://api2.amplitude.com/2/httpapi"
    assert old.url == "https://api2.amplitude.com/batch"
    assert body(old)["events"][0]["$skip_user_properties_sync"] is True
    assert "$skip_user_properties_sync" not in body(now)["events"][0]


@pytest.mark.parametrize(("api", "path"), [("v2", "/2/httpapi"), ("batch", "/batch")])
def test_one_api_may_be_chosen_for_everything(api: str, path: str) -> None:
    here = made(f"amplitude://KEY?region=eu&api={api}")
    calls = sent(here, event(1), event(2, timestamp="2020-01-01T00:00:00Z"))
    assert [call.url for call in calls] == [f"https://api.eu.amplitude.com{path}"]


def test_the_same_event_is_the_same_bytes_on_every_attempt() -> None:
    first = HERE.calls([page(), event(2)], NOW).calls
    again = HERE.calls([page(), event(2)], NOW + 86_400).calls
    assert first == again


def test_an_event_keeps_what_makes_it_one_when_it_has_grown_old() -> None:
    (first,) = HERE.calls([page()], NOW).calls
    (again,) = HERE.calls([page()], NOW + 90 * 86_400).calls
    for name in ("insert_id", "device_id", "time"):
        assert body(first)["events"][0][name] == body(again)["events"][0][name]
    assert first.repeatable
    assert again.repeatable


def test_without_a_session_none_is_told() -> None:
    (call,) = sent(HERE, event(context={**CONTEXT, "session": None}))
    assert "session_id" not in body(call)["events"][0]


def test_long_strings_are_cut_and_counted() -> None:
    outbound = HERE.calls([event(properties={"note": "x" * 5_000})], 0.0)
    (one,) = body(outbound.calls[0])["events"]
    assert one["event_properties"]["note"] == "x" * 1_024
    assert outbound.cut == 1


@pytest.mark.parametrize("nobody", ["None", "0", "00000000-0000-0000-0000-000000000000"])
def test_ids_that_amplitude_refuses_are_left_out(nobody: str) -> None:
    (call,) = sent(HERE, event(user_id=nobody))
    assert "user_id" not in body(call)["events"][0]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"user_id": None, "anonymous_id": None}, "neither a user id"),
        ({"timestamp": "yesterday"}, "no ISO 8601"),
        ({"properties": {str(at): "x" * 1_000 for at in range(1_100)}}, "larger than"),
    ],
)
def test_what_no_cut_can_mend_is_refused_without_a_call(given: dict[str, object], why: str) -> None:
    outbound = HERE.calls([event(**given)], 0.0)
    assert not outbound.calls
    (verdict,) = outbound.settled.values()
    assert verdict.state == "refused"
    assert why in verdict.reason


def test_a_call_stays_under_the_vendors_limits() -> None:
    many = [event(number, properties={"note": "x" * 900}) for number in range(1_500)]
    calls = sent(HERE, *many)
    assert len(calls) > 1
    assert all(len(call.body) <= 1_000_000 and len(call.ids) < 2_000 for call in calls)
    assert [each for call in calls for each in call.ids] == [each.message_id for each in many]


def _verdicts(answer: Answer | None, count: int = 3) -> list[Verdict]:
    (call,) = sent(HERE, *[event(number) for number in range(count)])
    return list(HERE.judge(call, answer))


def test_the_listed_events_of_a_400_are_refused_and_the_rest_sent_again_at_once() -> None:
    answer = said(
        400,
        {
            "error": "Invalid JSON values",
            "events_with_invalid_fields": {"time": [1]},
            "silenced_events": [2],
        },
    )
    rest, invalid, silenced = _verdicts(answer)
    assert (rest.state, rest.after) == ("retry", 0)
    assert invalid == Verdict("refused", "Invalid JSON values: events with invalid fields time")
    assert silenced.state == "refused"


def test_a_refused_key_pauses_and_is_not_repeated() -> None:
    (verdict, *_) = _verdicts(said(400, {"error": "Invalid API key: KEY"}))
    assert verdict.pause
    assert "KEY" not in verdict.reason


def test_a_400_that_names_nobody_is_split() -> None:
    assert all(verdict.split for verdict in _verdicts(Answer(400, {}, b"<html>")))


def test_what_is_said_of_one_half_of_a_group_holds_for_both() -> None:
    (call,) = sent(HERE, identify(type="group", group_id="acme"), event(2))
    answer = said(400, {"error": "Bad", "events_with_invalid_fields": {"group_properties": [1]}})
    member, about, other = HERE.judge(call, answer)
    assert member == about
    assert about.state == "refused"
    assert other.after == 0


def test_an_index_that_the_call_has_not_is_ignored() -> None:
    answer = said(400, {"events_with_invalid_fields": {"time": [7]}})
    assert all(verdict.split for verdict in _verdicts(answer))


def test_a_wrong_path_pauses() -> None:
    assert _verdicts(said(400, {"error": "Invalid request path"}))[0].pause


def test_events_that_a_400_calls_throttled_wait() -> None:
    answer = said(400, {"silenced_events": [0], "throttled_events": [1]})
    silenced, slow, rest = _verdicts(answer)
    assert silenced.state == "refused"
    assert (slow.state, slow.after, rest.after) == ("retry", 30.0, 0)


def test_the_firewalls_403_is_about_an_event_or_about_this_server() -> None:
    verdicts = _verdicts(said(403, {"code": 403, "error": "Forbidden"}))
    assert all(each.state == "retry" and each.split and each.pause for each in verdicts)


def _people() -> list[Any]:
    return [event(1, user_id="a"), event(2, user_id="b", anonymous_id="v2"), event(3, user_id="a")]


@pytest.mark.parametrize(
    ("told", "after"),
    [
        ({"throttled_users": {"a": 31}}, [30.0, 0, 30.0]),
        ({"throttled_devices": {"v2": 31}}, [0, 30.0, 0]),
        ({"throttled_events": [1], "throttled_users": {"a": 40}}, [30.0, 30.0, 30.0]),
        ({"exceeded_daily_quota_users": {"b": 500_200}}, [0, 3_600.0, 0]),
        ({"exceeded_daily_quota_devices": {"v2": 500_200}}, [0, 3_600.0, 0]),
    ],
)
def test_all_events_of_a_throttled_user_or_device_wait(
    told: dict[str, object], after: list[float]
) -> None:
    (call,) = sent(HERE, *_people())
    verdicts = HERE.judge(call, said(429, told))
    assert {verdict.state for verdict in verdicts} == {"retry"}
    assert [verdict.after for verdict in verdicts] == after


def test_throttled_devices_wait_and_the_others_do_not() -> None:
    slow, fast, _ = _verdicts(said(429, {"throttled_events": [0]}))
    assert (slow.after, fast.after) == (30.0, 0)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_is_retried(status: int) -> None:
    assert {verdict.state for verdict in _verdicts(Answer(status))} == {"retry"}


def test_200_and_413_and_silence() -> None:
    assert _verdicts(said(200, {"code": 200}), 1) == [DELIVERED]
    assert _verdicts(Answer(413), 1)[0].split
    assert _verdicts(None, 1)[0].state == "retry"
