"""The plan in the web process: names that are the server's, contracts, and mistakes at the call."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.tracking.site import Browser, Site, token_of
from tests.tracking.test_segment import KEYS, WEB, ask, said
from track_middleware.destinations import filters
from track_middleware.errors import EventError
from track_middleware.event import encode_event
from track_middleware.plan.document import read
from track_middleware.tracking import planned

PLAN = read({"mode": "quarantine", "events": {
    "Paid": {"server_only": True, "basis": "contract",
             "properties": {"order_id": {"type": "string", "required": True}}},
    "Clicked": {"mode": "warn", "properties": {"place": {"type": "string"}}},
}}, name="shop")  # fmt: skip


def site(*, debug: bool = False, **settings: Any) -> Site:
    return Site(plan=planned.of(PLAN, debug=debug), debug=debug, **settings)


def beacon(token: str, name: str) -> dict[str, Any]:
    message = {
        "type": "track", "name": name, "id": "m1", "token": token, "load": "1" * 32,
        "at": 1_800_000_000_000, "url": "https://shop.example/",
    }  # fmt: skip
    return {"v": 1, "sent": 1_800_000_000_000, "events": [message]}


def test_a_browser_cannot_claim_a_key_metric():
    shop = site()
    browser = Browser(shop)
    token = token_of(browser.visit("/"))
    shop.entries.clear()
    reply = browser.post("q", beacon(token, "Paid"))
    assert reply.status == 400
    assert said(reply)["refused"] == [[0, "only the server may send this event"]]
    assert shop.kinds() == ["door"]
    assert browser.post("q", beacon(token, "Clicked")).status == 200


@pytest.mark.parametrize("key", KEYS)
def test_only_the_servers_write_key_may_send_a_key_metric(key):
    shop = site(write_keys=KEYS)
    message = {"type": "track", "event": "Paid", "userId": "42", "properties": {"order_id": "1"}}
    reply = ask(shop, "v1/batch", {"batch": [message], "writeKey": key}, **WEB)
    assert reply.status == 200
    assert shop.kinds() == (["event"] if key == "wk_node" else ["door"])


def test_in_a_request_what_a_contract_needs_is_kept_after_a_refusal_without_the_browsers_ids():
    shop = site()
    browser = Browser(shop)
    browser.visit("/?utm_source=mail")
    exchange = browser.open("/pay", "POST")
    exchange.set_consent({"analytics": False, "marketing": False})
    shop.entries.clear()
    assert exchange.track("Clicked") is None
    assert exchange.track("Paid", {"order_id": "1"}, user_id="42", anonymous_id="me")
    (entry,) = shop.entries
    event = entry.event
    assert event is not None
    assert (event.user_id, event.anonymous_id) == ("42", None)
    assert {*event.context} == {"library", "platform", "consent", "basis"}
    body = encode_event(event)
    assert filters.Filter().permitted(body)
    assert not filters.Filter(purpose="analytics").permitted(body)


def test_without_a_user_it_is_nobodys_in_particular():
    shop = site(consent="opt_in")
    exchange = Browser(shop).open("/pay", "POST")
    assert exchange.anonymous_id is None
    exchange.track("Paid", {"order_id": "1"})
    exchange.track("Paid", {"order_id": "2"})
    first, second = (entry.event for entry in shop.entries)
    assert first is not None
    assert second is not None
    assert first.anonymous_id != second.anonymous_id


@pytest.mark.parametrize("key", ["wk_ios", "wk_web"])
def test_no_app_and_no_browser_can_say_that_a_contract_needs_its_event(key):
    shop = site(write_keys=KEYS)
    message = {"type": "track", "event": "Clicked", "userId": "42", "anonymousId": "a",
               "context": {"basis": "contract"}}  # fmt: skip
    ask(shop, "v1/batch", {"batch": [message], "writeKey": key}, **WEB)
    (entry,) = shop.entries
    assert entry.event is not None
    assert "basis" not in entry.event.context


def test_in_development_a_call_that_breaks_the_plan_raises_and_keeps_nothing():
    shop = site(debug=True)
    exchange = Browser(shop).open("/")
    with pytest.raises(EventError, match=r"properties\.order_id: 7 is not of type"):
        exchange.track("Paid", {"order_id": 7})
    with pytest.raises(EventError, match='"order_id" is a required property'):
        shop.tracker.track("Paid", user_id="42")
    assert not shop.entries
    assert exchange.track("Paid", {"order_id": "7"})


def test_in_development_an_unknown_event_is_told_with_the_nearest_name(caplog):
    shop = site(debug=True)
    with caplog.at_level(logging.WARNING, "track_middleware"):
        assert shop.tracker.track("Clickd", user_id="42")
    assert "did you mean 'Clicked'?" in caplog.text


def test_in_development_an_event_that_only_warns_is_kept(caplog):
    shop = site(debug=True)
    with caplog.at_level(logging.WARNING, "track_middleware"):
        assert shop.tracker.track("Clicked", {"place": 7}, user_id="42")
    assert "properties.place: 7 is not of type" in caplog.text


def test_in_production_nothing_is_looked_at_at_the_call():
    shop = site()
    assert shop.tracker.track("Paid", {"order_id": 7}, user_id="42")
    assert not shop.mistakes
