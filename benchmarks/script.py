"""What the browser script costs the main thread of a page of 5,000 elements, as Chromium traces it.

A real server serves the page with our tag; each load is somebody's first, without anything cached.
Time is the main thread's own CPU time. ``load`` is what the page loses while it loads: compiling,
evaluating and every call until its load event has ended, but for those that the browser makes when
it is idle. ``later`` is all else until the page view is delivered, ``longest`` the longest call of
all. A click's time is that of its listeners, ``later`` what follows it, sending included. Floors
are an empty script, one that reads what its own tag says (a page's first look at an element makes
Chromium build all that an element can), and one that posts one message and reads the answer.
A control's script does force layouts and shows that such would be found.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from re import Pattern
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.chrome import launched
from tests.waiting import free_port

from . import trace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOADS = int(os.environ.get("BENCH_LOADS", "20"))
CLICKS = int(os.environ.get("BENCH_CLICKS", "200"))
ELEMENTS = 5000

#: The most that a load and a click may take, in milliseconds.
LOAD, CLICK = 1.0, 0.1


@dataclass(frozen=True, slots=True)
class Subject:
    """A page, the script on it that is looked at, by its URL, and where it tells something."""

    path: str
    script: Pattern[str]
    told: str


#: Both files of our script, under any name.
OURS = Subject("/", re.compile(r"/m2?(\.[0-9a-f]{8})?\.js\Z"), "/q")
FLOOR = Subject("/floor", re.compile("/floor.js"), "/told")
EMPTY = Subject("/empty", re.compile("/empty.js"), "/empty.js")
TAG = Subject("/tag", re.compile("/tag.js"), "/tag.js")
CONTROL = Subject("/control", re.compile("/forces.js"), "/told")

#: A desktop's own window; a phone is emulated, whose pages have a layout viewport of their own.
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"no_viewport": True},
    "phone": {
        "viewport": {"width": 390, "height": 800},
        "is_mobile": True,
        "has_touch": True,
        "user_agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/156.0.0.0 Mobile Safari/537.36",
    },
}

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Script:
    """What a script cost: milliseconds of each load, of what followed it, of the longest call, and
    of each click; on average what followed a click; the layouts that it forced while the page was
    loaded and afterwards, by clicks."""

    loads: list[float]
    later: list[float]
    longest: list[float]
    clicks: list[float]
    after_click: float
    forced: list[str]
    forced_by_clicks: list[str]


def measured(
    browser: Browser, base: str, subject: Subject, *, screen: str, loads: int, clicks: int
) -> Script:
    """Loads the page so often, each time as somebody new, and clicks so often on another one."""
    took: list[tuple[float, float, float]] = []
    forced = []
    for number in range(loads + 1):
        with browser.new_context(**SCREENS[screen]) as context:
            page = context.new_page()
            seen = trace.PLACES if number == loads else trace.TIMES
            with _traced(browser, page, seen) as events:
                _load(page, base + subject.path, subject.told)
            forced += trace.forced(events, subject.script)
            if number < loads:
                took.append(_parts(events, trace.spent(events, subject.script)))
                continue
            with _traced(browser, page, trace.TIMES) as events:
                _click(page, clicks)
            by_clicks = trace.forced(events, subject.script)
            running = trace.spent(events, subject.script)
    listeners = trace.dispatched(events, "click")
    each = [_milliseconds([span for span in running if span.within(one)]) for one in listeners]
    after = (_milliseconds(running) - sum(each)) / max(1, clicks)
    loading, later, longest = (list(column) for column in zip(*took, strict=True))
    return Script(loading, later, longest, each, after, forced, by_clicks)


def _parts(events: list[trace.Event], running: list[trace.Span]) -> tuple[float, float, float]:
    """Milliseconds while the page loads, later, and of the longest call."""
    loading = _milliseconds(trace.while_loading(events, running))
    whole, longest = _milliseconds(running), max((span.cpu for span in running), default=0) / 1000
    return loading, whole - loading, longest


@contextmanager
def _traced(browser: Browser, page: Page, categories: Sequence[str]) -> Iterator[list[trace.Event]]:
    """What is traced in the block, there once it has ended."""
    events: list[trace.Event] = []
    browser.start_tracing(page=page, categories=list(categories))
    yield events
    events += trace.events(browser.stop_tracing())


def _load(page: Page, url: str, told: str) -> None:
    """Returns when the page is loaded and its script has been answered at a path that ends so."""
    with page.expect_response(lambda response: response.url.endswith(told)):
        page.goto(url)
    page.wait_for_load_state("networkidle")


def _click(page: Page, times: int) -> None:
    for _ in range(times):
        page.mouse.click(40, 20)
    page.wait_for_load_state("networkidle")


def _milliseconds(spans: list[trace.Span]) -> float:
    return sum(span.cpu for span in spans) / 1000


@contextmanager
def served() -> Iterator[str]:
    """The server's address, for as long as the block lasts."""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "benchmarks.script", str(port), folder]
        with subprocess.Popen(command) as server:
            try:
                _until_open(port)
                yield f"http://localhost:{port}"
            finally:
                server.terminate()


def _until_open(port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            assert time.monotonic() < end, "the server never opened"
            time.sleep(0.05)


# The server


def page(script: str = "") -> str:
    """A page of some 5,000 elements: a button to be clicked on, and rows of cells."""
    rows = "".join(
        f"<tr><td>{n}</td><td><a href='#row-{n}'>A product</a></td><td>9.90</td></tr>"
        for n in range(ELEMENTS // 5)
    )
    link = "<p><button data-track='Banner Clicked' data-track-place='top'>A banner</button></p>"
    size = "<meta name='viewport' content='width=device-width'>"
    style = "<style>body { margin: 0 } button { width: 9em; height: 3em }</style>"
    return (
        f"<!doctype html><html><head><title>A list</title>{size}{style}{script}</head>"
        f"<body>{link}<table>{rows}</table></body></html>"
    )


#: A script of the kind that ours must not be.
FORCES = """
const force = () => {
  document.body.style.paddingTop = Math.random() + "px";
  return document.body.offsetHeight;
};
document.addEventListener("DOMContentLoaded", force);
document.addEventListener("click", force);
"""


#: The least that a script which is told something by its tag can do.
READS = """
window.told = document.currentScript.src + document.currentScript.getAttribute("data-global");
"""

#: The least that a script which tells something can do.
LEAST = """
fetch("/told", { method: "POST", body: "{}", keepalive: true }).then(answer => answer.json());
"""


def serve(port: str, folder: str) -> None:
    """Serves the tracked page at ``/``, the others at their names, until it is ended."""
    from track_middleware.wsgi import TrackMiddleware

    pages = {
        "/": ("text/html", page()),
        **{
            it.path: ("text/html", page(f"<script src='{it.script.pattern}' defer></script>"))
            for it in (EMPTY, FLOOR, TAG, CONTROL)
        },
        FLOOR.script.pattern: ("text/javascript", LEAST),
        EMPTY.script.pattern: ("text/javascript", ""),
        TAG.script.pattern: ("text/javascript", READS),
        CONTROL.script.pattern: ("text/javascript", FORCES + LEAST),
        "/told": ("application/json", "{}"),
    }

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        kind, text = pages.get(environ["PATH_INFO"], ("", ""))
        status = "200 OK" if kind else "404 Not Found"
        body = text.encode()
        start_response(status, [("Content-Type", kind or "text/plain"),
                                ("Content-Length", str(len(body)))])  # fmt: skip
        return [body]

    settings = {"data_dir": folder, "deliver": "worker", "secret_key": "bench",
                "exclude": [EMPTY.path, FLOOR.path, TAG.path, CONTROL.path]}  # fmt: skip
    tracked = TrackMiddleware(app, **settings)
    make_server("127.0.0.1", int(port), tracked, _Server, _Quiet).serve_forever()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def main() -> int:
    """Prints the table; 1 when a bar is missed, a layout is forced or none of the control's is."""
    with served() as base, launched() as browser:
        print(
            f"{'':<10}{'load, ms':>10}{'p90':>8}{'later':>8}{'longest':>9}"
            f"{'click, ms':>11}{'p90':>8}{'later':>8}{'forced layouts':>16}"
        )

        def run(name: str, subject: Subject, screen: str, loads: int, clicks: int) -> Script:
            it = measured(browser, base, subject, screen=screen, loads=loads, clicks=clicks)
            _print(name, it)
            return it

        ours = [run(screen, OURS, screen, LOADS, CLICKS) for screen in SCREENS]
        run("empty", EMPTY, "desktop", LOADS, 2)
        run("the tag", TAG, "desktop", LOADS, 2)
        run("the call", FLOOR, "desktop", LOADS, 2)
        control = run("control", CONTROL, "desktop", 2, 10)
    print(f"bars: {LOAD:g} ms a load, {CLICK:g} ms a click, no forced layout but the control's")
    found = control.forced and control.forced_by_clicks
    return int(not found or any(map(_missed, ours)))


def _missed(it: Script) -> bool:
    slow = statistics.median(it.loads) > LOAD or statistics.median(it.clicks) > CLICK
    return slow or bool(it.forced or it.forced_by_clicks)


def _print(name: str, it: Script) -> None:
    both = [*it.forced, *it.forced_by_clicks]
    print(
        f"{name:<10}{statistics.median(it.loads):>10.3f}{_late(it.loads):>8.3f}"
        f"{statistics.median(it.later):>8.3f}{statistics.median(it.longest):>9.3f}"
        f"{statistics.median(it.clicks):>11.4f}{_late(it.clicks):>8.4f}{it.after_click:>8.3f}"
        f"{len(both):>16}",
        flush=True,
    )
    for each in sorted(set(both)):
        print(f"  {both.count(each)} times {each}")


def _late(times: list[float]) -> float:
    """The ninth tenth."""
    return statistics.quantiles(times, n=10)[8]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(*sys.argv[1:])
    else:
        sys.exit(main())
