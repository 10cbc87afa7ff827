"""Counting without cookies: what is kept before a choice, and that it is nobody's."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.tracking.site import HTML, PAGE, Browser, Site
from track_middleware.event import Event

DAY = 86400


def counting(**settings: Any) -> Site:
    return Site(**{"consent": "opt_in", "cookieless": True, **settings})


def views(site: Site) -> list[Event]:
    return [entry.event for entry in site.entries if entry.event and entry.event.type == "page"]


def test_a_page_view_before_a_choice_is_counted_without_a_cookie_or_a_token() -> None:
    site = counting()
    ending = Browser(site).visit("/a?utm_source=news")
    (entry,) = site.entries
    assert (entry.kind, entry.person, entry.page) == ("counted", None, None)
    assert entry.event is not None
    assert entry.event.context["consent"] == {"analytics": "pending", "marketing": "pending"}
    assert entry.event.context["cookieless"] is True
    assert entry.event.context["campaign"] == {"source": "news"}
    assert entry.event.context["page"]["id"] == entry.event.message_id
    assert ending.cookies == ()
    assert ending.injector is not None
    assert b"<meta" not in ending.injector.whole(PAGE)


def test_it_says_no_address_session_or_first_campaign() -> None:
    site = counting(ip="full")
    Browser(site).visit("/")
    assert site.entries[0].event is not None
    assert site.entries[0].event.context.keys() == {
        "page", "cookieless", "library", "platform", "consent", "userAgent", "locale",
    }  # fmt: skip


def test_the_same_browser_is_the_same_all_day_and_another_the_next() -> None:
    site = counting()
    browser = Browser(site)
    browser.visit("/a")
    site.now += 3600
    browser.visit("/b")
    site.now += DAY
    browser.visit("/c")
    first, second, third = [view.anonymous_id for view in views(site)]
    assert first == second != third


@pytest.mark.parametrize("ip", ["truncate", "full", "none"])
def test_hosts_agents_and_networks_are_told_apart_and_neighbours_are_not(ip: str) -> None:
    site = counting(ip=ip, trusted_proxies=1)
    browser = Browser(site)
    for headers in (
        {"x_forwarded_for": "203.0.113.1"}, {"x_forwarded_for": "203.0.113.200"},
        {"x_forwarded_for": "203.0.114.1"},
        {"x_forwarded_for": "203.0.113.1", "user_agent": "Another/1"},
    ):  # fmt: skip
        browser.visit("/", **headers)
    here, neighbour, network, agent = [view.anonymous_id for view in views(site)]
    assert here == neighbour
    assert len({here, network, agent}) == 3


def test_events_of_a_view_are_counted_with_its_page_and_name_nobody() -> None:
    site = counting()
    exchange = Browser(site).open("/order")
    event_id = exchange.track("Order Completed", {"revenue": 3}, user_id="42", event_id="o-1")
    exchange.close(200, HTML)
    exchange.finish()
    order, page = [entry.event for entry in site.entries]
    assert order is not None
    assert page is not None
    assert (event_id, order.message_id, order.user_id) == ("o-1", "o-1", None)
    assert order.anonymous_id == page.anonymous_id
    assert order.context["page"]["id"] == page.message_id
    assert exchange.anonymous_id is exchange.session_id is exchange.page_id is None


def test_what_a_caller_adds_to_the_context_says_no_more_than_may_be_said() -> None:
    site = counting()
    more = {"ip": "203.0.113.77", "traits": {"email": "a@b.c"}, "app": {"version": "1"},
            "consent": {"analytics": "granted"}, "cookieless": False}  # fmt: skip
    Browser(site).open("/").track("Clicked", context=more)
    event = site.entries[0].event
    assert event is not None
    assert "ip" not in event.context
    assert "traits" not in event.context
    assert event.context["app"] == {"version": "1"}
    assert (event.context["consent"]["analytics"], event.context["cookieless"]) == ("pending", True)


def test_who_somebody_is_is_not_counted() -> None:
    site = counting()
    exchange = Browser(site).open("/")
    exchange.signed_in("42")
    said = (exchange.identify("42", {"a": 1}), exchange.group("g"), exchange.alias("42", "x"))
    assert said == (None, None, None)
    assert (site.entries, site.counted) == ([], [("consent", 1)] * 3)


def test_a_named_page_is_counted_once() -> None:
    site = counting()
    browser = Browser(site)
    page_id = browser.open("/").page("Home")
    browser.close()
    assert [(view.name, view.message_id) for view in views(site)] == [("Home", page_id)]


def test_vendors_cookies_are_not_even_read() -> None:
    site = counting(destinations=["ga4://G-A:s"], trusted_proxies=1)
    browser = Browser(site)
    browser.cookies["_ga"] = "GA1.1.1.2"
    browser.visit("/", cf_ipcountry="de")
    assert site.entries[0].facts == {"country": "DE"}


@pytest.mark.parametrize(
    ("settings", "headers", "choice"),
    [
        ({}, {}, {"analytics": False}),
        ({"respect_gpc": "all"}, {"sec_gpc": "1"}, None),
        ({"dnt": True}, {"dnt": "1"}, None),
        ({"dnt": True}, {"dnt": "1"}, {"analytics": True}),
    ],
)
def test_after_a_refusal_nothing_is_counted(
    settings: dict[str, Any], headers: dict[str, str], choice: dict[str, bool] | None
) -> None:
    site = counting(**settings)
    browser = Browser(site, **headers)
    if choice is not None:
        browser.post("c", choice)
    site.entries.clear()
    browser.open("/").track("Clicked")
    browser.close()
    assert site.entries == []


def test_a_refusal_of_marketing_alone_is_none_of_counting() -> None:
    site = counting()
    Browser(site, sec_gpc="1").visit("/")
    (entry,) = site.entries
    assert entry.consent == {"analytics": "pending", "marketing": "denied"}


def test_a_grant_joins_nothing_that_was_counted_to_the_visitor_and_counts_the_page_once() -> None:
    site = counting()
    browser = Browser(site)
    browser.visit("/a?utm_source=news")
    counted = site.entries[0].event
    browser.post("c", {"analytics": True}, referer="https://shop.example/a?utm_source=news")
    choice, mark = site.entries[1:]
    assert counted is not None
    assert choice.person is not None
    assert mark.page is not None
    assert choice.person.visitor != counted.anonymous_id
    assert (mark.page.counting, mark.page.id != counted.message_id) == ("never", True)


def test_a_grant_in_the_middle_of_a_request_makes_another_page() -> None:
    site = counting()
    browser = Browser(site)
    exchange = browser.open("/")
    exchange.track("Before")
    exchange.set_consent({"analytics": True})
    exchange.track("After")
    browser.close()
    before, _, after, view = [entry.event for entry in site.entries]
    assert before is not None
    assert after is not None
    assert view is not None
    assert before.anonymous_id not in (after.anonymous_id, view.anonymous_id)
    assert before.context["page"]["id"] not in (after.context["page"]["id"], view.message_id)


def test_shared_pages_prefetches_and_errors_are_not_counted_by_the_server() -> None:
    site = counting()
    browser = Browser(site)
    browser.visit("/", answer={**HTML, "cache-control": "public, max-age=60"})
    browser.visit("/", sec_purpose="prefetch")
    browser.visit("/", status=404)
    assert site.kinds() == ["served"]


def test_without_a_salt_nothing_is_counted() -> None:
    site = counting()
    site.saltless = True
    browser = Browser(site)
    browser.open("/").track("Clicked")
    browser.close()
    assert (site.entries, site.counted) == ([], [("consent", 1)])


@pytest.mark.parametrize("settings", [{"consent": "opt_in"}, {"cookieless": True}])
def test_the_setting_alone_counts_and_only_before_a_choice(settings: dict[str, Any]) -> None:
    site = Site(**settings)
    Browser(site).visit("/")
    assert "counted" not in site.kinds()


def test_hostile_hosts_and_agents_are_counted_like_any() -> None:
    site = counting()
    for agent in ("\x00\xff\x9f", "é" * 10_000, ""):
        Browser(site, user_agent=agent).visit("/")
    assert len({view.anonymous_id for view in views(site)}) == 3


def test_the_setting_costs_a_tracked_visitor_not_one_call() -> None:
    def calls(**settings: Any) -> int:
        browser = Browser(Site(**settings))
        browser.visit("/")
        browser.visit("/")
        made: list[str] = []
        sys.setprofile(lambda frame, event, arg: made.append(event))
        try:
            browser.visit("/")
        finally:
            sys.setprofile(None)
        return len(made)

    assert calls(cookieless=True) == calls(cookieless=False)
