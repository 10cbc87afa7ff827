"""The console at ten million events: how long each page takes while the worker runs and visits
come, and how much disk the store takes for a million.

The store is filled with what the drain would have written (``shop.py``), through the store's own
functions for that, in larger transactions and with a larger cache than the worker has; older events
are packed by the store's own step. Views are counted by the worker itself. Pages are asked of the
face, as an operator's browser asks for them, in turns, between visits to the site. With
``BENCH_FOLDER`` the store stays in that folder, and is used again by the next run.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from track_middleware.delivery import parts, plans
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.worker import Worker
from track_middleware.reading import load
from track_middleware.wsgi import TrackMiddleware

from .shop import LABELS, Block, Filling

EVENTS = int(os.environ.get("BENCH_CONSOLE", "10000000"))
ROUNDS = 15

#: The most milliseconds of a page (median), and bytes of the store per event.
MEDIAN, SIZE = 100.0, 250

#: By name; ``{}`` is a visitor of long ago.
PAGES = {"live": "", "loss": "", "traffic": "", "delivery": "", "plan": "", "visitor": "id={}"}

#: Asked too, without a bar.
FURTHER = {
    "loss, 90 days": "days=90", "traffic, 90 days": "days=90", "visitor, older": "older=1&id={}",
}  # fmt: skip

TOKEN = "a-token-of-the-benchmarks-console"

#: While the store is filled: events of a block, blocks of a transaction, KiB of cache.
_AT_ONCE, _TOGETHER, _CACHE = 10_000, 20, 1_000_000

#: Visits to the site between two pages of the console.
_VISITS = 3
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


_day = parts.days("UTC")


def fill(store: Store, events: int, *, end: float) -> None:
    """Puts so many events of the ninety days before ``end`` into a store."""
    blocks = _blocks(events, end)
    while some := list(islice(blocks, _TOGETHER)):
        with store.batch():
            for block in some:
                _put(store, block)
                while store.pack(end - 3600):  # in between, so that the file need not hold all
                    pass


def _put(store: Store, block: Block) -> None:
    positions = store.append(block.rows)
    pages = [replace(each, position=positions.get(each.page.id)) for each in block.pages]
    store.intake.keep_pages(pages)
    store.intake.merged(block.merges)
    views = Counter(_day(each.accepted_at) for each in block.rows if each.kind == "page")
    store.intake.tally(
        {(at, word): n for at, n in views.items() for word in ("served", "page.human")},
        Counter((_day(each.accepted_at), each.label) for each in block.rows),
    )


def _blocks(events: int, end: float) -> Iterator[Block]:
    """Blocks, made in a process of their own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_make, args=(theirs, events, end))
    process.start()
    theirs.close()
    decoder = msgspec.msgpack.Decoder(Block)
    try:
        while content := ours.recv_bytes():
            yield decoder.decode(content)
    finally:
        ours.close()
        process.join()


def _make(pipe: Connection, events: int, end: float) -> None:
    for block in Filling(events, end=end).blocks(_AT_ONCE):
        pipe.send_bytes(msgspec.msgpack.encode(block))
    pipe.send_bytes(b"")


class _Asking:
    """An operator's browser without the browser, and its visitors'."""

    def __init__(self, site: TrackMiddleware, base: str) -> None:
        self._site, self._base = site, base

    def page(self, name: str, query: str = "") -> tuple[float, float]:
        """How many milliseconds a page takes, and how many of these the processor is at it."""
        return self._ask(f"{self._base}{name}/", query, HTTP_AUTHORIZATION=f"Bearer {TOKEN}")

    def visit(self) -> None:
        """Somebody looks at a page of the site."""
        self._ask("/products/1", "", HTTP_ACCEPT="text/html", HTTP_ACCEPT_LANGUAGE="en")

    def _ask(self, path: str, query: str, **headers: str) -> tuple[float, float]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query,
            "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "HTTP_HOST": "localhost", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.BytesIO(), "REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": _AGENT,
            **headers,
        }  # fmt: skip
        statuses: list[str] = []

        def start(status: str, headers: object, *_: object) -> object:
            statuses.append(status)
            return None

        begin, worked = time.perf_counter(), time.process_time()
        pieces = self._site(environ, start)  # type: ignore[arg-type]
        body = b"".join(pieces)
        took = (time.perf_counter() - begin) * 1000, (time.process_time() - worked) * 1000
        getattr(pieces, "close", lambda: None)()
        assert statuses == ["200 OK"], (path, statuses, body[:300])
        return took


def _shop(environ: object, start: Any) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/html")])
    return [b"<!doctype html><html><head><title>Product</title></head><body></body></html>"]


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds by page, and of the processor's (medians); bytes of the store for an event, and
    how long it took to fill and to count, in seconds."""

    pages: dict[str, tuple[float, float]]
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


def _given(folder: Path) -> dict[str, Any]:
    """The settings: a plan of fifty events, and two destinations."""
    properties = {name: {"type": "string"} for name in ("name", "product_id", "list", "coupon")}
    events = {
        name: {"description": name, "properties": properties}
        for name in (*LABELS, "Page Left", *(f"Planned {number}" for number in range(45)))
    }
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"events": events}))
    return {
        "data_dir": str(folder), "secret_key": "k" * 40, "path": "bench123", "console": TOKEN,
        "deliver": "worker", "min_free": "1", "keep_days": 400, "plan": str(plan),
        "destinations": [f"jsonl:///{folder}/all", f"jsonl:///{folder}/some?events=Product*"],
    }  # fmt: skip


def measured(folder: Path, events: int) -> Result:
    """Fills a store, lets the worker count and tidy it, and asks for the pages while it runs."""
    given = _given(folder)
    store = sqlite.open(folder / "events.db", cache=_CACHE)
    begin = time.monotonic()
    if store.end() < events:
        fill(store, events, end=time.time())
    store.claims.take(plans.routes(load(given, {})))  # every destination has had all events
    long_ago = store.read(store.end() // 3, 1)[0].order_key
    filled = time.monotonic() - begin
    begin = time.monotonic()
    with _working(given, folder):
        while store.views.counted().position < store.end():
            time.sleep(0.5)
        counted = time.monotonic() - begin
        asking = _Asking(TrackMiddleware(_shop, **given), "/bench123/console/")
        pages = _asked(asking, long_ago)
    store.sync()
    store.persons.empty_wal()
    size = (folder / "events.db").stat().st_size / store.end()
    store.close()
    return Result(pages, size, filled, counted)


def _asked(asking: _Asking, visitor: str) -> dict[str, tuple[float, float]]:
    """The medians of each page, asked in turns; the first one of each makes its templates."""
    every = {**PAGES, **FURTHER}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in every}
    for _ in range(1 + ROUNDS):
        for name, query in every.items():
            for _ in range(_VISITS):
                asking.visit()
            took[name].append(asking.page(name.partition(",")[0], query.format(visitor)))
    return {name: _medians(each[1:]) for name, each in took.items()}


def _medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    took, worked = zip(*pairs, strict=True)
    return statistics.median(took), statistics.median(worked)


def main() -> int:
    """Prints the table; 1 when a bar is missed."""
    kept = os.environ.get("BENCH_FOLDER")
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), EVENTS)
    print(f"{EVENTS:,} events: filled in {result.filled:.0f} s, counted in {result.counted:.0f} s")
    for name, (took, worked) in result.pages.items():
        bar = f" (bar {MEDIAN:.0f})" if name in PAGES else ""
        print(f"{name:<17} {took:7.1f} ms{bar}, the processor {worked:.1f} ms of it")
    print(f"store: {result.size:.0f} MB per million events (bar {SIZE})")
    slow = max(result.pages[name][0] for name in PAGES)
    return int(slow > MEDIAN or result.size > SIZE)
