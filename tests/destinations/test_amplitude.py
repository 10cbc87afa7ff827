"""Amplitude: the shape of events, the verdicts of answers."""

from __future__ import annotations

import pytest

from tests.destinations.samples import TIME, body, event, identify, made, page, said, sent
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
    assert one["user_properties"] == {"$set": {"email": "Ann@Shop.test", "plan": "pro"}}
    assert (one["user_id"], one["device_id"]) == ("42", "visitor-1")


def test_a_group_is_joined_and_described_under_two_ids() -> None:
    (call,) = sent(HERE, identify(type="group", group_id="acme"))
    member, about = body(call)["events"]
    assert member["groups"] == about["groups"] == {"group": "acme"}
    assert about["event_type"] == "$groupidentify"
    assert member["insert_id"] != about["insert_id"]
    assert call.ids == (event().message_id,) * 2


def test_the_same_event_is_the_same_bytes_on_every_attempt() -> None:
    first = HERE.calls([page(), event(2)], 1.0).calls
    again = HERE.calls([page(), event(2)], 9e9).calls
    assert first == again


def test_long_strings_are_cut_and_counted() -> None:
    outbound = HERE.calls([event(properties={"note": "x" * 5_000})], 0.0)
    (one,) = body(outbound.calls[0])["events"]
    assert one["event_properties"]["note"] == "x" * 1_024
    assert outbound.cut == 1


def test_ids_that_amplitude_refuses_are_left_out() -> None:
    (call,) = sent(HERE, event(user_id="None"))
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
