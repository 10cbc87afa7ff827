"""People with browsers, what they looked at, and whether the destination says the same.

A test says what a person does and which page that shows; ``Walk.is_counted`` then asks the
destination for exactly these page views, each once and each with the visitor who made it.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import Error as PlaywrightError

from tests.browser.shop import Shop
from tests.waiting import SECONDS, until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request

#: What a page says from now on stays in it.
_FALLS_SILENT = """() => {
  window.fetch = () => new Promise(() => 0);
  navigator.sendBeacon = () => true;
}"""

#: A path and whether a browser has confirmed the view.
View = tuple[str, bool]


class Person:
    """Somebody with a browser profile of their own, and the views they have made so far.

    ``lives_at``: the address they know the shop under, when it is not the shop's own.
    """

    def __init__(self, context: BrowserContext, shop: Shop, lives_at: str | None = None) -> None:
        self.context = context
        self.made: list[tuple[str, View]] = []
        self._base = lives_at or shop.url("")
        self._views: dict[tuple[str, str], str] = {}
        self._asking: set[Request] = set()
        context.set_default_timeout(SECONDS * 1000)
        context.on("request", lambda request: self._asking.add(request))
        context.on("requestfinished", lambda request: self._asking.discard(request))
        context.on("requestfailed", lambda request: self._asking.discard(request))
        # A driver does not tell whether what a closed page asked has been answered.
        context.on("page", lambda page: page.on("close", lambda _: self._asking.clear()))
        context.on("requestfinished", self._finished)

    def url(self, path: str) -> str:
        return self._base + path

    @property
    def visitor(self) -> str:
        """The visitor's id in the cookie that their browser holds; "" without one."""
        cookies = {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}
        return visitor_of(cookies.get("_tm_v", ""))

    def leaves(self) -> None:
        """Goes away; what the pages still say on the way has been answered then, so that it is not
        taken for the next person's."""
        for page in self.context.pages:
            with suppress(PlaywrightError):  # without JavaScript nothing is said
                page.evaluate(_FALLS_SILENT)
        self.waits_until(lambda: not self._asking, "something has no answer")

    @contextmanager
    def views(self, *paths: str, confirmed: bool = True, tells: bool = True) -> Iterator[None]:
        """What happens in the block shows these pages, one after the other.

        ``confirmed``: the script tells of the view. ``tells``: it does so before the block ends,
        which is waited for: what comes next is a person's step, not a robot's.
        """
        with self.tells(len(paths) if confirmed and tells else 0):
            yield
        self.saw(*paths, confirmed=confirmed)

    def saw(self, *paths: str, confirmed: bool = True) -> None:
        """What they have looked at a moment ago."""
        self.made += [(self.visitor, (path, confirmed)) for path in paths]

    @contextmanager
    def tells(self, count: int) -> Iterator[None]:
        """What happens in the block makes the script tell of so many pages, views or not."""
        before = self._told
        yield
        self.waits_until(lambda: self._told >= before + count, f"{count} more are to be told of")

    @contextmanager
    def fails_to_tell(self) -> Iterator[None]:
        """What happens in the block makes the script tell of something, in vain."""
        failed: list[Request] = []
        self.context.on("requestfailed", lambda request: failed.append(request))
        yield
        self.waits_until(lambda: any(_is_told(each) for each in failed), "nothing has failed")

    def opens(self, path: str, page: Page | None = None, **given: bool) -> Page:
        """Opens a path of the shop in a tab and returns the tab."""
        page = page or self.context.new_page()
        with self.views(path, **given):
            page.goto(self.url(path), wait_until="domcontentloaded")
        return page

    def follows(self, link: str, page: Page, **given: bool) -> None:
        """Clicks on a link of one of the tests' pages."""
        with self.views(f"/x/{link}", **given):
            page.click(f"a[id='{link}']")

    def has_told_of(self, path: str) -> None:
        """Waits until a page's call that tells of this path has its answer."""
        self.waits_until(lambda: self.url(path) in self._views.values(), f"nobody told of {path}")

    def waits_until(self, enough: Callable[[], bool], why: str) -> None:
        """Waits through Playwright, which tells of requests only then."""
        end = time.monotonic() + SECONDS
        while not enough():
            assert time.monotonic() < end, f"{why}; told of {self._told} pages"
            self.context.pages[0].wait_for_timeout(10)

    @property
    def _told(self) -> int:
        return len(self._views)

    def _finished(self, request: Request) -> None:
        """A message whose answer was lost comes again under the same id, and is the same."""
        if _is_told(request):
            said = json.loads(request.post_data or "{}")
            views = (each for each in said.get("events", ()) if each["type"] in ("view", "route"))
            self._views |= {(each["load"], each["id"]): each["url"] for each in views}


def _is_told(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/q")


def visitor_of(cookie: str) -> str:
    """The visitor's id in our signed cookie; "" where there is none."""
    if not cookie:
        return ""
    text = cookie.split(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))[0])


class Walk:
    """One test's people in one shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        until(lambda: not shop.busy, "a request of the test before has no answer")
        shop.drain()  # what a test before did not look at
        self._delivered, self._seen = len(shop.delivered), len(shop.seen)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What has reached the destination since the walk began."""
        self.shop.drain()
        return self.shop.delivered[self._delivered :]

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What the server was asked since the walk began."""
        return self.shop.seen[self._seen :]

    def asked(self, path: str) -> list[dict[str, Any]]:
        """What the server was asked for under this path since the walk began."""
        return [each for each in self.seen if each["path"] == path]

    def told(self) -> int:
        """How often a script has told the server of something since the walk began."""
        return sum(each["method"] == "POST" and each["path"].endswith("/q") for each in self.seen)

    def page_views(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == "page"]

    def is_counted(self, *people: Person) -> list[dict[str, Any]]:
        """Asserts that the destination has these people's views, and no other; gives its events."""
        made = Counter(view for person in people for view in person.made)
        events = self.events
        views = [event for event in events if event["type"] == "page"]
        got = Counter((event["anonymousId"], _view(event)) for event in views)
        assert got == made, f"too many: {got - made}, missing: {made - got}"
        assert len({event["messageId"] for event in views}) == len(views)
        return events


def _view(event: Mapping[str, Any]) -> View:
    page = event["context"]["page"]
    return path_of(event), page["confirmed"]


def path_of(event: Mapping[str, Any]) -> str:
    """The path that an event happened on, without Django's slash at the end."""
    return urlsplit(event["context"]["page"]["url"]).path.rstrip("/") or "/"
