"""The console at ten million events: how long each page takes while the worker runs, and how much
disk the store takes for a million.

The store is filled through its own intake, with bodies as the site writes them; counting, tidying
and packing are the worker's. Pages are asked of the face, as an operator's browser asks for them.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from track_middleware.delivery.store import NewRow, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.worker import Worker
from track_middleware.event import iso
from track_middleware.reading import load
from track_middleware.wsgi import TrackMiddleware

EVENTS = int(os.environ.get("BENCH_CONSOLE", "10000000"))
ROUNDS = 9

#: The most milliseconds of a page (median), and bytes of the store per event.
MEDIAN, SIZE = 100.0, 250

PAGES = ("live", "loss", "traffic", "delivery", "plan", "visitor")

DAYS, DAY = 90, 86400.0
TOKEN = "a-token-of-the-benchmarks-console"
_AT_ONCE = 5000

_AGENTS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome", "126.0.0", "Windows", "10"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "mobile", "Mobile Safari", "17.5", "iOS",
     "17.5"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "desktop", "Firefox",
     "140.0", "Linux", ""),
)  # fmt: skip
_CAMPAIGNS = ("", "", "", ("news", "email", "may"), ("google", "cpc", "shoes"))
_LABELS = ("Product Viewed", "Product Added", "Cart Viewed", "Products Searched")


@dataclass(slots=True)
class _Visit:
    """One session: what all of its events say."""

    visitor: str
    session: str
    start: float
    agent: tuple[str, ...]
    campaign: str
    locale: str
    ip: str


class Filling:
    """Makes events of a shop's visits: pages with both halves, what a page tells when it is left,
    and what people do."""

    def __init__(self, events: int, *, end: float) -> None:
        self._chance = random.Random(11)
        self._events = events
        self._begin = end - DAYS * DAY
        self._visitors: list[str] = []

    def rows(self) -> Iterator[NewRow]:
        """All of them, in the order of their times."""
        made = 0
        while made < self._events:
            at = self._begin + DAYS * DAY * made / self._events
            for row in self._session(at):
                yield row
                made += 1

    def _session(self, at: float) -> Iterator[NewRow]:
        visit = self._visit(at)
        for _ in range(1 + int(self._chance.expovariate(0.5))):
            path = f"/products/{int(self._chance.paretovariate(0.6)) % 3000}"
            page = self._id(at)
            yield self._view(visit, page, path, at)
            if self._chance.random() < 0.6:
                label = self._chance.choice(_LABELS)
                yield self._told(visit, label, page, path, at + 9, self._product())
            engaged = self._chance.randrange(500, 60000)
            left = f'"engagedMs":{engaged},"scrollDepth":{self._chance.randrange(100)}'
            yield self._told(visit, "Page Left", page, path, at + 20, left)
            at += 25

    def _visit(self, at: float) -> _Visit:
        chance = self._chance
        if self._visitors and chance.random() < 0.4:
            visitor = chance.choice(self._visitors)
        else:
            visitor = self._id(at)
            self._visitors.append(visitor)
        touch = chance.choice(_CAMPAIGNS)
        campaign = (
            '"campaign":{{"source":"{}","medium":"{}","name":"{}"}},'
            '"firstCampaign":{{"source":"{}","medium":"{}","name":"{}"}},'.format(*touch, *touch)
            if touch
            else ""
        )
        return _Visit(
            visitor, str(uuid.UUID(int=chance.getrandbits(128))), at, chance.choice(_AGENTS),
            campaign, chance.choice(("de-DE", "en-US", "fr")), f"203.0.{chance.randrange(256)}.0",
        )  # fmt: skip

    def _id(self, at: float) -> str:
        return str(uuid.UUID(int=(int(at * 1000) << 80) | self._chance.getrandbits(80)))

    def _product(self) -> str:
        number = self._chance.randrange(3000)
        return f'"product_id":"{number}","name":"Product {number}","price":{number % 97}.5'

    def _context(self, visit: _Visit, page: str, path: str, more: str) -> str:
        return (
            f'"context":{{"page":{{"url":"https://shop.example{path}","path":"{path}","id":"{page}",'
            f'{more}}},"library":{{"name":"track-middleware","version":"0.1.0"}},'
            f'"platform":"server","consent":{{"analytics":"granted","marketing":"granted"}},'
            f'"userAgent":"{visit.agent[0]}","ip":"{visit.ip}","locale":"{visit.locale}",'
            f'"session":{{"id":"{visit.session}","number":1,"start":"{iso(visit.start)}"}},'
            f'{visit.campaign}"timezone":"Europe/Berlin",'
            f'"screen":{{"viewport":"1280x720","size":"1920x1080"}}}}'
        )

    def _derived(self, visit: _Visit) -> bytes:
        _, device, browser, version, system, release = visit.agent
        return (
            f'{{"device":{{"type":"{device}"}},"browser":{{"name":"{browser}","version":"{version}"}},'
            f'"os":{{"name":"{system}","version":"{release}"}},"referrer":{{"kind":"search",'
            f'"source":"Google","medium":"organic"}},"channel":"Organic Search",'
            f'"location":{{"country":"DE"}}}}'
        ).encode()

    def _view(self, visit: _Visit, page: str, path: str, at: float) -> NewRow:
        confirmed = "true" if self._chance.random() < 0.9 else "false"
        more = (
            f'"referrer":"https://www.google.com/","status":200,'
            f'"durationMs":{self._chance.randrange(20, 900) / 10},"confirmed":{confirmed},'
            f'"title":"Product {path[10:]}"'
        )
        body = (
            f'{{"messageId":"{page}","type":"page","timestamp":"{iso(at)}",'
            f'"anonymousId":"{visit.visitor}",{self._context(visit, page, path, more)}}}'
        )
        return NewRow(page, visit.visitor, at, "page", "Page", body.encode(),
                      self._derived(visit), None, 1)  # fmt: skip

    def _told(
        self, visit: _Visit, label: str, page: str, path: str, at: float, properties: str
    ) -> NewRow:
        event_id = str(uuid.UUID(int=self._chance.getrandbits(128)))
        body = (
            f'{{"messageId":"{event_id}","type":"track","timestamp":"{iso(at)}","event":"{label}",'
            f'"anonymousId":"{visit.visitor}","properties":{{{properties}}},'
            f"{self._context(visit, page, path, '')}}}"
        ).replace(",},", "},")
        return NewRow(event_id, visit.visitor, at, "track", label, body.encode(),
                      self._derived(visit), None, 1)  # fmt: skip


def fill(store: Store, events: int, *, end: float) -> None:
    """Puts so many events of the last ninety days into a store."""
    block: list[NewRow] = []
    for row in Filling(events, end=end).rows():
        block.append(row)
        if len(block) == _AT_ONCE:
            store.append(block)
            block.clear()
            while store.pack(end):  # as the worker does beside it, an hour later
                pass
    store.append(block)


class _Asking:
    """An operator's browser without the browser."""

    def __init__(self, site: TrackMiddleware, base: str) -> None:
        self._site, self._base = site, base

    def page(self, name: str, query: str = "") -> float:
        """How many milliseconds a page takes."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": f"{self._base}{name}/", "QUERY_STRING": query,
            "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "HTTP_HOST": "localhost", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.BytesIO(), "REMOTE_ADDR": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
        }  # fmt: skip
        statuses: list[str] = []

        def start(status: str, headers: object, *_: object) -> object:
            statuses.append(status)
            return None

        begin = time.perf_counter()
        pieces = self._site(environ, start)  # type: ignore[arg-type]
        body = b"".join(pieces)
        took = (time.perf_counter() - begin) * 1000
        getattr(pieces, "close", lambda: None)()
        assert statuses == ["200 OK"], (name, statuses, body[:300])
        return took


def _nobody(environ: object, start: Any) -> list[bytes]:
    start("404 Not Found", [])
    return [b""]


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds by page (median), bytes of the store for an event, and how long it took to fill
    and to count, in seconds."""

    pages: dict[str, float]
    size: float
    filled: float
    counted: float


@contextmanager
def _working(given: dict[str, Any], folder: Path) -> Iterator[None]:
    """The worker, in a process of its own as everywhere."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_work, args=(given, folder, stop))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _work(given: dict[str, Any], folder: Path, stop: threading.Event) -> None:
    worker = Worker(load(given, {}), data_dir=folder)
    worker.run(stop)
    worker.close()


def measured(folder: Path, events: int) -> Result:
    """Fills a store, lets the worker count and tidy it, and asks for the pages while it runs."""
    given: dict[str, Any] = {
        "data_dir": str(folder), "secret_key": "k" * 40, "path": "bench123", "console": TOKEN,
        "deliver": "worker", "min_free": "1", "keep_days": 400,
        "destinations": [f"jsonl:///{folder}/out"],
    }  # fmt: skip
    settings = load(given, {})
    store = sqlite.open(folder / "events.db")
    begin = time.monotonic()
    fill(store, events, end=time.time())
    with store.batch():
        job = store.job(settings.destinations[0])
        store.advance(job, store.end(), [])
    filled = time.monotonic() - begin
    begin = time.monotonic()
    with _working(given, folder):
        while store.views.counted().position < store.end():
            time.sleep(0.5)
        counted = time.monotonic() - begin
        asking = _Asking(TrackMiddleware(_nobody, **given), "/bench123/console/")
        pages = {
            name: statistics.median(asking.page(name) for _ in range(ROUNDS)) for name in PAGES
        }
    store.sync()
    store.persons.empty_wal()
    size = (folder / "events.db").stat().st_size / store.end()
    store.close()
    return Result(pages, size, filled, counted)


def main() -> int:
    """Prints the table; 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), EVENTS)
    print(f"{EVENTS:,} events: filled in {result.filled:.0f} s, counted in {result.counted:.0f} s")
    for name, took in result.pages.items():
        print(f"{name:<10} {took:7.1f} ms (bar {MEDIAN:.0f})")
    print(f"store: {result.size:.0f} MB per million events (bar {SIZE})")
    return int(max(result.pages.values()) > MEDIAN or result.size > SIZE)
