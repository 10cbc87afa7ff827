"""A simulated week of a site: people, programs and a shared cache before the real WSGI face, under
a clock that moves; and a journal of what each of them really did.
"""

from __future__ import annotations

import heapq
import io
import itertools
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from track_middleware.delivery.worker import Worker
from track_middleware.wsgi import TrackMiddleware

DAY = 86400.0
START = 1_800_057_600.0  # a midnight in UTC
PREFIX = "metered1"

#: What people browse with, how often, and which browser and system that is.
AGENTS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/126.0.0.0 Safari/537.36", 6, "Chrome", "Windows"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.5 Safari/605.1.15", 3, "Safari", "Mac OS X"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 2, "Firefox",
     "Linux"),
)  # fmt: skip
PROGRAM = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
PAGES = ("/", "/list", "/item/1", "/item/2", "/about")

#: Of so many visitors each: people with and without scripts, programs that say so, and that do not.
PEOPLE, SILENT, PROGRAMS, POSERS = 82, 8, 5, 5
#: How often somebody leaves before the script runs, a half comes hours late, a blocker runs, and a
#: page is one that caches keep.
LEAVES, LATE, BLOCKS, SHARED = 0.05, 0.02, 0.27, 0.1


@dataclass
class Truth:
    """The journal. ``views``: what became of each page that the server gave, by day; the same by
    browser and page; ``visitors`` by day; ``shared``: views of pages that a cache gave."""

    views: Counter[tuple[int, str]] = field(default_factory=Counter)
    parts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    visitors: set[tuple[int, str]] = field(default_factory=set)
    sessions: int = 0
    shared: int = 0
    asked: int = 0
    blocked: int = 0

    def of(self, *states: str) -> int:
        """Pages of these states in the whole week."""
        return sum(n for (_, state), n in self.views.items() if state in states)


@dataclass
class Somebody:
    """A visitor: its kind, what it browses with, and its cookies."""

    name: str
    kind: str
    agent: int = 0
    blocks: bool = False
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def agent_text(self) -> str:
        return PROGRAM if self.kind == "program" else AGENTS[self.agent][0]


class Week:
    """Runs the week of so many visitors, and the worker every few hours."""

    def __init__(self, folder: Path, visitors: int, seed: int = 7) -> None:
        self.now = START
        self.truth = Truth()
        self._chance = random.Random(seed)
        self._visitors = visitors
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._cache: dict[str, str] = {}
        settings = {"data_dir": str(folder), "secret_key": "k" * 40, "path": PREFIX,
                    "deliver": "worker", "bait": True, "min_free": "1"}  # fmt: skip
        with mock.patch.object(time, "time", self.clock):  # the face keeps the clock it begins with
            self.site = TrackMiddleware(_shop, **settings)
        self.settings = self.site.wiring.settings
        self._folder = folder

    def clock(self) -> float:
        return self.now

    def run(self) -> None:
        """Lets everybody come, until a day after the week's end."""
        for number in range(self._visitors):
            self._invite(number)
        for hours in range(0, 8 * 24, 5):
            self._at(START + hours * 3600, self._works)
        while self._due:
            at, _, act = heapq.heappop(self._due)
            self.now = max(self.now, at)
            act()
        self._works()

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._numbers), act))

    def _works(self) -> None:
        worker = Worker(self.settings, data_dir=self._folder, now=self.clock)
        try:
            assert worker.once()
        finally:
            worker.close()

    # Who comes, and when.

    def _invite(self, number: int) -> None:
        chance = self._chance
        kinds = ("person", "silent", "program", "poser")
        (kind,) = chance.choices(kinds, (PEOPLE, SILENT, PROGRAMS, POSERS))
        (agent,) = chance.choices(range(len(AGENTS)), [each[1] for each in AGENTS])
        who = Somebody(f"v{number}", kind, agent, kind == "person" and chance.random() < BLOCKS)
        for day in sorted(chance.sample(range(7), chance.choice((1, 1, 1, 2, 3)))):
            at = START + day * DAY + chance.uniform(0, DAY - 3 * 3600)
            for page in range(min(9, 1 + int(chance.expovariate(0.7)))):
                self._at(at, self._visit_of(who, begins=page == 0))
                at += chance.uniform(8, 300)

    def _visit_of(self, who: Somebody, *, begins: bool) -> Callable[[], None]:
        shared = not begins and who.kind != "poser" and self._chance.random() < SHARED
        path = "/shared" if shared else self._chance.choice(PAGES)
        return lambda: self._visit(who, path, begins=begins)

    def _visit(self, who: Somebody, path: str, *, begins: bool) -> None:
        if who.kind == "poser":
            who.cookies.clear()
        is_shared = path == "/shared"
        html = self._cache.get(path) if is_shared else None
        if html is None:
            html = self._get(who, path)
            if is_shared:
                self._cache[path] = html
        state = self._state(who)
        if who.kind in ("person", "silent"):
            self._journal(who, path, state, begins=begins)
        elif not is_shared:
            self.truth.views[self._day, state] += 1
        if state == "confirmed":
            self._confirm(who, path, html, begins=begins)

    @property
    def _day(self) -> int:
        return int(self.now // DAY)

    def _state(self, who: Somebody) -> str:
        if who.kind == "person":
            return "left" if self._chance.random() < LEAVES else "confirmed"
        return {"silent": "silent", "program": "program", "poser": "odd"}[who.kind]

    def _journal(self, who: Somebody, path: str, state: str, *, begins: bool) -> None:
        truth = self.truth
        if path == "/shared":
            truth.shared += state == "confirmed"
            return
        truth.sessions += begins
        truth.visitors.add((self._day, who.name))
        truth.views[self._day, state] += 1
        for part, name in (("browser", AGENTS[who.agent][2]), ("system", AGENTS[who.agent][3]),
                           ("page", path)):  # fmt: skip
            truth.parts[part, name, "served"] += 1
            truth.parts[part, name, "confirmed"] += state == "confirmed"

    # What a browser sends.

    def _get(self, who: Somebody, path: str) -> str:
        return "".join(self._call(who, "GET", path, b"", HTTP_SEC_FETCH_DEST="document"))

    def _confirm(self, who: Somebody, path: str, html: str, *, begins: bool) -> None:
        found = re.search(r'content="([^"]+)"', html)
        token = found[1] if found and found[1] != "shared" else ""
        load = f"{self._chance.getrandbits(128):032x}"
        about = {"load": load, "at": self.now * 1000, "url": f"https://shop.example{path}"}
        if token:
            about["token"] = token
        events: list[dict[str, Any]] = [{"id": "1", "type": "view", **about}]
        if begins:
            self.truth.asked += 1
            self.truth.blocked += who.blocks
            outcome = {"blocked": who.blocks}
            events.append({"id": "-2", "type": "track", "name": "Blocker Checked",
                           "properties": outcome, **about})  # fmt: skip
        delay = self._chance.uniform(0.1, 2)
        if token and self._chance.random() < LATE:
            delay = self._chance.uniform(60, 6 * 3600)
        self._at(self.now + delay, lambda: self._beacon(who, events))

    def _beacon(self, who: Somebody, events: list[dict[str, Any]]) -> None:
        body = json.dumps({"v": 1, "sent": self.now * 1000, "events": events}).encode()
        answer = "".join(self._call(who, "POST", f"/{PREFIX}/q", body, HTTP_SEC_FETCH_DEST="empty"))
        assert json.loads(answer).get("ok") == len(events), answer

    def _call(
        self, who: Somebody, method: str, path: str, body: bytes, **more: str
    ) -> Iterator[str]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "",
            "SERVER_NAME": "shop.example", "SERVER_PORT": "443", "HTTP_HOST": "shop.example",
            "wsgi.url_scheme": "https", "wsgi.input": io.BytesIO(body), "wsgi.errors": io.BytesIO(),
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "203.0.113.7",
            "HTTP_USER_AGENT": who.agent_text, "HTTP_ACCEPT": "text/html",
            "HTTP_SEC_FETCH_SITE": "same-origin", **more,
        }  # fmt: skip
        if who.kind != "poser":
            environ["HTTP_ACCEPT_LANGUAGE"] = "de-DE,de;q=0.9"
        if who.cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{n}={v}" for n, v in who.cookies.items())

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[..., object]:
            for name, value in headers:
                if name.lower() == "set-cookie" and who.kind != "program":
                    key, _eq, said = value.partition(";")[0].partition("=")
                    who.cookies[key] = said
            return lambda data: None

        pieces = self.site(environ, start)
        try:
            for piece in pieces:
                yield piece.decode()
        finally:
            close = getattr(pieces, "close", None)
            if close:
                close()


def _shop(environ: dict[str, Any], start: Any) -> list[bytes]:
    headers = [("Content-Type", "text/html; charset=utf-8")]
    if environ["PATH_INFO"] == "/shared":
        headers.append(("Cache-Control", "public, max-age=600"))
    start("200 OK", headers)
    return [b"<!doctype html><html><head><title>Shop</title></head><body>Hello</body></html>"]
