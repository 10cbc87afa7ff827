"""Our own banner in a real browser: without JavaScript, under a strict policy, on a cached page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tests.tracking.site
from tests.client.hosts import AGENT, Hosts, opened
from tests.waiting import SECONDS
from track_middleware.tracking.banner import banner
from track_middleware.tracking.routes import prefix

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.needs("chromium")

POLICY = "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">"


def document() -> str:
    """The same page for everybody, as a cache would have it."""
    form = banner(tests.tracking.site.Site().tracker.core, "", version="2026-01")
    ours = form.replace("/prefix00/", f"/{prefix('shared')}/")
    return f"<head>{POLICY}<title>t</title></head><body>{ours}<p>shop"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with opened(tmp_path, consent="opt_in") as hosts:
        hosts.documents["shop/"] = document()
        yield hosts


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with browser.new_context(java_script_enabled=request.param, user_agent=AGENT) as context:
        context.set_default_timeout(SECONDS * 1000)
        yield context.new_page()


def names(page: Page) -> set[str]:
    return {cookie["name"] for cookie in page.context.cookies()}


def test_it_asks_until_it_is_answered_and_can_be_asked_for_again(hosts: Hosts, page: Page) -> None:
    address = hosts.url("shop", "/?utm_source=news")
    form = page.get_by_role("region", name="Privacy")
    page.goto(address)
    assert form.is_visible()
    assert (names(page), hosts.pages("shop")) == (set(), [])
    with page.expect_navigation(url=address):
        page.get_by_role("button", name="Accept").click()
    assert not form.is_visible()
    assert names(page) == {"_tm_c", "_tm_v", "_tm_s"}
    hosts.wait(lambda: hosts.pages("shop"))
    (view,) = hosts.pages("shop")
    assert view["context"]["campaign"] == {"source": "news"}
    page.goto(f"{address}#track-banner")
    page.reload()
    assert form.is_visible()
    with page.expect_navigation(url=address):
        page.get_by_role("button", name="Reject").click()
    assert not form.is_visible()
    assert names(page) == {"_tm_c"}
