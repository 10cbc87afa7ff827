"""A person whose browser keeps nothing is counted as often as they look, each time anew."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import FLAGS
from tests.browser.shop import Shop
from tests.browser.walk import Person, Walk, path_of
from tests.programs import chromium

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")


@pytest.fixture
def without_cookies(shop: Shop, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose owner has blocked all cookies and site data."""
    from playwright.sync_api import sync_playwright

    folder = tmp_path / "profile"
    (folder / "Default").mkdir(parents=True)
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (folder / "Default" / "Preferences").write_text(json.dumps(blocked))
    with sync_playwright() as playwright, _profile(playwright, folder) as context:
        yield context


def _profile(playwright: Playwright, folder: Path) -> BrowserContext:
    return playwright.chromium.launch_persistent_context(
        folder, executable_path=chromium(), headless=False, args=FLAGS
    )


def test_views_without_cookies_are_counted_once_each(
    shop: Shop, walk: Walk, without_cookies: BrowserContext
) -> None:
    nobody = Person(without_cookies, shop)
    page = nobody.opens("/x/plain")
    assert page.evaluate("document.cookie = 'kept=1'; document.cookie") == ""
    with page.expect_request_finished(lambda told: told.url.endswith("/q")):
        page.evaluate("track('Touched')")
    nobody.follows("shared", page)
    nobody.follows("other", page)
    assert all("cookie" not in each["asked"] for each in walk.shop.seen[-6:])
    events = walk.events
    views = [event for event in events if event["type"] == "page"]
    assert Counter(map(path_of, views)) == {"/x/plain": 1, "/x/shared": 1, "/x/other": 1}
    assert all(view["context"]["page"]["confirmed"] for view in views)
    (touched,) = [event for event in events if event.get("event") == "Touched"]
    (plain,) = [view for view in views if path_of(view) == "/x/plain"]
    assert touched["anonymousId"] == plain["anonymousId"]
