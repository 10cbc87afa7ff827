"""A person with a real browser in the example shops: every view counted once, every order once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser.walk import Person, Walk, path_of
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")


def _path(page: Page) -> str:
    """Where a tab is, without Django's slash at the end."""
    return urlsplit(page.url).path.rstrip("/")


def _clicks(person: Person, page: Page, what: str) -> str:
    """A click that opens another page; its path."""
    with person.tells(1):
        page.click(what)
    person.saw(_path(page))
    return _path(page)


def _buys(person: Person, page: Page) -> str:
    """From a product's page to the thanks for the order; the order's number."""
    _clicks(person, page, "text=Add to cart")
    _clicks(person, page, "text=Check out")
    page.fill("[name=name]", "Ada")
    page.fill("[name=address]", "1 Loop Road")
    return _clicks(person, page, "text=Place the order").rpartition("/")[2]


def _named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event.get("event") == name]


def test_walk_and_order_are_counted_once_with_session_and_campaign(walk: Walk, ada: Person) -> None:
    page = ada.context.new_page()
    with ada.views("/"):
        page.goto(ada.url("/?utm_source=letter"))
    _clicks(ada, page, ".tile a")
    number = _buys(ada, page)
    with ada.views(f"/orders/{number}"):
        page.reload()
    events = walk.is_counted(ada)
    views = [event for event in events if event["type"] == "page"]
    assert len({view["context"]["session"]["id"] for view in views}) == 1
    assert {view["context"]["campaign"]["source"] for view in views} == {"letter"}
    (placed,) = _named(events, "Order Completed")
    assert placed["properties"]["order_id"] == number
    assert placed["anonymousId"] == ada.visitor


def test_clicks_belong_to_the_page_and_the_person(walk: Walk, ada: Person) -> None:
    page = ada.opens("/")
    _clicks(ada, page, ".tile a")
    # The page that was left tells of it beside the next one's view.
    until(lambda: bool(_named(walk.events, "Product Clicked")), lambda: walk.seen)
    events = walk.is_counted(ada)
    (home,) = [each for each in events if each["type"] == "page" and path_of(each) == "/"]
    (click,) = _named(events, "Product Clicked")
    assert click["anonymousId"] == ada.visitor
    assert click["context"]["page"]["id"] == home["messageId"]
    assert click["properties"]["product_id"]


def test_two_orders_are_two_however_often_their_page_is_shown(walk: Walk, ada: Person) -> None:
    page = ada.context.new_page()
    numbers = []
    for _ in range(2):
        ada.opens("/", page)
        _clicks(ada, page, ".tile a")
        numbers.append(_buys(ada, page))
        with ada.views(_path(page)):
            page.reload()
    orders = _named(walk.is_counted(ada), "Order Completed")
    assert [order["properties"]["order_id"] for order in orders] == numbers
    assert len(set(numbers)) == 2
