"""Snowplow: payloads of the tracker protocol, self-describing data of public schemas, lengths."""

from __future__ import annotations

from typing import Any

import pytest

from tests.delivery.emulators.snowplow import decoded, violations
from tests.destinations.samples import CONTEXT, NOW, TIME, body, event, identify, made, page, sent
from track_middleware.destinations import Answer
from track_middleware.errors import SettingsError
from track_middleware.event import Event

HERE = made("snowplow://collector.test?app_id=shop")
VISITOR = "11111111-1111-4111-a111-111111111111"
SESSION = "22222222-2222-4222-a222-222222222222"
PAGE = "33333333-3333-4333-a333-333333333333"
WEB = {
    **CONTEXT,
    "page": {**CONTEXT["page"], "id": PAGE},
    "session": {"id": SESSION, "number": 2, "start": "2026-11-23T11:59:00.000Z"},
    "userAgent": "Firefox",
    "library": {"name": "track-middleware", "version": "0.1.0"},
    "timezone": "Europe/Berlin",
}


def payloads(*events: Event, url: str = "") -> list[dict[str, str]]:
    destination = made(url) if url else HERE
    listed: list[dict[str, str]] = []
    for call in sent(destination, *events):
        assert violations(call.url, call.body) == []
        listed += body(call)["data"]
    return listed


def described(payload: dict[str, str]) -> Any:
    return decoded(payload, "ue_px", "ue_pr")["data"]


def entities(payload: dict[str, str]) -> dict[str, Any]:
    outer = decoded(payload, "cx", "co")
    return {each["schema"].split("/")[1]: each["data"] for each in outer["data"]} if outer else {}


def test_a_page_view_is_snowplows_own_with_page_and_session_beside_it() -> None:
    (call,) = sent(HERE, page(anonymous_id=VISITOR, context=WEB))
    assert call.url == "https://collector.test/com.snowplowanalytics.snowplow/tp2"
    assert call.headers == {
        "content-type": "application/json; charset=utf-8",
        "sp-anonymous": "*",
    }
    (one,) = payloads(page(anonymous_id=VISITOR, context=WEB))
    assert entities(one) == {
        "web_page": {"id": PAGE},
        "client_session": {
            "userId": VISITOR, "sessionId": SESSION, "sessionIndex": 2,
            "storageMechanism": "COOKIE_1",
        },
    }  # fmt: skip
    del one["cx"]
    assert one == {
        "e": "pv", "eid": "00000000-0000-4000-8000-000000000001", "p": "web", "aid": "shop",
        "tna": "snowplow", "tv": "track-middleware-0.1.0", "dtm": str(TIME), "ttm": str(TIME),
        "stm": str(int(NOW * 1000)), "uid": "42", "duid": VISITOR, "tnuid": VISITOR,
        "sid": SESSION, "vid": "2", "url": "https://shop.test/sale?utm_source=news",
        "refr": "https://www.google.com/", "page": "Sale", "ip": "192.0.2.0", "ua": "Firefox",
        "lang": "de-DE", "tz": "Europe/Berlin", "res": "1920x1080", "vp": "1200x800",
    }  # fmt: skip


def test_an_event_is_self_describing_and_loses_nothing() -> None:
    given = {"amount": 12, "nested": {"a": [1, None]}, "ok": True}
    (one,) = payloads(event(event="Invoice Paid", properties=given))
    assert one["e"] == "ue"
    assert described(one) == {
        "schema": "iglu:com.segment/track/jsonschema/1-0-0",
        "data": {
            "messageId": event().message_id, "event": "Invoice Paid", "userId": "42",
            "anonymousId": "visitor-1", "properties": given,
        },
    }  # fmt: skip


def test_a_sites_own_schemas_are_of_its_vendor() -> None:
    url = "snowplow://collector.test?vendor=com.acme"
    (one,) = payloads(event(event="Invoice Paid", properties={"amount": 12}), url=url)
    assert described(one) == {
        "schema": "iglu:com.acme/invoice_paid/jsonschema/1-0-0", "data": {"amount": 12},
    }  # fmt: skip


def test_an_event_may_be_called_by_its_schema() -> None:
    schema = "iglu:com.acme/paid/jsonschema/2-0-1"
    (one,) = payloads(event(event=schema, properties={"amount": 12}))
    assert described(one) == {"schema": schema, "data": {"amount": 12}}


def test_an_event_with_a_category_and_nothing_else_is_a_structured_one() -> None:
    given = {"category": "video", "label": "intro", "property": "hd", "value": 3.5}
    (one,) = payloads(event(event="play", properties=given))
    assert (one["e"], one["se_ca"], one["se_ac"]) == ("se", "video", "play")
    assert (one["se_la"], one["se_pr"], one["se_va"]) == ("intro", "hd", "3.5")
    (other,) = payloads(event(event="play", properties={**given, "more": 1}))
    assert other["e"] == "ue"


def test_a_screen_is_a_screen_view() -> None:
    (one,) = payloads(event(type="screen", event=None, name="Cart", properties=None))
    assert (
        described(one)["schema"] == "iglu:com.snowplowanalytics.mobile/screen_view/jsonschema/1-0-0"
    )
    assert described(one)["data"] == {"name": "Cart", "id": event().message_id}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "identify", "traits": {"email": 5, "address": "Main St"}},
         {"traits": {"email": "5", "address": {"street": "Main St"}}}),
        ({"type": "group", "group_id": "g", "traits": {"seats": 5}},
         {"groupId": "g", "traits": {"seats": 5}}),
        ({"type": "alias", "previous_id": "v0"}, {"previousId": "v0"}),
    ],
)  # fmt: skip
def test_who_somebody_is_is_told_as_it_came(given: dict[str, Any], said: dict[str, Any]) -> None:
    (one,) = payloads(event(event=None, properties=None, **given))
    assert one["uid"] == "42"
    assert described(one)["schema"].startswith(f"iglu:com.segment/{given['type']}/")
    assert said.items() <= described(one)["data"].items()


def test_an_order_is_a_transaction_with_its_products_and_the_event_as_it_came() -> None:
    shoe = {"product_id": "P", "price": 19.999, "quantity": 2, "name": "Shoe"}
    order = {"order_id": "O", "revenue": 40, "currency": "EUR", "products": [shoe, {"name": "?"}]}
    (one,) = payloads(event(properties=order))
    assert described(one)["data"] == {"type": "transaction"}
    beside = entities(one)
    assert beside["transaction"] == {
        "transaction_id": "O", "revenue": 40, "currency": "EUR", "payment_method": "unknown",
        "total_quantity": 3,
    }  # fmt: skip
    assert beside["product"] == {
        "id": "P", "category": "unknown", "price": 20.0, "currency": "EUR", "name": "Shoe",
        "quantity": 2,
    }  # fmt: skip
    assert beside["track"]["properties"] == order


@pytest.mark.parametrize(
    ("label", "given", "kind"),
    [
        ("Product Viewed", {"product_id": "P", "price": 1, "currency": "EUR"}, "product_view"),
        ("Product Added", {"sku": "P", "price": "1", "currency": "eur"}, "add_to_cart"),
        ("Order Refunded", {"order_id": "O", "total": 5, "currency": "EUR"}, "refund"),
        ("Checkout Started", {}, "checkout_step"),
        ("Checkout Step Completed", {"step": 2, "payment_method": "card"}, "checkout_step"),
    ],
)
def test_the_shop_has_snowplows_actions(label: str, given: dict[str, Any], kind: str) -> None:
    (one,) = payloads(event(event=label, properties=given))
    assert described(one)["data"] == {"type": kind}


@pytest.mark.parametrize(
    ("label", "given"),
    [
        ("Product Viewed", {"product_id": "P", "price": 1}),
        ("Product Viewed", {"product_id": "P", "price": -1, "currency": "EUR"}),
        ("Order Completed", {"revenue": 1, "currency": "EUR"}),
        ("Order Completed", {"order_id": "O", "currency": "EUR"}),
        ("Checkout Step Completed", {"step": 900}),
    ],
)
def test_what_its_schemas_would_refuse_is_told_as_it_came(
    label: str, given: dict[str, Any]
) -> None:
    (one,) = payloads(event(event=label, properties=given))
    assert described(one)["schema"] == "iglu:com.segment/track/jsonschema/1-0-0"
    assert described(one)["data"]["properties"] == given


@pytest.mark.parametrize(
    ("engaged", "pings"), [(None, 1), (500, 1), (9_999, 1), (35_000, 3), (1e9, 180)]
)
def test_the_time_engaged_is_as_many_page_pings_as_it_has_heartbeats(
    engaged: float | None, pings: int
) -> None:
    left = event(
        event="Page Left", context=WEB, properties={"engagedMs": engaged, "scrollDepth": 70}
    )
    outbound = HERE.calls([left], NOW)
    listed = payloads(left)
    assert [one["e"] for one in listed] == ["pp"] * pings
    assert [int(one["ttm"]) for one in listed] == [
        TIME - 10_000 * n for n in reversed(range(pings))
    ]
    assert len({one["eid"] for one in listed}) == pings
    assert listed[-1]["eid"] == left.message_id
    assert ["track" in entities(one) for one in listed] == [False] * (pings - 1) + [True]
    assert outbound.cut == (engaged == 1e9)


def test_a_page_without_an_address_and_its_own_properties_are_told_as_they_came() -> None:
    (one,) = payloads(page(context=None, name="Cart", properties={"title": 5}))
    assert one["e"] == "ue"
    assert described(one)["data"]["properties"] == {"title": "5"}
    (other,) = payloads(page(properties={"section": "men"}))
    assert other["e"] == "pv"
    assert entities(other)["page"]["properties"] == {"section": "men"}


def test_entities_of_the_sites_own_come_along() -> None:
    mine = {"schema": "iglu:com.acme/user/jsonschema/1-0-0", "data": {"tier": 2}}
    bad = [{"schema": "user", "data": {}}, {"schema": mine["schema"]}, "x", None]
    (one,) = payloads(event(context={**CONTEXT, "snowplow": [mine, *bad]}))
    assert entities(one)["user"] == {"tier": 2}
    assert len(decoded(one, "cx", "co")["data"]) == 1


def test_json_may_stand_there_as_it_is() -> None:
    (one,) = payloads(
        event(anonymous_id=VISITOR, context=WEB), url="snowplow://collector.test?base64=0"
    )
    assert {"ue_pr", "co"} <= one.keys()
    assert not {"ue_px", "cx"} & one.keys()


def test_the_browsers_clock_is_the_devices_and_ours_the_true_one() -> None:
    (one,) = payloads(event(original_timestamp="2026-11-23T11:00:00.000Z"))
    assert (one["dtm"], one["ttm"]) == (str(TIME - 3_600_000), str(TIME))


def test_only_the_time_of_sending_changes_when_it_is_sent_again() -> None:
    first, again = (HERE.calls([page(context=WEB)], now).calls[0] for now in (NOW, NOW + 60))
    one, two = body(first)["data"][0], body(again)["data"][0]
    assert one.pop("stm") != two.pop("stm")
    assert one == two


@pytest.mark.parametrize(
    ("platform", "kind", "code"),
    [("server", "track", "srv"), ("server", "page", "web"), ("web", "track", "web"),
     ("ios", "screen", "mob"), ("android", "track", "mob"), (None, "track", "srv")],
)  # fmt: skip
def test_a_platform_is_one_of_snowplows(platform: str | None, kind: Any, code: str) -> None:
    label = "Thing" if kind == "track" else None
    (one,) = payloads(event(type=kind, event=label, context={**CONTEXT, "platform": platform}))
    assert one["p"] == code


def test_values_are_cut_to_the_tables_lengths_and_counted() -> None:
    long = {"url": "https://x/" + "p" * 9_000, "title": "t" * 3_000, "referrer": "r" * 9_000}
    outbound = HERE.calls([page(context={"page": long, "userAgent": "u" * 2_000})], NOW)
    (one,) = body(outbound.calls[0])["data"]
    assert [len(one[key]) for key in ("url", "page", "refr", "ua")] == [4096, 2000, 4096, 1000]
    assert outbound.cut == 4


def test_an_id_that_would_be_cut_is_refused() -> None:
    outbound = HERE.calls([event(1, user_id="u" * 256), event(2, anonymous_id="v" * 129)], NOW)
    assert not outbound.calls
    assert [each.state for each in outbound.settled.values()] == ["refused"] * 2


def test_an_event_above_a_megabyte_is_refused_and_calls_stay_below() -> None:
    outbound = HERE.calls([event(properties={"x": "y" * 900_000})], NOW)
    assert "larger" in outbound.settled[event().message_id].reason
    calls = sent(HERE, *[event(number, properties={"x": "y" * 200_000}) for number in range(9)])
    assert len(calls) > 1
    assert all(len(call.body) < 1_000_000 for call in calls)


def test_an_id_that_is_no_uuid_becomes_one_and_stays_the_same() -> None:
    first, again = (payloads(event(message_id="order:1"))[0]["eid"] for _ in range(2))
    assert first == again != "order:1"


@pytest.mark.parametrize(
    ("status", "pause", "split"),
    [(400, False, True), (422, False, True), (413, False, True), (401, True, False),
     (403, True, False), (410, True, False), (500, False, False), (429, False, False)],
)  # fmt: skip
def test_answers(status: int, pause: bool, split: bool) -> None:
    (call,) = sent(HERE, event(1), event(2))
    verdicts = HERE.judge(call, Answer(status))
    assert {(each.state, each.pause, each.split) for each in verdicts} == {("retry", pause, split)}


def test_identify_carries_both_ids() -> None:
    (one,) = payloads(identify())
    assert (one["uid"], one["duid"]) == ("42", "visitor-1")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("snowplow://c.test:8443", "https://c.test:8443/com.snowplowanalytics.snowplow/tp2"),
        ("snowplow://c.test/com.acme/track", "https://c.test/com.acme/track"),
        ("snowplow://c.test?endpoint=http://127.0.0.1:1/", "http://127.0.0.1:1/com.snowplowanalytics.snowplow/tp2"),
    ],
)  # fmt: skip
def test_a_collector_is_reached_where_it_is(url: str, target: str) -> None:
    assert sent(made(url), event())[0].url == target


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("snowplow://", "no host"),
        ("snowplow://c.test?region=eu", "has a region"),
        ("snowplow://c.test?base64=perhaps", "1 or 0"),
        ("snowplow://c.test?vendr=x", "did you mean 'vendor'"),
        ("snowplow://c.test?vendor=com/acme", "such as com.acme"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        made(url)
