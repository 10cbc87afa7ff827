"""A person with a real browser in the example shops: every view counted once, every order once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser.shop import Shop, open_shop
from tests.programs import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.needs("chromium", "gunicorn", "django", "flask")

#: A headless browser says so, and is kept from destinations as a bot. Set for the whole browser:
#: what a driver sets for a page is not on the calls that outlive the page.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
    "--disable-background-networking", "--no-first-run", f"--user-agent={AGENT}",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            headless=False,
            args=FLAGS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody new."""
    with browser.new_context() as context:
        yield context


@pytest.fixture(params=["django", "flask"])
def shop(request: pytest.FixtureRequest, free_port: int, tmp_path: Path) -> Iterator[Shop]:
    with open_shop(request.param, free_port, tmp_path / "var") as shop:
        yield shop


def _settled(page: Page) -> None:
    """Returns when the script has told of this page: the next step is a person's, not a robot's."""
    page.wait_for_load_state("networkidle")


def _buy(page: Page) -> None:
    """From a product's page to the thanks for the order."""
    page.click("text=Add to cart")
    _settled(page)
    page.click("text=Check out")
    _settled(page)
    page.fill("[name=name]", "Ada")
    page.fill("[name=address]", "1 Loop Road")
    page.click("text=Place the order")
    _settled(page)


def _paths(events: list[dict[str, Any]]) -> Counter[str]:
    """How often each path was viewed, with or without Django's slash at the end."""
    urls = [event["context"]["page"]["url"] for event in events]
    return Counter(urlsplit(url).path.rstrip("/") or "/" for url in urls)


def _confirmed(events: list[dict[str, Any]]) -> list[bool]:
    return [event["context"]["page"].get("confirmed", False) for event in events]


def _viewed(shop: Shop, count: int) -> list[dict[str, Any]]:
    shop.wait(lambda: len(shop.events("page")) >= count)
    return shop.events("page")


def test_walk_and_order_are_counted_once_and_confirmed(shop: Shop, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(shop.url("/?utm_source=letter"))
    _settled(page)
    page.click(".tile a")
    _settled(page)
    product = urlsplit(page.url).path.rstrip("/")
    _buy(page)
    order = urlsplit(page.url).path.rstrip("/")
    page.reload()
    _settled(page)
    views = _viewed(shop, 6)
    page.close()
    shop.wait(lambda: bool(shop.events("track", "Order Completed")))
    expected = {"/": 1, product: 1, "/cart": 1, "/checkout": 1, order: 2}
    assert _paths(views) == expected
    assert _confirmed(views) == [True] * 6
    assert len({view["messageId"] for view in views}) == 6
    assert len({view["anonymousId"] for view in views}) == 1
    assert len({view["context"]["session"]["id"] for view in views}) == 1
    (placed,) = shop.events("track", "Order Completed")
    assert placed["properties"]["order_id"] == order.rpartition("/")[2]
    assert placed["anonymousId"] == views[0]["anonymousId"]
    assert {view["context"]["campaign"]["source"] for view in views} == {"letter"}


def test_clicks_belong_to_the_page_and_the_person(shop: Shop, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(shop.url())
    _settled(page)
    page.click(".tile a")
    _settled(page)
    (home,) = [view for view in _viewed(shop, 2) if _paths([view])["/"]]
    shop.wait(lambda: bool(shop.events("track", "Product Clicked")))
    (click,) = shop.events("track", "Product Clicked")
    assert click["anonymousId"] == home["anonymousId"]
    assert click["context"]["page"]["id"] == home["messageId"]
    assert click["properties"]["product_id"]


def test_two_orders_are_two_however_often_their_page_is_shown(
    shop: Shop, person: BrowserContext
) -> None:
    page = person.new_page()
    for _ in range(2):
        page.goto(shop.url())
        page.click(".tile a")
        _buy(page)
        page.reload()
        _settled(page)
    shop.wait(lambda: len(shop.events("track", "Order Completed")) >= 2)
    views = _viewed(shop, 12)
    orders = [event["properties"]["order_id"] for event in shop.events("track", "Order Completed")]
    assert sorted(orders) == ["1", "2"]
    assert len(views) == 12


def test_two_tabs_at_once_are_two_views(shop: Shop, person: BrowserContext) -> None:
    first, second = person.new_page(), person.new_page()
    first.goto(shop.url())
    _settled(first)
    for page in (first, second):
        page.evaluate("url => setTimeout(() => location.assign(url))", shop.url("/search"))
    views = _viewed(shop, 3)
    assert _confirmed(views) == [True] * 3
    assert len({view["messageId"] for view in views}) == 3
    assert len({view["anonymousId"] for view in views}) == 1


def test_route_without_a_document_is_a_view_of_the_browser(
    shop: Shop, person: BrowserContext
) -> None:
    page = person.new_page()
    page.goto(shop.url())
    page.evaluate("history.pushState(0, '', '/quick-view')")
    home, route = sorted(_viewed(shop, 2), key=lambda view: len(view["context"]["page"]["url"]))
    assert _paths([home, route]) == {"/": 1, "/quick-view": 1}
    assert route["context"]["page"]["referrer"] == shop.url()
    assert route["anonymousId"] == home["anonymousId"]
    assert route["messageId"] != home["messageId"]


def test_way_back_is_a_view_although_the_server_sees_nothing(
    shop: Shop, person: BrowserContext
) -> None:
    page = person.new_page()
    page.goto(shop.url())
    page.evaluate("() => { onpageshow = event => window.restored = event.persisted }")
    page.click(".tile a")
    _settled(page)
    page.evaluate("setTimeout(() => history.back())")
    views = _viewed(shop, 3)
    assert page.evaluate("window.restored") is True
    assert _paths(views)["/"] == 2
    assert len({view["messageId"] for view in views}) == 3
