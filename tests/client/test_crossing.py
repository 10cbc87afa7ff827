"""A followed link takes the visitor along in a real browser; a copied one takes nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.hosts import AGENT, Hosts, opened
from tests.waiting import SECONDS
from track_middleware.tracking.crossing import parameter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.needs("chromium")

NAME = parameter("shared")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with opened(tmp_path) as hosts:
        there = hosts.url("blog", "/post?a=1#part")
        hosts.documents["shop/"] = (
            f'<head></head><body><a id=plain href="{there}">blog</a>'
            f'<a id=blank target=_blank href="{there}">blog</a>'
            f'<a id=stranger href="http://other.localhost:{hosts.port}/">stranger</a>'
        )
        yield hosts


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(user_agent=AGENT) as context:
        context.set_default_timeout(SECONDS * 1000)
        yield context


def at_home(hosts: Hosts, person: BrowserContext, path: str = "/") -> Page:
    """The shop's page, when both files of the script are there."""
    page = person.new_page()
    with page.expect_response(re.compile(r"/m2\.")) as second:
        page.goto(hosts.url("shop", path))
    page.evaluate("url => import(url).then(() => true)", second.value.url)  # until it has run
    hosts.wait(lambda: hosts.said("shop", "POST", "/q"))
    return page


def landed(hosts: Hosts) -> list[str]:
    return [path for host, _, path, _ in hosts.asked if host == "blog" and path.startswith("/post")]


def came_as_one(hosts: Hosts) -> bool:
    hosts.wait(lambda: hosts.said("blog", "POST", "/q"))
    return hosts.visitors("shop")[-1:] == hosts.visitors("blog")


def test_the_visitor_comes_along_and_the_address_bar_is_clean(
    hosts: Hosts, person: BrowserContext
) -> None:
    page = at_home(hosts, person)
    page.click("#plain")
    page.wait_for_url(hosts.url("blog", "/post?a=1#part"))
    assert came_as_one(hosts)
    (path,) = landed(hosts)
    assert f"&{NAME}=" in path
    shop, blog = hosts.delivered("shop"), hosts.delivered("blog")
    assert len({each["context"]["session"]["id"] for each in (*shop, *blog)}) == 1
    (view,) = hosts.pages("blog")
    assert view["context"]["page"]["url"].startswith(hosts.url("blog", "/post?a=1"))
    assert view["context"]["page"]["confirmed"] is True
    assert NAME not in repr(shop + blog)


@pytest.mark.parametrize("way", ["middle", "ctrl", "enter", "blank"])
def test_however_it_is_followed(hosts: Hosts, person: BrowserContext, way: str) -> None:
    page = at_home(hosts, person)
    if way == "middle":
        page.click("#plain", button="middle")
    elif way == "ctrl":
        page.click("#plain", modifiers=["Control"])
    elif way == "blank":
        page.click("#blank")
    else:
        page.focus("#plain")
        page.keyboard.press("Enter")
    assert came_as_one(hosts)


def test_a_copied_link_is_the_pages_own_address(hosts: Hosts, person: BrowserContext) -> None:
    page = at_home(hosts, person)
    own = page.get_attribute("#plain", "href")
    seen = (
        "window.seen = []; for (const name of ['pointerdown', 'contextmenu', 'click', 'dragstart'])"
    )
    page.evaluate(
        seen + " document.addEventListener(name, (event) => seen.push(event.target.href), true)"
    )
    page.click("#plain", button="right")
    page.hover("#plain")
    page.mouse.down()
    page.mouse.move(300, 300, steps=5)
    page.mouse.up()
    page.evaluate("document.addEventListener('click', (event) => event.preventDefault())")
    page.click("#plain")
    assert page.get_attribute("#plain", "href") == own
    assert set(page.evaluate("seen.filter(Boolean)")) == {own}
    assert hosts.said("shop", "GET", "/x") == []


def test_the_link_is_put_back_after_it_was_followed(hosts: Hosts, person: BrowserContext) -> None:
    page = at_home(hosts, person)
    own = page.get_attribute("#blank", "href")
    with person.expect_page():
        page.click("#blank")
    page.wait_for_function("own => document.querySelector('#blank').href == own", arg=own)


def test_the_landing_address_takes_nobody_else_along(
    hosts: Hosts, person: BrowserContext, browser: Browser
) -> None:
    page = at_home(hosts, person)
    page.click("#plain")
    assert came_as_one(hosts)
    (word,) = landed(hosts)
    with browser.new_context(user_agent=AGENT) as other:
        other.set_default_timeout(SECONDS * 1000)
        stranger = other.new_page()
        stranger.goto(hosts.url("blog", word), referer=hosts.url("shop"))
        stranger.wait_for_url(re.compile(r"/post\?a=1$"))
    hosts.wait(lambda: len(hosts.said("blog", "POST", "/q")) >= 2)
    first, second = hosts.visitors("blog")
    assert first != second


def test_a_link_to_a_stranger_is_left_alone(hosts: Hosts, person: BrowserContext) -> None:
    page = at_home(hosts, person)
    page.click("#stranger")
    hosts.wait(lambda: any(host == "other" for host, *_ in hosts.asked))
    assert hosts.said("shop", "GET", "/x") == []


def test_after_a_refusal_a_link_is_followed_as_it_stands(
    hosts: Hosts, person: BrowserContext
) -> None:
    page = at_home(hosts, person)
    page.evaluate("track.consent({analytics: false})")
    page.click("#plain")
    hosts.wait(lambda: landed(hosts))
    assert landed(hosts) == ["/post?a=1"]
    assert hosts.said("shop", "GET", "/x") == []


def test_taking_the_word_away_is_no_view_of_its_own(hosts: Hosts, person: BrowserContext) -> None:
    page = at_home(hosts, person)
    page.click("#plain")
    assert came_as_one(hosts)
    page.evaluate("track('Late')")
    hosts.wait(lambda: len(hosts.said("blog", "POST", "/q")) >= 2)
    assert [event["type"] for event in hosts.delivered("blog")] == ["page", "track"]
