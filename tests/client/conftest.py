"""A real Chromium, and the site it walks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.chrome import launched
from tests.client.site import Site, served
from tests.waiting import SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


class Open(Protocol):
    """Opens a path of the site in a new tab and returns when it is loaded."""

    def __call__(self, path: str = "/") -> Page: ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module; ended with it, since its event loop would be in others' way."""
    with launched() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of this test's own."""
    with browser.new_context(locale="de-DE", timezone_id="Europe/Berlin") as context:
        context.set_default_timeout(SECONDS * 1000)
        yield context


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site


@pytest.fixture
def open_page(context: BrowserContext, site: Site) -> Open:
    def opened(path: str = "/") -> Page:
        page = context.new_page()
        page.goto(site.url(path))
        return page

    return opened


def settled(page: Page) -> None:
    """Returns when the script's second file has come. It is asked for from outside: a strict policy
    forbids the page itself to evaluate a text."""
    end = time.monotonic() + SECONDS
    while not page.evaluate("(window[Symbol.for('track-page')].left || []).length"):
        assert time.monotonic() < end, "the second file has not come"
        page.wait_for_timeout(10)


def rest(page: Page, milliseconds: int) -> None:
    """Returns when so much time has gone by for the page's own timers: what they were to do before
    is done then, however late a busy machine lets them."""
    page.evaluate("ms => new Promise(done => setTimeout(done, ms))", milliseconds)


def close(page: Page) -> None:
    """A tab is left and closed: where processors are short, a browser that only closes it ends the
    page before its script hears of that."""
    page.goto("about:blank")
    page.close()


def hide(page: Page, *, hidden: bool = True) -> None:
    """Another tab comes to the front, or this one comes back: a headless browser does neither."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
          document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
        }""",
        hidden,
    )
