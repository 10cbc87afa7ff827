"""Mixpanel: /import with a service account, /track with the token, profiles; their verdicts."""

from __future__ import annotations

import pytest

from tests.destinations.samples import NOW, TIME, body, event, identify, made, page, said, sent
from track_middleware.destinations import DELIVERED, Answer, Verdict

TRACK = made("mixpanel://TOKEN")
IMPORT = made("mixpanel://user:s3cret@123?token=TOKEN&region=eu")


def test_a_page_view_is_mixpanels_own() -> None:
    (call,) = sent(TRACK, page())
    assert call.url == "https://api.mixpanel.com/track?verbose=1&ip=0"
    (one,) = body(call)
    assert one["event"] == "$mp_web_page_view"
    expected = {
        "token": "TOKEN",
        "time": TIME,
        "distinct_id": "42",
        "$user_id": "42",
        "$device_id": "visitor-1",
        "$insert_id": "00000000-0000-4000-8000-000000000001",
        "$current_url": "https://shop.test/sale?utm_source=news",
        "$referrer": "https://www.google.com/",
        "$referring_domain": "www.google.com",
        "current_page_title": "Sale",
        "current_domain": "shop.test",
        "current_url_path": "/sale",
        "current_url_protocol": "https",
        "current_url_search": "utm_source=news",
        "$browser": "Firefox",
        "$browser_version": "153",
        "$os": "Windows",
        "$screen_width": 1920,
        "utm_source": "news",
        "utm_campaign": "autumn",
        "gclid": "Abc",
        "initial_utm_source": "ads",
        "session_id": "s-1",
    }
    assert expected.items() <= one["properties"].items()


def test_a_service_account_imports_strictly_in_its_region() -> None:
    (call,) = sent(IMPORT, event())
    assert call.url == "https://api-eu.mixpanel.com/import?strict=1&project_id=123"
    assert call.headers["authorization"] == "Basic dXNlcjpzM2NyZXQ="
    assert "token" not in body(call)[0]["properties"]


def test_somebody_anonymous_is_a_device() -> None:
    (call,) = sent(TRACK, event(user_id=None))
    properties = body(call)[0]["properties"]
    assert properties["distinct_id"] == "$device:visitor-1"
    assert "$user_id" not in properties


def test_identify_sets_the_profile_and_never_our_servers_place() -> None:
    (call,) = sent(IMPORT, identify(context=None))
    assert call.url == "https://api-eu.mixpanel.com/engage?verbose=1"
    assert body(call) == [
        {
            "$token": "TOKEN",
            "$distinct_id": "42",
            "$ip": "0",
            "$time": TIME // 1000,
            "$set": {"$email": "Ann@Shop.test", "plan": "pro"},
        }
    ]


def test_properties_of_an_event_cannot_take_the_place_of_its_ids() -> None:
    given = {"$insert_id": "x", "distinct_id": "other", "time": 1, "token": "other"}
    (call,) = sent(TRACK, event(properties=given))
    properties = body(call)[0]["properties"]
    assert (properties["distinct_id"], properties["time"]) == ("42", TIME)
    assert (properties["$insert_id"], properties["token"]) == (event().message_id, "TOKEN")


def test_an_insert_id_has_at_most_36_letters_and_digits() -> None:
    long = event(message_id="order:" + "9" * 60)
    first, again = sent(TRACK, long)[0].body, sent(TRACK, long)[0].body
    assert first == again
    assert len(body(sent(TRACK, long)[0])[0]["properties"]["$insert_id"]) == 36


def test_too_many_properties_are_cut_and_counted() -> None:
    outbound = TRACK.calls([event(properties={f"p{at}": at for at in range(400)})], NOW)
    properties = body(outbound.calls[0])[0]["properties"]
    assert len(properties) == 254
    assert properties["token"] == "TOKEN"
    assert outbound.cut == 1


@pytest.mark.parametrize(
    ("url", "time", "why"),
    [
        ("mixpanel://TOKEN", "2026-11-17T12:00:00Z", "older than 5 days"),
        ("mixpanel://TOKEN", "2026-11-23T14:00:00Z", "ahead"),
        ("mixpanel://user:s3cret@123?token=T", "1970-06-01T00:00:00Z", "1971"),
    ],
)
def test_untimely_events_are_refused_without_a_call(url: str, time: str, why: str) -> None:
    outbound = made(url).calls([event(timestamp=time)], NOW)
    assert not outbound.calls
    assert why in next(iter(outbound.settled.values())).reason


def test_an_import_takes_any_age() -> None:
    assert len(sent(IMPORT, event(timestamp="2019-01-01T00:00:00Z"))) == 1


def test_a_strict_400_has_taken_all_but_the_failed_records() -> None:
    (call,) = sent(IMPORT, event(1), event(2), event(3))
    failed = [{"index": 1, "insert_id": "x", "field": "properties.time", "message": "is invalid"}]
    answer = said(400, {"failed_records": failed, "num_records_imported": 2})
    assert list(IMPORT.judge(call, answer)) == [
        DELIVERED,
        Verdict("refused", "properties.time: is invalid"),
        DELIVERED,
    ]


@pytest.mark.parametrize(
    "answer",
    [
        said(400, {"failed_records": [{"index": 0}], "num_records_imported": 1}),
        said(400, {"failed_records": [{"index": 7}]}),
        said(400, {"failed_records": []}),
        Answer(400, {}, b'{"failed_records":[{"ind'),
    ],
)
def test_a_400_that_does_not_account_for_every_event_is_split(answer: Answer) -> None:
    (call,) = sent(IMPORT, event(1), event(2), event(3))
    assert all(verdict.split for verdict in IMPORT.judge(call, answer))


@pytest.mark.parametrize(
    "answer", [said(200, {"status": 0, "error": "bad"}), Answer(200, {}, b"0")]
)
def test_a_200_with_status_0_is_a_refusal(answer: Answer) -> None:
    (call,) = sent(TRACK, event())
    (verdict,) = TRACK.judge(call, answer)
    assert verdict.split


@pytest.mark.parametrize("answer", [said(200, {"status": 1}), Answer(200, {}, b"1")])
def test_a_200_with_status_1_is_delivered(answer: Answer) -> None:
    (call,) = sent(TRACK, event())
    assert list(TRACK.judge(call, answer)) == [DELIVERED]


def test_a_refused_account_pauses_without_telling_its_secret() -> None:
    (call,) = sent(IMPORT, event())
    (verdict,) = IMPORT.judge(call, Answer(401, {}, b"user:s3cret is unknown"))
    assert verdict.pause
    assert "s3cret" not in verdict.reason
