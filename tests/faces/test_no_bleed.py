"""Nobody gets somebody else's id: thousands of requests at once, each with cookies of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from tests.faces.apps import Site, build
from tests.faces.pages import PAGES, Page
from tests.programs import ROOT
from track_middleware import track, wiring
from track_middleware.event import Entry

Kept = list[Entry]

VISITORS, ROUNDS = 100, 10


def whose() -> object:
    """What a view learns of its visitor; the verb writes the same to the spool."""
    exchange = wiring.CURRENT.get()
    assert exchange is not None
    return track("Asked", {"cookie": exchange.anonymous_id})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAGES, "/whose", Page(view=whose))


def visitors(site: Site, kept: Kept) -> list[tuple[str, str]]:
    """Visitors' cookies and ids, made one after the other."""
    made = []
    for _ in range(VISITORS):
        site.forget()
        kept.clear()
        lines = site.ask("/").cookies
        person = kept[0].person
        assert person is not None
        made.append(("; ".join(line.split(";")[0].strip() for line in lines), person.visitor))
    kept.clear()
    return made


def foreign(kept: Kept, expected: int) -> int:
    """How many events carry another visitor than their request."""
    events = [entry.event for entry in kept if entry.event and entry.event.event == "Asked"]
    assert len(events) == expected
    return sum(event.anonymous_id != event.properties["cookie"] for event in events)


def _environ(cookie: str, number: int) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "PATH_INFO": "/whose", "HTTP_COOKIE": cookie, "HTTP_ACCEPT": "text/html",
        "QUERY_STRING": f"n={number}",
    }  # fmt: skip
    setup_testing_defaults(environ)
    return environ


def _by_request(kept: Kept) -> dict[str, str | None]:
    """The visitor of each request's page view, by the number in its query."""
    views = [entry.event for entry in kept if entry.kind == "view" and entry.event]
    return {view.context["page"]["url"].partition("n=")[2]: view.anonymous_id for view in views}


@pytest.mark.parametrize("face", ["wsgi", "flask", "django-sync"])
def test_threads_never_share_a_visitor(data_dir: Path, face: str, kept: Kept, asked: None) -> None:
    site: Any = build(face, data_dir)
    made = visitors(site, kept)

    def call(number: int) -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        environ = _environ(made[number % VISITORS][0], number)
        body = site.app(environ, lambda status, headers, exc=None: seen.extend(headers))
        b"".join(body)
        if hasattr(body, "close"):
            body.close()
        return [pair for pair in seen if pair[0] == "Set-Cookie"]

    with ThreadPoolExecutor(16) as pool:
        cookies = list(pool.map(call, range(VISITORS * ROUNDS)))
    assert cookies == [[]] * (VISITORS * ROUNDS)
    assert foreign(kept, VISITORS * ROUNDS) == 0
    whose_was = _by_request(kept)
    assert all(
        whose_was[str(number)] == made[number % VISITORS][1] for number in range(VISITORS * ROUNDS)
    )


@pytest.mark.parametrize("face", ["asgi", "starlette", "fastapi", "django-async"])
def test_tasks_never_share_a_visitor(data_dir: Path, face: str, kept: Kept, asked: None) -> None:
    site: Any = build(face, data_dir)
    made = visitors(site, kept)
    foreign_cookies: list[Any] = []

    async def call(number: int) -> None:
        messages = [{"type": "http.request"}]

        async def receive() -> Any:
            await asyncio.sleep(0)
            if not messages:
                await asyncio.Event().wait()
            return messages.pop()

        async def send(message: Any) -> None:
            await asyncio.sleep(0)
            for name, value in message.get("headers", ()):
                if name.lower() == b"set-cookie":
                    foreign_cookies.append(value)

        headers = [(b"accept", b"text/html"), (b"cookie", made[number % VISITORS][0].encode())]
        scope = {
            "type": "http", "method": "GET", "path": "/whose", "scheme": "http",
            "query_string": f"n={number}".encode(), "headers": headers,
        }  # fmt: skip
        await site.app(scope, receive, send)

    async def all_at_once() -> None:
        for start in range(0, VISITORS * ROUNDS, 250):
            await asyncio.gather(*(call(number) for number in range(start, start + 250)))

    asyncio.run(all_at_once())
    assert foreign_cookies == []
    assert foreign(kept, VISITORS * ROUNDS) == 0
    whose_was = _by_request(kept)
    assert all(
        whose_was[str(number)] == made[number % VISITORS][1] for number in range(VISITORS * ROUNDS)
    )


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import gevent, sys
from pathlib import Path
from wsgiref.util import setup_testing_defaults
from tests.faces import test_no_bleed as these
from tests.faces.apps import build
from tests.faces.pages import PAGES, Page
from track_middleware import wiring

def slowly():
    first = wiring.CURRENT.get().anonymous_id
    gevent.sleep(0.001)
    assert wiring.CURRENT.get().anonymous_id == first
    these.whose()

kept = []
with wiring.captured(kept.extend):
    PAGES["/whose"] = Page(view=slowly)
    site = build("flask", Path(sys.argv[1]))
    made = these.visitors(site, kept)
    def call(number):
        b"".join(site.app(these._environ(made[number % 100][0], number), lambda *given: None))
    gevent.joinall([gevent.spawn(call, number) for number in range(1000)], raise_error=True)
    whose_was = these._by_request(kept)
    wrong = sum(whose_was[str(number)] != made[number % 100][1] for number in range(1000))
    print(these.foreign(kept, 1000), wrong)
"""


def test_greenlets_never_share_a_visitor(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS, str(data_dir)],
        capture_output=True, text=True, cwd=ROOT, timeout=500, check=False,
    )  # fmt: skip
    assert done.stdout == "0 0\n", done.stderr
