"""The loss meter on what real browsers do: with scripts and without, with uBlock Origin's engine,
leaving before the script, behind a caching proxy."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from tests.blockers.engines import ublock
from tests.blockers.requests import Asked
from tests.browser.cache import cached
from tests.browser.conftest import FLAGS
from tests.chrome import launched
from track_middleware.console.losses import Loss, blockers, loss, summed
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.worker import Worker
from track_middleware.wsgi import TrackMiddleware

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route

pytestmark = pytest.mark.needs("chromium", "nginx", "node", "blockers")

BAIT = "https://www.google-analytics.com/g/collect?v=2"
AGENT = FLAGS[-1].partition("=")[2]
_CONFIRMED = re.compile(rb'\{"kind":"confirm".*?"origin":"(\w+)"')
_ASKED = re.compile(rb'"Blocker Checked","anonymousId":"([\w-]+)"')


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _shop(environ: dict[str, Any], start: Any) -> list[bytes]:
    headers = [("Content-Type", "text/html; charset=utf-8")]
    if environ["PATH_INFO"] == "/shared":
        headers.append(("Cache-Control", "public, max-age=600"))
    start("200 OK", headers)
    return [b"<!doctype html><html><head><title>Shop</title></head><body>Hello</body></html>"]


class Site:
    """The site behind its cache, and who comes to it."""

    def __init__(self, folder: Path) -> None:
        given: dict[str, Any] = {
            "data_dir": str(folder), "secret_key": "k" * 40, "path": "browsed1",
            "deliver": "worker", "bait": BAIT, "min_free": "1",
        }  # fmt: skip
        self.folder = folder
        self.face = TrackMiddleware(_shop, **given)
        self.address = ""

    def wait_for(self, *, confirmed: int, asked: int) -> None:
        """Returns when so many pages have been confirmed, and so many visitors told of the bait."""
        end = time.monotonic() + 60
        while True:
            spooled = b"".join(each.read_bytes() for each in self.folder.glob("spool/v1-*"))
            # A message may come twice: it is counted once.
            told = len(set(_CONFIRMED.findall(spooled))), len(set(_ASKED.findall(spooled)))
            if told[0] >= confirmed and told[1] >= asked:
                return
            assert time.monotonic() < end, told
            time.sleep(0.05)

    def loss(self) -> tuple[Loss, dict[str, int], dict[str, int]]:
        """What the rollups say: the loss, visitors' classes, and the day's own classes."""
        worker = Worker(self.face.wiring.settings, data_dir=self.folder)
        try:
            assert worker.once()
        finally:
            worker.close()
        store = sqlite.open(self.folder / "events.db")
        try:
            cells = store.views.days("all", 0, 10**6).values()
            classes = summed(store.views.people(0, 10**6).values())
            shared = {name: n for (_, name), n in store.rollups().items()}
        finally:
            store.close()
        served, confirmed = sum(e.served for e in cells), sum(e.confirmed for e in cells)
        return loss(served, confirmed, classes), classes, shared


@pytest.fixture
def site(tmp_path: Path, free_port: int) -> Iterator[Site]:
    made = Site(tmp_path / "data")
    with make_server("127.0.0.1", 0, made.face, _Server, _Silent) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with cached(server.server_port, free_port, tmp_path / "nginx") as made.address:
                yield made
        finally:
            server.shutdown()
            thread.join()


def _person(browser: Browser, *, rule: str = "", **options: Any) -> BrowserContext:
    """A browser profile; ``rule`` is what a blocker has against the bait."""
    context = browser.new_context(**options)

    def decide(route: Route) -> None:
        route.abort("blockedbyclient") if rule else route.fulfill(status=200, body="x")

    context.route(f"{BAIT}*", decide)
    return context


def _reads(context: BrowserContext, site: Site, *paths: str, so_far: int) -> None:
    """Opens pages one after the other in one tab, each until the script has told of it, as
    ``so_far`` visitors have done before."""
    page = context.new_page()
    for path in paths:
        with page.expect_response(lambda answer: answer.url.endswith("/q")):
            page.goto(site.address + path)
    # The route of the bait answers only while the driver waits, which the site does not.
    page.wait_for_function("sessionStorage['track-page:bait']")
    site.wait_for(confirmed=(so_far + 1) * len(paths), asked=so_far + 1)
    page.goto("about:blank")


def _leaves(context: BrowserContext, site: Site, path: str) -> None:
    """Opens a page whose script does not come before it is left."""
    context.route("**/m.js", lambda route: None)
    page = context.new_page()
    page.goto(site.address + path, wait_until="commit")
    page.goto("about:blank")


def test_what_real_browsers_do_is_counted_exactly(site: Site) -> None:
    (rule,) = ublock([Asked(BAIT, "xmlhttprequest", "https://shop.example/")])
    assert rule
    with launched(*FLAGS[-1:]) as browser:
        for so_far, theirs in enumerate((rule, "", "")):
            with _person(browser, rule=theirs) as context:
                _reads(context, site, "/", "/list", "/shared", so_far=so_far)
                if not theirs:
                    _leaves(context, site, "/left")
        with _person(browser, java_script_enabled=False) as context:
            page = context.new_page()
            for path in ("/", "/list", "/item", "/shared"):
                page.goto(site.address + path)
        asked = urllib.request.Request(
            site.address + "/", headers={"User-Agent": AGENT, "Accept": "text/html"}
        )
        urllib.request.urlopen(asked, timeout=60).close()
    found, classes, shared = site.loss()
    assert (found.served, found.confirmed) == (6 + 2 + 3 + 1, 6)
    assert (found.left, found.silent, found.odd, found.unclear) == (2, 3, 1, 0)
    assert (shared["served"], shared["page.shared"]) == (1, 3)
    bait = blockers(classes)
    assert (bait.asked, bait.blocked) == (3, 1)
    assert bait.kept == 3
