"""A browser without JavaScript is seen, and the page stays the page it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.hosts import AGENT, Hosts, opened
from tests.waiting import SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with opened(tmp_path, noscript=True) as hosts:
        yield hosts


@pytest.fixture
def scriptless(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(java_script_enabled=False, user_agent=AGENT) as context:
        context.set_default_timeout(SECONDS * 1000)
        yield context


def images(hosts: Hosts) -> list[str]:
    return hosts.said("shop", "GET", "/n.png")


def test_its_view_is_confirmed_and_says_that_no_script_ran(
    hosts: Hosts, scriptless: BrowserContext
) -> None:
    page = scriptless.new_page()
    page.goto(hosts.url("shop", "/?a=1"))
    hosts.wait(lambda: images(hosts))
    (view,) = hosts.pages("shop")
    assert view["context"]["page"]["confirmed"] is True
    assert view["context"]["page"]["noscript"] is True
    assert view["context"]["page"]["url"] == hosts.url("shop", "/?a=1")
    assert len(images(hosts)) == 1


def test_what_stands_behind_the_tag_stays_in_the_head(
    hosts: Hosts, scriptless: BrowserContext
) -> None:
    tag = "<!--track_middleware:script-->"
    hosts.documents["shop/"] = f"<head>{tag}<meta name=behind></head><body class=host><p>x"
    page = scriptless.new_page()
    page.goto(hosts.url("shop"))
    hosts.wait(lambda: images(hosts))
    assert page.locator("head > noscript > link").count() == 1
    assert page.locator("head > meta[name=behind]").count() == 1


def test_a_browser_with_javascript_asks_for_no_image(hosts: Hosts, browser: Browser) -> None:
    with browser.new_context(user_agent=AGENT) as context:
        context.new_page().goto(hosts.url("shop"))
        hosts.wait(lambda: hosts.said("shop", "POST", "/q"))
        (view,) = hosts.pages("shop")
        assert view["context"]["page"]["confirmed"] is True
        assert "noscript" not in view["context"]["page"]
        assert images(hosts) == []
