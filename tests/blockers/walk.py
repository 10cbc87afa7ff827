"""A person's walk through the shop with everything switched on, as the browser's network saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.browser.shop import Shop, open_shop
from tests.chrome import launched
from tests.waiting import SECONDS

from .requests import Asked

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

#: Whatever makes the browser ask for more, but ``bait``, which is there to be blocked.
EVERYTHING = {
    "autocapture": "1",
    "hash_routes": "1",
    "js_errors": "1",
    "noscript": "1",
    "shared": "/category/*",
}

#: What Chromium calls resource types, as WebExtensions call them.
KINDS = {
    "Document": "main_frame",
    "Script": "script",
    "Fetch": "xmlhttprequest",
    "XHR": "xmlhttprequest",
    "Ping": "ping",
    "Image": "image",
    "Stylesheet": "stylesheet",
    "EventSource": "xmlhttprequest",
}


@dataclass
class Walk:
    """What was asked, each once; ``prefix`` is the path segment of our own requests."""

    prefix: str = ""
    asked: dict[Asked, None] = field(default_factory=dict)

    @property
    def own(self) -> list[Asked]:
        """The requests that are ours and not the shop's."""
        return [each for each in self.asked if self.is_own(each.url)]

    def is_own(self, url: str) -> bool:
        return urlsplit(url).path.startswith(f"/{self.prefix}/")

    def heard(self, sent: Mapping[str, Any]) -> None:
        """Chromium's ``Network.requestWillBeSent``."""
        url = sent["request"]["url"]
        if urlsplit(url).scheme in ("http", "https"):
            kind = KINDS.get(sent.get("type", ""), "other")
            self.asked[Asked(url, kind, sent["documentURL"])] = None


def walked(port: int, var: Path, name: str = "flask") -> Walk:
    """Opens the shop, walks it with and without JavaScript, and tells what was asked."""
    walk = Walk()
    with open_shop(name, port, var, settings=EVERYTHING) as shop, launched() as browser:
        with browser.new_context() as context:
            context.set_default_timeout(SECONDS * 1000)
            _look_around(_listened(context, walk), shop, walk)
            _buy(_listened(context, walk), shop)
            _leave_offline(_listened(context, walk), shop)
        with browser.new_context(java_script_enabled=False) as context:
            _listened(context, walk).goto(shop.url())
    return walk


def _listened(context: BrowserContext, walk: Walk) -> Page:
    """A new tab whose every request is written down."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", walk.heard)
    return page


def _settled(page: Page) -> None:
    """Returns when nothing is under way and what waited for a calm moment has had one."""
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(done => requestIdleCallback(done))")


def _look_around(page: Page, shop: Shop, walk: Walk) -> None:
    """Campaign, tagged and untagged clicks, routes, an error, shared pages, choices."""
    page.goto(shop.url("/?utm_source=letter&utm_medium=email&gclid=Cj0KCQjw"))
    _settled(page)
    address = page.get_attribute("script[src$='.js'][defer]", "src")
    assert address, "the page has no tag"
    walk.prefix = urlsplit(address).path.split("/")[1]
    page.click("text=Back to the top")
    page.click("h1")
    page.evaluate("setTimeout(() => { throw Error('of the page') })")
    page.evaluate("history.pushState(0, '', '/quick-view?utm_source=route')")
    page.evaluate("location.hash = 'reviews'")
    page.evaluate("track('Video Played', { seconds: 3 }); track.identify('42')")
    _settled(page)
    for path in ("/nowhere", "/category/tea", "/search?q=tea", "/sign-in"):
        page.goto(shop.url(path))
        _settled(page)
    page.evaluate("track.consent({ analytics: true, marketing: false })")
    _settled(page)
    page.close(run_before_unload=True)


def _buy(page: Page, shop: Shop) -> None:
    page.goto(shop.url())
    for step in (".tile a", "text=Add to cart", "text=Check out"):
        page.click(step)
        _settled(page)
    page.fill("[name=name]", "Ada")
    page.fill("[name=address]", "1 Loop Road")
    page.click("text=Place the order")
    _settled(page)


def _leave_offline(page: Page, shop: Shop) -> None:
    """What is said while nobody can hear it, and once somebody can."""
    page.goto(shop.url())
    _settled(page)
    page.context.set_offline(True)
    with page.expect_request(lambda request: request.resource_type == "ping"):
        page.evaluate("track('Said Offline'); dispatchEvent(new Event('pagehide'))")
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    _settled(page)
