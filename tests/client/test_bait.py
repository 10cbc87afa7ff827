"""Whether a blocker runs: what the script asks for, and what it tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.client.conftest import Open, close, settled
from tests.client.site import PREFIX, Site, document
from tests.waiting import SECONDS

pytestmark = pytest.mark.needs("chromium")

BAIT = f"{PREFIX}/matomo.js"
ELSEWHERE = "https://tracker.example/collect"
NAME = "Blocker Checked"


@pytest.fixture(autouse=True)
def pixel(site: Site) -> None:
    """The control: an address of ours that no blocker knows."""
    site.pages[f"{PREFIX}/n.png"] = " "


def told(site: Site) -> list[bool]:
    return [each["properties"]["blocked"] for each in site.noticed(NAME)]


def hears(page: Page, site: Site) -> list[bool]:
    """What is told, once it is. The browser's requests are answered by this thread meanwhile."""
    end = time.monotonic() + SECONDS
    while not told(site):
        assert time.monotonic() < end, "nothing was told"
        page.wait_for_timeout(20)
    return told(site)


def refuse(context: BrowserContext, pattern: str) -> None:
    """A blocker with one rule."""
    context.route(pattern, lambda route: route.abort("blockedbyclient"))


def answer(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status)


def test_without_the_setting_nothing_is_asked(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    settled(page)
    close(page)
    site.wait_for(1, "leave")
    assert BAIT not in [path for path, _ in site.visits]
    assert told(site) == []


def test_a_bait_that_comes_says_that_no_blocker_runs(
    site: Site, context: BrowserContext, open_page: Open
) -> None:
    context.route(f"**{BAIT}", answer(204))
    site.pages["/"] = document(attributes="data-bait")
    assert hears(open_page(), site) == [False]


def test_a_bait_that_a_blocker_refuses_says_that_one_runs(
    site: Site, context: BrowserContext, open_page: Open
) -> None:
    refuse(context, f"**{BAIT}")
    site.pages["/"] = document(attributes="data-bait")
    assert hears(open_page(), site) == [True]


def test_what_a_blocker_puts_in_its_place_does_not_pass_for_it(
    site: Site, context: BrowserContext, open_page: Open
) -> None:
    """uBlock Origin answers some scripts with empty ones of its own."""
    context.route(f"**{BAIT}", answer(200))
    site.pages["/"] = document(attributes="data-bait")
    assert hears(open_page(), site) == [True]


def test_a_tab_asks_once(site: Site, context: BrowserContext, open_page: Open) -> None:
    refuse(context, f"**{BAIT}")
    site.pages["/"] = document(attributes="data-bait")
    page = open_page()
    hears(page, site)
    page.goto(site.url("/"))
    settled(page)
    page.goto("about:blank")  # a driver that sees every request forgets those of a closed tab
    site.wait_for(2, "leave")
    assert told(site) == [True]


def test_whoever_is_refused_everything_is_not_asked_about_blockers(
    site: Site, context: BrowserContext, open_page: Open
) -> None:
    refuse(context, f"**{BAIT}")
    refuse(context, "**/n.png")
    site.pages["/"] = document(attributes="data-bait")
    page = context.new_page()
    with page.expect_event("requestfailed", lambda request: "n.png" in request.url):
        page.goto(site.url("/"))
    page.evaluate("track('Afterwards')")
    site.wait_for(1, "track")
    assert told(site) == []


@pytest.mark.parametrize("blocked", [True, False])
def test_a_trackers_own_address_is_asked_without_a_word_about_who_asks(
    site: Site, context: BrowserContext, open_page: Open, blocked: bool
) -> None:
    asked: list[dict[str, str]] = []

    def take(route: Route) -> None:
        asked.append(route.request.headers)
        route.abort("blockedbyclient") if blocked else route.fulfill(status=200, body="x")

    context.route(f"{ELSEWHERE}*", take)
    site.pages["/"] = document(attributes=f'data-bait="{ELSEWHERE}"')
    assert hears(open_page(), site) == [blocked]
    assert {"cookie", "referer"}.isdisjoint(asked[0])


def test_an_address_that_the_sites_own_policy_refuses_says_nothing(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document(attributes=f'data-bait="{ELSEWHERE}"')
    site.headers["/"] = {"Content-Security-Policy": "default-src 'self'; connect-src 'self'"}
    page = open_page()
    settled(page)
    site.wait(lambda: f"{PREFIX}/n.png" in [path for path, _ in site.visits])
    close(page)
    site.wait_for(1, "leave")
    assert told(site) == []
