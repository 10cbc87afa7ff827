"""Mixpanel: /import with a service account, /track with the token, profiles; their verdicts."""

from __future__ import annotations

import pytest

from tests.destinations.samples import NOW, TIME, body, event, identify, made, page, said, sent
from track_middleware.destinations import DELIVERED, Answer, Destination, Verdict
from track_middleware.errors import SettingsError

TOKEN = made("mixpanel://TOKEN")
TRACK = made("mixpanel://TOKEN?api=track")
IMPORT = made("mixpanel://user:s3cret@123?token=TOKEN&region=eu")
ORIGINAL = made("mixpanel://TOKEN?identity=original")
ORIGINAL_TRACK = made("mixpanel://TOKEN?identity=original&api=track")
UUID4 = "1f0e7a52-6f8a-4c39-9d5e-0a3c5f7f1b11"


def test_a_page_view_is_mixpanels_own() -> None:
    (call,) = sent(TOKEN, page())
    assert call.url == "https://api.mixpanel.com/import?strict=1"
    assert call.headers["authorization"] == "Basic VE9LRU46"  # TOKEN and no password
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


def test_track_is_for_those_who_ask_for_it_and_takes_no_account() -> None:
    (call,) = sent(TRACK, event())
    assert call.url == "https://api.mixpanel.com/track?verbose=1&ip=0"
    assert "authorization" not in call.headers
    with pytest.raises(SettingsError, match="which /track does not take"):
        made("mixpanel://user:s3cret@123?token=TOKEN&api=track")


@pytest.mark.parametrize("option", ["api=trac", "identity=newest"])
def test_an_option_that_is_none_of_its_words_is_told(option: str) -> None:
    with pytest.raises(SettingsError, match=r"did you mean|there are"):
        made(f"mixpanel://TOKEN?{option}")


def test_somebody_anonymous_is_a_device() -> None:
    (call,) = sent(TRACK, event(user_id=None))
    properties = body(call)[0]["properties"]
    assert properties["distinct_id"] == "$device:visitor-1"
    assert "$user_id" not in properties


def test_identify_sets_the_profile_and_never_our_servers_place() -> None:
    (call,) = sent(IMPORT, identify(context=None))
    assert call.url == "https://api-eu.mixpanel.com/engage?strict=1&verbose=1&ip=0"
    assert body(call) == [
        {
            "$token": "TOKEN",
            "$distinct_id": "42",
            "$time": TIME // 1000,
            "$set": {"$email": "Ann@Shop.test", "plan": "pro"},
        }
    ]
    assert call.repeatable


def test_an_imported_event_never_gets_our_servers_place() -> None:
    (call,) = sent(IMPORT, event(context=None))
    assert body(call)[0]["properties"]["ip"] == 0


def test_identify_sets_the_first_touch_once() -> None:
    (call,) = sent(TOKEN, identify())
    always, once = body(call)
    assert always["$set"] == {"$email": "Ann@Shop.test", "plan": "pro"}
    assert once["$set_once"] == {"initial_utm_source": "ads"}
    assert always["$ip"] == once["$ip"] == "192.0.2.0"
    assert call.ids == (event().message_id,) * 2


def test_identify_without_traits_or_touch_has_nothing_to_tell() -> None:
    outbound = TOKEN.calls([identify(traits=None, context=None)], NOW)
    assert not outbound.calls
    assert list(outbound.settled.values()) == [DELIVERED]


def test_a_group_is_joined_and_described() -> None:
    joined, described = sent(TOKEN, identify(type="group", group_id="acme", context=None))
    assert body(joined) == [
        {
            "$token": "TOKEN",
            "$time": TIME // 1000,
            "$distinct_id": "42",
            "$union": {"$group_id": ["acme"]},
        }
    ]
    assert described.url == "https://api.mixpanel.com/groups?verbose=1"
    assert body(described) == [
        {
            "$token": "TOKEN",
            "$time": TIME // 1000,
            "$group_key": "$group_id",
            "$group_id": "acme",
            "$set": {"email": "Ann@Shop.test", "plan": "pro"},
        }
    ]


def test_the_group_key_is_the_projects_own() -> None:
    here = made("mixpanel://TOKEN?group_type=company")
    joined, described = sent(here, identify(type="group", group_id="acme"))
    assert body(joined)[0]["$union"] == {"company": ["acme"]}
    assert body(described)[0]["$group_key"] == "company"
    (tracked,) = sent(here, event(context={"groupId": "acme"}))
    assert body(tracked)[0]["properties"]["company"] == "acme"


def test_an_event_of_nobody_has_an_empty_id_and_a_profile_of_nobody_is_refused() -> None:
    (call,) = sent(TOKEN, event(user_id="null", anonymous_id=None))
    properties = body(call)[0]["properties"]
    assert properties["distinct_id"] == ""
    assert "$user_id" not in properties
    outbound = TOKEN.calls([identify(user_id="null", anonymous_id=None)], NOW)
    assert "neither a user id" in outbound.settled[event().message_id].reason


def test_the_simplified_merge_needs_no_alias() -> None:
    outbound = TOKEN.calls([identify(type="alias", previous_id="old")], NOW)
    assert not outbound.calls
    assert list(outbound.settled.values()) == [DELIVERED]


def test_the_original_merge_knows_people_by_their_plain_ids() -> None:
    (call,) = sent(ORIGINAL, event(1), event(2, user_id=None))
    both = [each["properties"] for each in body(call)]
    assert [each["distinct_id"] for each in both] == ["42", "visitor-1"]
    assert not any("$device_id" in each or "$user_id" in each for each in both)


def test_the_original_merge_is_told_who_signed_in() -> None:
    events, profile = sent(ORIGINAL, identify(anonymous_id=UUID4, context=None))
    (one,) = body(events)
    assert one["event"] == "$identify"
    assert one["properties"] == {
        "$identified_id": "42",
        "$anon_id": UUID4,
        "token": "TOKEN",
        "distinct_id": "42",
        "time": TIME,
        "$insert_id": event().message_id,
    }
    assert body(profile)[0]["$distinct_id"] == "42"


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({"type": "identify"}, ["42", "visitor-1"]),  # no UUIDv4
        ({"type": "alias", "previous_id": "old"}, ["42", "old"]),
    ],
)
def test_any_two_ids_are_merged_on_the_import(given: dict[str, object], ids: list[str]) -> None:
    (call,) = sent(ORIGINAL, identify(**given, traits=None, context=None))
    (one,) = body(call)
    assert one["event"] == "$merge"
    assert one["properties"]["$distinct_ids"] == ids


def test_track_has_an_alias_instead_of_a_merge() -> None:
    (call,) = sent(ORIGINAL_TRACK, identify(type="alias", previous_id="old"))
    assert body(call) == [
        {
            "event": "$create_alias",
            "properties": {"distinct_id": "old", "alias": "42", "token": "TOKEN"},
        }
    ]


@pytest.mark.parametrize("given", [{"user_id": None}, {"anonymous_id": None}, {"user_id": UUID4}])
def test_one_id_is_nothing_to_merge(given: dict[str, object]) -> None:
    outbound = ORIGINAL.calls(
        [identify(**{"anonymous_id": UUID4, **given}, traits=None, context=None)], NOW
    )
    assert not outbound.calls


def test_records_of_one_visitor_are_sent_in_their_order() -> None:
    calls = sent(TOKEN, event(1), identify(), event(3), event(4, anonymous_id="v2", user_id=None))
    assert [call.url.partition("?")[0].rpartition("/")[2] for call in calls] == [
        "import",
        "engage",
        "import",
    ]
    assert calls[2].ids == (event(3).message_id, event(4).message_id)


def test_properties_of_an_event_cannot_take_the_place_of_its_ids() -> None:
    given = {"$insert_id": "x", "distinct_id": "other", "time": 1, "token": "other"}
    (call,) = sent(TRACK, event(properties=given))
    properties = body(call)[0]["properties"]
    assert (properties["distinct_id"], properties["time"]) == ("42", TIME)
    assert (properties["$insert_id"], properties["token"]) == (event().message_id, "TOKEN")


@pytest.mark.parametrize("url", ["mixpanel://KEY", "mixpanel://KEY?identity=original"])
@pytest.mark.parametrize("name", ["$identify", "$create_alias", "$merge", "$merge "])
def test_a_mere_event_joins_nobody_whatever_it_is_called(url: str, name: str) -> None:
    joining = {"$distinct_ids": ["me", "victim"], "alias": "victim", "$anon_id": "victim"}
    outbound = made(url).calls([event(event=name, properties=joining)], NOW)
    assert not outbound.calls
    (verdict,) = outbound.settled.values()
    assert (verdict.state, "order to Mixpanel" in verdict.reason) == ("refused", True)


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
        ("mixpanel://TOKEN?api=track", "2026-11-17T12:00:00Z", "older than 5 days"),
        ("mixpanel://TOKEN", "2026-11-23T14:00:00Z", "ahead"),
        ("mixpanel://user:s3cret@123?token=T", "1970-06-01T00:00:00Z", "1971"),
    ],
)
def test_untimely_events_are_refused_without_a_call(url: str, time: str, why: str) -> None:
    outbound = made(url).calls([event(timestamp=time)], NOW)
    assert not outbound.calls
    assert why in next(iter(outbound.settled.values())).reason


@pytest.mark.parametrize("here", [IMPORT, TOKEN])
def test_an_import_takes_any_age(here: Destination) -> None:
    assert len(sent(here, event(timestamp="2019-01-01T00:00:00Z"))) == 1


def test_a_merge_is_as_timely_as_any_event_on_the_import() -> None:
    merge = identify(type="alias", previous_id="old", timestamp="2026-11-23T14:00:00Z")
    assert "ahead" in ORIGINAL.calls([merge], NOW).settled[merge.message_id].reason


def test_strings_lists_and_depth_are_cut_to_the_vendors_limits_and_counted() -> None:
    given = {
        "note": "x" * 300,
        "many": list(range(300)),
        "deep": {"one": {"two": {"three": {"four": 4}}}},
    }
    outbound = TOKEN.calls([event(properties=given, context=None)], NOW)
    properties = body(outbound.calls[0])[0]["properties"]
    assert properties["note"] == "x" * 255
    assert len(properties["many"]) == 254
    assert properties["deep"] == {"one": {"two": {"three": '{"four":4}'}}}
    assert outbound.cut == 3


def test_a_strict_400_has_taken_all_but_the_failed_records() -> None:
    (call,) = sent(IMPORT, event(1), event(2), event(3))
    failed = [{"index": 1, "insert_id": "x", "field": "properties.time", "message": "is invalid"}]
    answer = said(400, {"failed_records": failed, "num_records_imported": 2})
    assert list(IMPORT.judge(call, answer)) == [
        DELIVERED,
        Verdict("refused", "properties.time: is invalid"),
        DELIVERED,
    ]


def test_a_reason_is_one_line_whatever_a_record_s_message_holds() -> None:
    (call,) = sent(IMPORT, event(1))
    failed = [{"index": 0, "field": "a\x1b[2J", "message": "is\r\ninvalid\u202e"}]
    (verdict,) = IMPORT.judge(call, said(400, {"failed_records": failed}))
    assert verdict.reason == "a [2J: is invalid"


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


def test_an_import_that_counts_nothing_has_taken_the_good_ones_all_the_same() -> None:
    (call,) = sent(IMPORT, event(1), event(2))
    failed = [{"index": 0, "field": "properties.time", "message": "is invalid"}]
    refused, taken = IMPORT.judge(call, said(400, {"failed_records": failed}))
    assert refused.state == "refused"
    assert taken == DELIVERED


def test_a_profile_that_is_refused_by_its_index_leaves_the_others_to_be_sent_again() -> None:
    (call,) = sent(TOKEN, identify(), identify(message_id=event(2).message_id))
    failed = [{"index": 1, "field": "$set_once", "message": "is invalid"}]
    first, same, *others = TOKEN.judge(call, said(400, {"failed_records": failed}))
    assert first == same == Verdict("refused", "$set_once: is invalid")
    assert {each.after for each in others} == {0}


def test_a_profile_call_that_counts_what_it_took_is_believed() -> None:
    (call,) = sent(TOKEN, identify(), identify(message_id=event(2).message_id))
    failed = [{"index": 0, "message": "is invalid"}]
    answer = said(400, {"failed_records": failed, "num_records_imported": 3})
    assert list(TOKEN.judge(call, answer))[2:] == [DELIVERED] * 2


def test_a_rate_limit_without_retry_after_is_left_to_the_worker() -> None:
    (call,) = sent(TOKEN, event())
    (verdict,) = TOKEN.judge(call, said(429, {"error": "Project exceeded rate limits."}))
    assert (verdict.state, verdict.after, verdict.split) == ("retry", None, False)
    (verdict,) = TOKEN.judge(call, Answer(429, {"retry-after": "9"}))
    assert verdict.after == 9.0


def test_a_property_that_sounds_like_the_token_does_not_pause() -> None:
    (call,) = sent(TRACK, event())
    (verdict,) = TRACK.judge(call, said(200, {"status": 0, "error": "csrf_token is invalid"}))
    assert verdict.split


def test_a_token_that_is_refused_by_record_pauses() -> None:
    (call,) = sent(TOKEN, identify(), identify(message_id=event(2).message_id))
    failed = [{"index": at, "field": "$token", "message": "TOKEN is invalid"} for at in range(4)]
    verdicts = TOKEN.judge(call, said(400, {"failed_records": failed}))
    assert all(each.pause for each in verdicts)
    assert "TOKEN" not in verdicts[0].reason


def test_a_wrong_token_pauses() -> None:
    (call,) = sent(TRACK, event())
    (verdict,) = TRACK.judge(call, said(200, {"status": 0, "error": "token, missing or empty"}))
    assert verdict.pause


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
