"""GA4: names, parameters and items within its limits, one client a request, never repeated."""

from __future__ import annotations

import logging
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
from track_middleware.destinations import DELIVERED, Answer
from track_middleware.destinations.ga4 import VOCABULARY
from track_middleware.errors import SettingsError
from track_middleware.event import Event

HERE = made("ga4://G-ABC123:s3cret")
GA = {"clientId": "111.222", "sessionId": "1795435140", "sessionNumber": 3, "stream": "G-ABC123"}
PAGE: dict[str, Any] = {"type": "page", "event": None, "properties": None}
SHOE = {"product_id": "P-1", "name": "Shoe", "category": "Wear/Shoes", "price": 20, "quantity": 2}


def params(*events: Event) -> dict[str, Any]:
    """The parameters of the last event."""
    told: dict[str, Any] = body(sent(HERE, *events)[-1])["events"][-1]["params"]
    return told


def name_of(label: str) -> str:
    (one,) = body(sent(HERE, event(event=label))[0])["events"]
    return str(one["name"])


def test_a_page_view_goes_to_its_stream_with_session_place_and_device() -> None:
    (call,) = sent(HERE, page(context={**CONTEXT, "ga": GA, "consent": {"marketing": "denied"}}))
    assert call.url == (
        "https://www.google-analytics.com/mp/collect?measurement_id=G-ABC123&api_secret=s3cret"
    )
    assert body(call) == {
        "client_id": "111.222",
        "user_id": "42",
        "consent": {"ad_user_data": "DENIED", "ad_personalization": "DENIED"},
        "device": {
            "category": "desktop", "language": "de-DE", "operating_system": "Windows",
            "operating_system_version": "11", "browser": "Firefox", "browser_version": "153",
            "screen_resolution": "1920x1080",
        },
        "ip_override": "192.0.2.0",
        "events": [
            {
                "name": "page_view",
                "params": {
                    "event_id": "00000000-0000-4000-8000-000000000001",
                    "session_id": "1795435140",
                    "engagement_time_msec": 1,
                    "page_location": "https://shop.test/sale?utm_source=news",
                    "page_title": "Sale",
                    "page_referrer": "https://www.google.com/",
                },
                "timestamp_micros": TIME * 1000,
            }
        ],
    }  # fmt: skip


def test_the_eu_has_an_endpoint_of_its_own() -> None:
    (call,) = sent(made("ga4://G-A:s?region=eu"), event())
    assert call.url.startswith("https://region1.google-analytics.com/mp/collect?")


def test_no_call_may_be_repeated() -> None:
    calls = sent(HERE, event(), page(anonymous_id="visitor-2"))
    assert [call.repeatable for call in calls] == [False, False]


def test_without_their_cookies_a_visitor_always_has_the_same_numbers() -> None:
    first, again = (body(sent(HERE, event(number))[0]) for number in (1, 2))
    one, _, two = first["client_id"].partition(".")
    assert int(one) > 0
    assert int(two) > 0
    assert again["client_id"] == first["client_id"]
    other = body(sent(HERE, event(anonymous_id="visitor-2"))[0])
    assert other["client_id"] != first["client_id"]


def test_a_visitor_that_googles_script_made_keeps_its_client() -> None:
    (call,) = sent(HERE, page(anonymous_id="1234567890.1700000000"))
    assert body(call)["client_id"] == "1234567890.1700000000"


@pytest.mark.parametrize(
    "ga",
    [
        {"clientId": "GA1.1.1.2"}, {"clientId": "1.x"}, {"clientId": {"a": 1}}, "text",
        {"clientId": "1.2", "sessionId": "-1"}, {"clientId": "1.2", "sessionId": "9" * 40},
        {"clientId": "1.2", "sessionId": "5", "stream": "G-OTHER"},
    ],
)  # fmt: skip
def test_ids_that_are_none_are_replaced_by_our_own(ga: Any) -> None:
    (call,) = sent(HERE, event(context={**CONTEXT, "ga": ga}))
    whole = body(call)
    assert all(part.isdigit() for part in whole["client_id"].split("."))
    assert whole["events"][0]["params"]["session_id"] == str(TIME // 1000 - 60)


def test_an_event_outside_a_session_has_none() -> None:
    told = params(event(context=None, anonymous_id=None))
    assert told == {"event_id": "00000000-0000-4000-8000-000000000001", "value": 39.5}


def test_each_request_is_one_clients_and_holds_25_events_in_order() -> None:
    events = [event(number, anonymous_id=f"v{number % 2}") for number in range(60)]
    calls = sent(HERE, *events)
    assert [len(body(call)["events"]) for call in calls] == [25, 5, 25, 5]
    assert len({body(call)["client_id"] for call in calls}) == 2
    for visitor in (0, 1):
        mine = [each for call in calls for each in call.ids if int(each[-12:]) % 2 == visitor]
        assert mine == sorted(mine)


def test_what_a_request_says_of_its_user_holds_for_all_its_events() -> None:
    calls = sent(HERE, event(1, user_id=None), event(2), event(3))
    assert [[int(each[-12:]) for each in call.ids] for call in calls] == [[1], [2, 3]]
    assert "user_id" not in body(calls[0])


def test_a_visitors_order_is_kept_when_their_cookie_comes_and_goes() -> None:
    with_cookie = {**CONTEXT, "ga": GA}
    calls = sent(HERE, event(1), event(2, context=with_cookie), event(3))
    assert [int(each[-12:]) for call in calls for each in call.ids] == [1, 2, 3]


def test_a_call_is_smaller_than_130_kb() -> None:
    items = [{"product_id": str(n), "name": "x" * 100, "brand": "y" * 100} for n in range(200)]
    calls = sent(HERE, *[event(n, properties={"order_id": n, "products": items}) for n in range(6)])
    assert len(calls) > 1
    assert all(len(call.body) < 130_000 for call in calls)


def test_an_event_larger_than_a_call_is_refused() -> None:
    more = {f"k{number}": "v" * 100 for number in range(10)}
    items = [{"product_id": str(n), **more} for n in range(200)]
    outbound = HERE.calls([event(properties={"products": items})], NOW)
    assert not outbound.calls
    assert "130 kB" in outbound.settled[event().message_id].reason


@pytest.mark.parametrize(
    ("time", "taken"),
    [
        ("2026-11-20T12:00:06.000Z", True),
        ("2026-11-20T12:00:04.000Z", False),
        ("2026-11-23T13:00:00.000Z", True),
        ("yesterday", False),
    ],
)
def test_72_hours_back_and_no_moment_ahead(time: str, taken: bool) -> None:
    outbound = HERE.calls([event(timestamp=time)], NOW)
    assert len(outbound.calls) == taken
    if taken:
        (one,) = body(outbound.calls[0])["events"]
        assert NOW - 72 * 3600 <= one["timestamp_micros"] / 1e6 <= NOW
    else:
        assert outbound.settled[event().message_id].state == "refused"


def test_a_purchase_has_its_transaction_value_and_items() -> None:
    order = {"order_id": "O-1", "revenue": "40.00", "currency": "eur", "tax": 6, "shipping": 4.5,
             "coupon": "SALE", "products": [{**SHOE, "color": "red"}], "gift": True}  # fmt: skip
    told = params(event(properties=order))
    assert told["transaction_id"] == "O-1"
    assert (told["value"], told["currency"]) == (40, "EUR")
    assert (told["tax"], told["shipping"], told["coupon"], told["gift"]) == (6, 4.5, "SALE", "true")
    assert told["items"] == [
        {
            "item_id": "P-1", "item_name": "Shoe", "item_category": "Wear", "price": 20,
            "item_category2": "Shoes", "quantity": 2, "color": "red",
        }
    ]  # fmt: skip
    assert "products" not in told


def test_an_event_about_one_product_has_it_as_its_item() -> None:
    told = params(event(event="Product Added", properties={**SHOE, "currency": "EUR", "size": 42}))
    assert (told["value"], told["currency"]) == (40, "EUR")
    assert told["items"][0]["item_id"] == "P-1"
    assert told["items"][0]["size"] == 42
    assert not {"product_id", "price", "size"} & told.keys()


def test_a_currency_that_an_event_does_not_name_may_stand_in_the_url() -> None:
    (call,) = sent(made("ga4://G-A:s?currency=chf"), event(properties={"revenue": 5}))
    assert body(call)["events"][0]["params"]["currency"] == "CHF"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Order Refunded", "refund"),
        ("Checkout Started", "begin_checkout"),
        ("Newsletter  Sign-Up!", "newsletter_sign_up"),
        ("Bestellung geprüft", "bestellung_gepruft"),
        ("Error", "custom_error"),
        ("session_start", "custom_session_start"),
        ("Google Pay Chosen", "custom_google_pay_chosen"),
        ("3D Viewed", "custom_3d_viewed"),
        ("x" * 60, "x" * 40),
    ],
)
def test_a_name_is_ga4s_or_ours_in_snake_case(label: str, name: str) -> None:
    assert name_of(label) == name


def test_a_name_without_a_latin_letter_keeps_it_as_a_parameter() -> None:
    (one,) = body(sent(HERE, event(event="购买"))[0])["events"]
    assert one["name"].startswith("event_")
    assert one["params"]["original_name"] == "购买"


def test_names_and_values_of_parameters_are_within_the_limits() -> None:
    given = {
        "_private": 1, "ga_x": 2, "9 lives": 3, "n" * 60: "v" * 200, "list": [1, 2],
        "nan": float("nan"), "session_id": "mine", "€": 5, "none": None,
    }  # fmt: skip
    outbound = HERE.calls([event(event="Thing", properties=given)], NOW)
    told = body(outbound.calls[0])["events"][0]["params"]
    assert (told["private"], told["x_ga_x"], told["x_9_lives"]) == (1, 2, 3)
    assert told["n" * 40] == "v" * 100
    assert told["list"] == "[1,2]"
    assert told["session_id"] == str(TIME // 1000 - 60)
    assert not {"nan", "none", "€"} & told.keys()
    assert outbound.cut == 4  # a name, its value, a name that is taken, a name without letters


def test_25_parameters_are_kept_the_vendors_own_first() -> None:
    outbound = HERE.calls([event(properties={f"p{n}": n for n in range(40)})], NOW)
    told = body(outbound.calls[0])["events"][0]["params"]
    assert len(told) == 25
    assert "page_location" in told
    assert outbound.cut == 1


def test_the_long_values_of_a_page_may_be_longer() -> None:
    url = "https://shop.test/" + "p" * 2_000
    told = params(page(context={"page": {"url": url, "title": "t" * 400, "referrer": url}}))
    assert {key: len(told[f"page_{key}"]) for key in ("location", "title", "referrer")} == {
        "location": 1_000, "title": 300, "referrer": 420,
    }  # fmt: skip


def test_identify_sets_user_properties_and_names_nobody() -> None:
    traits = {
        "email": "Ann@Shop.test", "First Name": "Ann", "plan": "pro" * 20, "vip": True,
        "contact": "a@b.example", "user_id": "7", "lifetime_value": 12.5,
        "a_rather_long_name_of_a_trait": 1,
    }  # fmt: skip
    outbound = HERE.calls([identify(traits=traits)], NOW)
    whole = body(outbound.calls[0])
    assert whole["user_properties"] == {
        "plan": {"value": ("pro" * 20)[:36]},
        "x_user_id": {"value": "7"},
        "lifetime_value": {"value": 12.5},
        "vip": {"value": "true"},
        "a_rather_long_name_of_a_": {"value": 1},
    }
    assert whole["events"][0]["name"] == "identify"
    assert b"Ann" not in outbound.calls[0].body
    assert outbound.cut == 5


def test_a_mail_address_is_no_user_id_there() -> None:
    whole = body(sent(HERE, event(user_id="ann@shop.test"))[0])
    assert "@" not in whole["user_id"]


def test_the_time_engaged_comes_when_a_page_is_left() -> None:
    left = event(event="Page Left", properties={"engagedMs": 12_345.6, "scrollDepth": 80})
    told = params(left)
    assert (told["engagement_time_msec"], told["percent_scrolled"]) == (12_345, 80)


def test_the_campaign_of_an_arrival_is_told_where_no_cookie_says_that_ga4_has_read_it() -> None:
    (call,) = sent(HERE, page())
    campaign, view = body(call)["events"]
    assert (campaign["name"], view["name"]) == ("campaign_details", "page_view")
    assert campaign["params"]["source"] == "news"
    assert campaign["params"]["campaign"] == "autumn"
    assert len({each["params"]["event_id"] for each in (campaign, view)}) == 2
    assert call.ids == (page().message_id,) * 2
    (call,) = sent(HERE, page(context={**CONTEXT, "ga": GA}))
    assert [each["name"] for each in body(call)["events"]] == ["page_view"]


def test_a_view_and_its_campaign_are_never_two_calls_of_which_one_may_fail() -> None:
    views = [event(n, **PAGE) for n in range(1, 31)]
    calls = sent(HERE, event(99), *views)
    assert max(len(call.ids) for call in calls) <= 25
    assert sum(len(set(call.ids)) for call in calls) == 31, "no id is in two of them"


def test_an_alias_says_nothing_to_ga4() -> None:
    alias = event(type="alias", event=None, previous_id="visitor-0")
    assert HERE.calls([alias], NOW).settled == {alias.message_id: DELIVERED}


def test_a_group_is_joined() -> None:
    (one,) = body(sent(HERE, event(type="group", event=None, group_id="g-1"))[0])["events"]
    assert (one["name"], one["params"]["group_id"]) == ("join_group", "g-1")


def test_every_name_of_the_vocabulary_is_what_is_sent() -> None:
    for label in set(VOCABULARY) - {"page", "screen", "identify", "group", "alias"}:
        assert name_of(label) == VOCABULARY[label]


def test_somebody_without_any_id_is_refused() -> None:
    outbound = HERE.calls([event(user_id=None, anonymous_id=None)], NOW)
    assert outbound.settled[event().message_id].state == "refused"


@pytest.mark.parametrize("status", [200, 204])
def test_any_2xx_is_delivered(status: int) -> None:
    (call,) = sent(HERE, event())
    assert list(HERE.judge(call, Answer(status))) == [DELIVERED]


def test_a_secret_that_is_said_back_is_not_told() -> None:
    here = made("ga4://G-ABC123:hu%2Fsh")
    (call,) = sent(here, event())
    for told in (said(403, "hu/sh"), said(403, "?api_secret=hu%2Fsh")):
        (verdict,) = here.judge(call, told)
        assert verdict.pause
        assert "hu" not in verdict.reason


def test_the_secret_stands_in_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        sent(HERE, event(), page(), identify())
    assert "s3cret" not in caplog.text + repr(HERE)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ga4://G-ABC123", "has no secret"),
        ("ga4://S3CRET", "measurement id"),
        ("ga4://UA-1:S3CRET", "measurement id"),
        ("ga4://G-A:S3CRET?currency=euro", "three letters"),
        ("ga4://G-A:S3CRET?region=mars", "there are eu, us"),
    ],
)
def test_what_is_wrong_with_a_url_is_told_without_its_secret(url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        made(url)
    assert "S3CRET" not in str(caught.value)
