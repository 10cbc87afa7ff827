"""What is done before a choice waits in the page's memory, and goes nowhere but with a grant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client.conftest import Open, hide, rest
from tests.client.site import PREFIX, Site, document

pytestmark = pytest.mark.needs("chromium")

STORED = "Object.keys(localStorage).length + Object.keys(sessionStorage).length"
BUTTON = '<button data-track="Wished" data-track-item="7">Wish</button>'


def granted(**more: str) -> tuple[int, dict[str, Any]]:
    """The answer to a grant."""
    return 200, {"consent": {"analytics": "granted"}, "token": "granted", **more}


@pytest.fixture
def waiting(site: Site) -> Site:
    """Nothing is chosen yet at this site."""
    for path in ("/", "/next"):
        site.pages[path] = document(None, attributes="data-hold", body=BUTTON)
    return site


def grant(site: Site, page: Any, **more: str) -> None:
    site.answers.append(granted(**more))
    page.evaluate("track.consent({analytics: true})")


def test_what_was_done_before_a_grant_follows_the_view_with_its_own_time(
    waiting: Site, open_page: Open
) -> None:
    page = open_page()
    assert page.evaluate("track.ready") is False
    page.evaluate("track('Viewed', {n: 1})")
    page.click("button")
    rest(page, 300)
    then = page.evaluate("Date.now()")
    grant(waiting, page, before="pending")
    events = waiting.wait_for(3, "view", "track")
    assert [event.get("name") for event in events] == [None, "Viewed", "Wished"]
    assert {event["token"] for event in events} == {"granted"}
    assert len({event["load"] for event in events}) == 1
    assert events[2]["properties"] == {"item": "7"}
    assert all(then - 60_000 < event["at"] <= then - 250 for event in events)


def test_properties_are_held_as_they_were(waiting: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("const cart = {items: 1}; track('Added', cart); cart.items = 2")
    grant(waiting, page, before="pending")
    assert waiting.wait_for(1, "track")[0]["properties"] == {"items": 1}


def test_routes_before_a_grant_are_views_in_their_order(waiting: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("history.pushState(0, '', '/cart')")
    rest(page, 150)
    page.evaluate("track('In the cart')")
    grant(waiting, page, before="pending")
    view, route, event = waiting.wait_for(3, "view", "route", "track")
    assert (view["url"], route["url"]) == (waiting.url("/"), waiting.url("/cart"))
    assert event["page"] == route["page"]


def test_nothing_is_sent_or_stored_before_a_choice(waiting: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("track.ready")
    page.evaluate("track('Viewed')")
    hide(page)
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.goto(waiting.url("/next"))
    page.evaluate("track.ready")
    assert page.evaluate(STORED) == 0
    assert waiting.calls == []
    assert [path for path, _ in waiting.visits if path.startswith(PREFIX)] == []


def test_who_had_refused_before_has_nothing_told_of_that_time(
    waiting: Site, open_page: Open
) -> None:
    """The page cannot know of the refusal; the collector's answer tells."""
    page = open_page()
    page.evaluate("track('Denied')")
    grant(waiting, page)
    page.evaluate("track('After')")
    events = waiting.wait_for(2, "view", "track")
    page.close()
    assert [event.get("name") for event in waiting.told] == [None, "After"]
    assert events[0]["token"] == "granted"


def test_a_refusal_forgets_what_was_held(waiting: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("track('Before')")
    page.evaluate("track.consent({analytics: false})")
    page.evaluate("track('Denied')")
    grant(waiting, page)
    waiting.wait_for(1, "view")
    page.close()
    assert [event["type"] for event in waiting.told] == ["view"]


def test_no_more_than_a_hundred_messages_are_held_and_the_rest_is_counted(
    waiting: Site, open_page: Open
) -> None:
    page = open_page()
    page.evaluate("track.ready")
    page.evaluate("for (let n = 0; n < 150; n++) track('Many', {n})")
    grant(waiting, page, before="pending")
    waiting.wait_for(101, "view", "track")
    assert waiting.calls[1].content["dropped"] == 50


def test_choice_for_marketing_alone_goes_on_holding(waiting: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("track('Before')")
    page.evaluate("track.consent({marketing: false})")
    grant(waiting, page, before="pending")
    assert waiting.wait_for(1, "track")[0]["name"] == "Before"


def test_without_the_attribute_nothing_is_held(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(None)
    page = open_page()
    page.evaluate("track('Before')")
    grant(site, page, before="pending")
    site.wait_for(1, "view")
    page.close()
    assert [event["type"] for event in site.told] == ["view"]


def test_text_and_source_go_with_a_choice(waiting: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("track.consent({analytics: false, version: '7', source: 'footer'})")
    (call,) = waiting.calls
    assert call.content == {"analytics": False, "version": "7", "source": "footer"}


@pytest.mark.parametrize("token", ["shared", "1.token"])
def test_browsers_own_refusal_of_everything_stands_over_a_token_and_a_choice(
    token: str, site: Site, open_page: Open
) -> None:
    refuses = "<script>Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"
    site.pages["/"] = document(token, attributes='data-gpc="all"', head=f"{refuses}</script>")
    page = open_page()
    assert page.evaluate("track.ready") is False
    page.evaluate("track('Never')")
    page.evaluate("track.consent({analytics: true})")
    page.close()
    assert [call.path for call in site.calls] == [f"{PREFIX}/c"]
