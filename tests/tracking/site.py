"""A site without a framework: a tracker over lists, and a browser that keeps cookies."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from track_middleware.event import Entry, decode_entry, encoded
from track_middleware.http import Reply, Request
from track_middleware.reading import load
from track_middleware.tracking.exchange import Exchange
from track_middleware.tracking.planned import NOTHING, Planned
from track_middleware.tracking.response import Ending
from track_middleware.tracking.seams import Script, Seams
from track_middleware.tracking.tracker import Tracker

HTML = {"content-type": "text/html; charset=utf-8"}
NAVIGATION = {
    "sec-fetch-dest": "document",
    "accept": "text/html",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept-language": "de-DE,de;q=0.9",
}
PAGE = b"<html><head><title>t</title></head><body>hello</body></html>"


class Site:
    """A tracker whose clock is ``now``, spool ``entries`` and counters ``counted``."""

    def __init__(
        self,
        keys: tuple[str, ...] = ("key",),
        *,
        domain_of: Callable[[str], str | None] = lambda host: None,
        plan: Planned = NOTHING,
        **settings: Any,
    ) -> None:
        self.now = 1_800_000_000.0
        self.entries: list[Entry] = []
        self.frames: list[bytes] = []
        self.counted: list[tuple[str, int]] = []
        self.mistakes: list[Exception] = []
        self.full = self.saltless = False
        self.claimed: set[str] = set()
        numbers = itertools.count(1)
        self.tracker = Tracker(
            load({"data_host": "here", **settings}, {}),
            Seams(
                now=lambda: self.now,
                new_id=lambda millisecond=0: f"00000000-0000-4000-a000-{next(numbers):012x}",
                sink=plan.checked(self._take),
                last_sink=self._take,
                count=lambda reason, n: self.counted.append((reason, n)),
                trouble=self.mistakes.append,
                keys=keys,
                prefixes=["prefix00"],
                scripts={
                    "script": Script(b"script", "0123456789abcdef"),
                    "extras": Script(b"extras", "fedcba9876543210"),
                },
                version="0.1.0",
                claim=self._claim,
                salt=self._salt,
                domain_of=domain_of,
                plan=plan,
            ),
        )

    def _take(self, entries: Any) -> bool:
        if self.full:
            return False
        frames = [encoded(entry) for entry in entries]
        self.frames += frames
        self.entries += map(decode_entry, frames)
        return True

    def _salt(self, at: float) -> bytes | None:
        return None if self.saltless else b"salt of day %d" % (at // 86400)

    def _claim(self, name: str) -> bool:
        is_free = name not in self.claimed
        self.claimed.add(name)
        return is_free

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]


def requested(method: str, path: str, sent: Mapping[str, str], **more: str) -> Request:
    """A request that was sent with these headers, by lower-case name."""

    def header(name: str) -> str:
        return sent.get(name, "")

    return Request(
        method, path, header, cookie=header("cookie"), agent=header("user-agent"),
        language=header("accept-language"), referrer=header("referer"),
        destination=header("sec-fetch-dest"), gpc=header("sec-gpc"),
        purpose=header("sec-purpose") or header("purpose"), **more,
    )  # fmt: skip


class Browser:
    """Keeps the cookies of one site, as a browser would."""

    def __init__(self, site: Site, **headers: str) -> None:
        self.site = site
        self.cookies: dict[str, str] = {}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.exchange: Exchange | None = None

    def request(self, path: str, method: str = "GET", **headers: str) -> Request:
        path, _, query = path.partition("?")
        sent = {**NAVIGATION, **self.headers}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return requested(
            method, path, sent, query=query, scheme="https", host="shop.example",
            peer="203.0.113.77",
        )  # fmt: skip

    def open(self, path: str, method: str = "GET", **headers: str) -> Exchange:
        self.exchange = self.site.tracker.open(self.request(path, method, **headers))
        return self.exchange

    def close(self, status: int = 200, answer: dict[str, str] = HTML) -> Ending:
        assert self.exchange is not None
        ending = self.exchange.close(status, answer)
        self._keep([cookie.line() for cookie in ending.cookies])
        self.exchange.finish()
        return ending

    def visit(
        self, path: str, *, status: int = 200, answer: dict[str, str] = HTML, **headers: str
    ) -> Ending:
        self.open(path, **headers)
        return self.close(status, answer)

    def post(self, rest: str, content: Any, **headers: str) -> Reply:
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        given = {"sec_fetch_site": "same-origin", "sec_fetch_dest": "empty", **headers}
        reply = self.open(f"/prefix00/{rest}", "POST", **given).reply(body)
        self._keep([value for name, value in reply.headers if name == "Set-Cookie"])
        return reply

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def token_of(ending: Ending) -> str:
    """The token in the tag that an ending puts into a page."""
    assert ending.injector is not None
    return ending.injector.whole(PAGE).partition(b'content="')[2].partition(b'"')[0].decode()
