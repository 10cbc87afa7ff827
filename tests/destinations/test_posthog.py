"""PostHog: its own events, migrations apart, its limits, what its answers mean."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.destinations.samples import NOW, body, event, identify, made, page, said, sent
from track_middleware.destinations import DELIVERED, Answer, Verdict
from track_middleware.errors import SettingsError
from track_middleware.event import Event, iso

POSTHOG = made("posthog://KEY")


def one(given: Event, url: str = "posthog://KEY") -> Any:
    (call,) = sent(made(url), given)
    (only,) = body(call)["batch"]
    return only


def refusal(**given: Any) -> str:
    outbound = POSTHOG.calls([event(**given)], NOW)
    assert not outbound.calls
    (verdict,) = outbound.settled.values()
    assert verdict.state == "refused"
    return verdict.reason


def test_a_batch_is_posthogs_own() -> None:
    (call,) = sent(POSTHOG, event(1), event(2))
    assert call.url == "https://us.i.posthog.com/batch/"
    assert call.headers == {"content-type": "application/json"}
    whole = body(call)
    assert whole.keys() == {"api_key", "historical_migration", "batch"}
    assert (whole["api_key"], whole["historical_migration"]) == ("KEY", False)
    assert [each["uuid"] for each in whole["batch"]] == list(call.ids)


def test_the_eu_has_a_host_of_its_own() -> None:
    (call,) = sent(made("posthog://KEY?region=eu"), event())
    assert call.url == "https://eu.i.posthog.com/batch/"


def test_a_page_view_is_posthogs_own() -> None:
    view = one(page(name="Sale"))
    assert view["event"] == "$pageview"
    assert view["distinct_id"] == "42"
    assert view["timestamp"] == "2026-11-23T12:00:00.000Z"
    expected = {
        "$current_url": "https://shop.test/sale?utm_source=news",
        "$pathname": "/sale",
        "$host": "shop.test",
        "$referrer": "https://www.google.com/",
        "$referring_domain": "www.google.com",
        "title": "Sale",
        "page_name": "Sale",
        "$browser": "Firefox",
        "$os": "Windows",
        "$device_type": "Desktop",
        "$screen_width": 1920,
        "$viewport_height": 800,
        "$ip": "192.0.2.0",
        "$geoip_country_code": "DE",
        "utm_source": "news",
        "utm_campaign": "autumn",
        "gclid": "Abc",
    }
    assert expected.items() <= view["properties"].items()
    assert view["$set_once"] == {"$initial_utm_source": "ads"}


def test_a_screen_has_its_name() -> None:
    view = one(event(type="screen", event=None, name="Cart"))
    assert view["event"] == "$screen"
    assert view["properties"]["$screen_name"] == "Cart"


def test_a_session_is_a_uuid_of_version_7_from_its_start() -> None:
    session = one(event())["properties"]["$session_id"]
    assert UUID(session).version == 7
    assert UUID(session).int >> 80 == 1_795_435_140_000
    assert one(page())["properties"]["$session_id"] == session


def test_two_sessions_of_one_moment_are_two() -> None:
    def at(name: str) -> str:
        start = {"session": {"id": name, "start": "2026-11-23T11:59:00.000Z"}}
        return str(one(event(context=start))["properties"]["$session_id"])

    assert at("a") != at("b")


@pytest.mark.parametrize("session", [{"id": "s"}, {"id": "s", "start": "soon"}, {"start": "x"}])
def test_a_session_without_a_start_is_not_told(session: dict[str, str]) -> None:
    assert "$session_id" not in one(event(context={"session": session}))["properties"]


def test_somebody_anonymous_has_no_profile() -> None:
    view = one(page(user_id=None))
    assert view["distinct_id"] == "visitor-1"
    assert view["properties"]["$process_person_profile"] is False
    assert "$set_once" not in view
    assert "$process_person_profile" not in one(page())["properties"]


def test_without_an_address_nobody_lives_where_our_server_stands() -> None:
    library = {"name": "track-middleware", "version": "1.0"}
    assert one(event(context={"platform": "server", "library": library}))["properties"] == {
        "$geoip_disable": True,
        "$is_server": True,
        "$lib": "track-middleware",
        "$lib_version": "1.0",
        "platform": "server",
        "revenue": 39.5,
    }
    assert "$geoip_disable" not in one(event())["properties"]


def test_identify_joins_the_visitor_to_the_user() -> None:
    told = one(identify())
    assert (told["event"], told["distinct_id"]) == ("$identify", "42")
    assert told["properties"]["$anon_distinct_id"] == "visitor-1"
    assert told["$set"] == {"email": "Ann@Shop.test", "plan": "pro"}
    assert told["$set_once"] == {"$initial_utm_source": "ads"}


@pytest.mark.parametrize("visitor", [None, "42", "null", "'guest'"])
def test_identify_without_a_visitor_sets_the_traits(visitor: str | None) -> None:
    told = one(identify(anonymous_id=visitor))
    assert told["event"] == "$set"
    assert "$anon_distinct_id" not in told["properties"]
    assert told["$set"]["plan"] == "pro"


def test_identify_of_nothing_is_still_told() -> None:
    assert one(identify(anonymous_id=None, traits=None))["event"] == "$identify"


def test_a_group_is_told_with_its_type() -> None:
    group = event(type="group", group_id="acme", traits={"name": "Acme"}, properties=None)
    told = one(group, "posthog://KEY?group_type=company")
    expected = {"$group_type": "company", "$group_key": "acme", "$group_set": {"name": "Acme"}}
    assert told["event"] == "$groupidentify"
    assert expected.items() <= told["properties"].items()
    assert one(group)["properties"]["$group_type"] == "group"


def test_a_group_of_somebody_anonymous_is_not_dropped_for_want_of_a_profile() -> None:
    group = event(type="group", group_id="acme", user_id=None)
    assert "$process_person_profile" not in one(group)["properties"]


def test_an_event_says_which_group_it_belongs_to() -> None:
    told = one(event(context={"groupId": "acme"}))
    assert told["properties"]["$groups"] == {"group": "acme"}


def test_an_alias_is_said_of_the_former_id() -> None:
    told = one(event(type="alias", event=None, previous_id="old", properties=None))
    assert (told["event"], told["distinct_id"]) == ("$create_alias", "old")
    assert {"distinct_id": "old", "alias": "42"}.items() <= told["properties"].items()


def test_an_id_that_is_no_uuid_becomes_the_same_one_each_time() -> None:
    first, again = (one(event(message_id="order:1"))["uuid"] for _ in range(2))
    assert first == again == str(UUID(first))


def test_properties_of_an_event_cannot_take_the_place_of_its_ids() -> None:
    told = one(event(properties={"uuid": "x", "distinct_id": "other", "timestamp": "y"}))
    assert told["distinct_id"] == "42"
    assert told["uuid"] == event().message_id


@pytest.mark.parametrize(
    "name", ["$identify", "$create_alias", "$merge_dangerously", "$groupidentify", " $identify "]
)
def test_a_mere_event_joins_nobody_whatever_it_is_called(name: str) -> None:
    joining = {"$anon_distinct_id": "victim", "alias": "victim", "$group_key": "victim"}
    assert "order to PostHog" in refusal(event=name, properties=joining)


def test_events_of_two_days_ago_are_a_migration_of_their_own() -> None:
    old, young = iso(NOW - 48 * 3600), iso(NOW - 48 * 3600 + 1)
    times = [old, old, young, young, old]
    calls = sent(POSTHOG, *[event(n, timestamp=time) for n, time in enumerate(times)])
    assert [body(call)["historical_migration"] for call in calls] == [True, False, True]
    assert [len(call.ids) for call in calls] == [2, 2, 1]
    assert [each for call in calls for each in call.ids] == [
        event(n).message_id for n in range(len(times))
    ]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"user_id": None, "anonymous_id": None}, "neither a user id nor an anonymous id"),
        ({"event": ""}, "no name"),
        ({"timestamp": "soon"}, "no ISO 8601 time"),
        ({"timestamp": "2026-11-24T12:00:00Z"}, "23 hours ahead"),
        ({"user_id": "u" * 201}, "longer than 200 characters"),
        ({"properties": {"x": "y" * 921_600}}, "larger than 921600 bytes"),
        ({"type": "group"}, "no group id"),
        ({"type": "group", "group_id": "g" * 401}, "longer than 400 characters"),
        ({"type": "identify", "user_id": "None"}, "joins nobody with the id 'None'"),
        ({"type": "alias", "previous_id": "Anonymous"}, "joins nobody with the id 'Anonymous'"),
        ({"type": "alias"}, "joins nobody with the id ''"),
        ({"type": "alias", "previous_id": "p" * 201}, "longer than 200 characters"),
    ],
)
def test_what_posthog_would_drop_after_a_200_is_refused(given: dict[str, Any], why: str) -> None:
    assert why in refusal(**given)


def test_a_long_name_is_cut_and_counted() -> None:
    outbound = POSTHOG.calls([event(1, event="n" * 201), event(2)], NOW)
    (call,) = outbound.calls
    assert [len(each["event"]) for each in body(call)["batch"]] == [200, len("Order Completed")]
    assert outbound.cut == 1


def test_a_call_keeps_to_the_number_and_the_bytes_of_a_batch() -> None:
    small = [event(number, context=None) for number in range(1_001)]
    assert [len(call.ids) for call in sent(POSTHOG, *small)] == [1_000, 1]
    large = [event(number, properties={"x": "y" * 900_000}) for number in range(9)]
    calls = sent(POSTHOG, *large)
    assert [len(call.ids) for call in calls] == [5, 4]
    assert all(len(call.body) < 20_000_000 for call in calls)


OVER_QUOTA = Verdict("retry", "the project's quota of events is used up", pause=True)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (said(200, {"status": "Ok"}), DELIVERED),
        (said(200, {"status": 1}), DELIVERED),
        (Answer(200, {}, b"garbage"), DELIVERED),
        (said(200, {"status": "Ok", "quota_limited": ["recordings"]}), DELIVERED),
        (said(200, {"status": "Ok", "quota_limited": ["events"]}), OVER_QUOTA),
        (None, Verdict("retry", "no answer")),
        (Answer(400, {}, b"bad"), Verdict("retry", "HTTP 400: bad", split=True)),
        (Answer(401, {}, b"KEY?"), Verdict("retry", "HTTP 401: …?", pause=True)),
        (Answer(408), Verdict("retry", "HTTP 408")),
        (Answer(413), Verdict("retry", "HTTP 413", split=True)),
        (Answer(429, {"retry-after": "5"}), Verdict("retry", "HTTP 429", after=5.0)),
        (Answer(503), Verdict("retry", "HTTP 503")),
    ],
)
def test_an_answer_means_what_posthog_means(answer: Answer | None, verdict: Verdict) -> None:
    (call,) = sent(POSTHOG, event(1), event(2))
    assert list(POSTHOG.judge(call, answer)) == [verdict, verdict]


def test_an_empty_type_of_group_is_told() -> None:
    with pytest.raises(SettingsError, match="empty group_type"):
        made("posthog://KEY?group_type=")
