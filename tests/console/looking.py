"""Somebody who looks at the console in a real Chromium, and notes whatever should not happen."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faces.apps import SECRET
from tests.faces.standing import standing
from track_middleware.tracking import routes

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOKEN = "a token of these tests"
PREFIX = f"/{routes.prefix(SECRET)}"
BASE = f"{PREFIX}/console"
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
SIZES = {"phone": (375, 812), "desktop": (1280, 800)}


@dataclass
class Site:
    """A site of one face behind a server."""

    port: int
    folder: Path

    def url(self, path: str) -> str:
        return f"http://localhost:{self.port}{path}"

    def told(self, table: str) -> Any:
        """The rows of one of the console's tables (``delivery/letters``)."""
        asked = urllib.request.Request(
            self.url(f"{BASE}/{table}"), headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)


@contextlib.contextmanager
def served(
    stands: subprocess.Popen[str], stand: str, folder: Path, **settings: Any
) -> Iterator[Site]:
    """The app of a face behind a server (``uvicorn-asgi``), ended with its block."""
    with standing(stands, *stand.split("-"), folder, console=TOKEN, **settings) as port:
        yield Site(port, folder)


#: Reports of the page's policy, told to the console.
_REPORTS = """addEventListener("securitypolicyviolation", (found) =>
    console.error(`policy: ${found.effectiveDirective} ${found.blockedURI} ${found.sample}`))"""

#: What every page of the console is made of, and nothing else may be.
_BODY = ["A", "HEADER", "MAIN", "FOOTER"]

#: What sticks out of the window but for what lies in a frame of its own that scrolls or cuts.
_STICKS_OUT = """() => {
    const cuts = (each) => each && each !== document.body && each !== document.documentElement &&
        (getComputedStyle(each).overflowX !== "visible" || cuts(each.parentElement));
    return [...document.body.querySelectorAll("*")].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.width && box.right > innerWidth + 1 && !cuts(each.parentElement);
    }).slice(0, 3).map((each) => each.outerHTML.slice(0, 200));
}"""


class Watched:
    """A page that notes whatever should not happen in it."""

    def __init__(self, page: Page, host: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.add_init_script(_REPORTS)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", self._said)
        page.on("dialog", lambda dialog: (self.wrong.append("dialog"), dialog.dismiss()))
        page.on("popup", lambda popup: self.wrong.append(f"popup: {popup.url[:80]}"))
        page.on("download", lambda each: self.wrong.append(f"download: {each.url[:80]}"))
        page.on("request", lambda request: self._asked(request.url, host))

    def _said(self, message: Any) -> None:
        # A refusal's own status is told as an error, too.
        is_missing = message.text.startswith("Failed to load resource") and "404" in message.text
        if message.type in ("error", "warning") and not is_missing:
            self.wrong.append(f"console: {message.text}")

    def _asked(self, url: str, host: str) -> None:
        if not url.startswith(host):
            self.wrong.append(f"asked {url[:80]}")

    def check(self) -> None:
        """Nothing has run, been asked or been reported, and the page is whole and as wide as its
        window."""
        page = self.page
        assert page.evaluate("typeof window.pwned") == "undefined"
        assert not self.wrong
        assert page.evaluate("[...document.body.children].map((each) => each.tagName)") == _BODY
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{wide} pixels stick out"
        assert not page.evaluate(_STICKS_OUT)


def signed_in(browser: Browser, site: Site, scheme: str, size: str) -> Watched:
    """The page of somebody who has signed in with the form, in a profile of its own."""
    width, height = SIZES[size]
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
    )
    page = context.new_page()
    watched = Watched(page, site.url("/"))
    page.goto(site.url(f"{BASE}/"))
    page.get_by_label("The console's token").fill(TOKEN)
    watched.wrong.clear()  # the browser tells of the 401 that a sign-in is
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("nav")
    return watched
