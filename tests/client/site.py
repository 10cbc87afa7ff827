"""A site of hand-written pages, and a collector that writes down what it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "src" / "track_middleware" / "static" / "m.js"
EXTRAS = SCRIPT.with_name("m2.js")
PREFIX = "/k3j5n2ab"
TOKEN = "1.token.of.the.page"

Answer = tuple[int, Mapping[str, Any] | str]


@dataclass(frozen=True, slots=True)
class Call:
    """One POST that the collector got; ``content`` is its JSON, ``status`` what it was told."""

    path: str
    content: dict[str, Any]
    headers: Mapping[str, str]
    size: int
    status: int

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(self.content.get("events", ()))


def tag(token: str | None = TOKEN, *, attributes: str = "") -> str:
    """The tag as the server writes it; without a token only a choice may be sent."""
    at_once = any(name in attributes for name in ("data-global", "data-crossing"))
    by = "track-now" if at_once else "track-tag"
    meta = "" if token is None else f'<meta name="track-page" content="{token}">'
    return f'{meta}<script src="{PREFIX}/m.js" id="{by}" defer {attributes}></script>'


def document(
    token: str | None = TOKEN, *, attributes: str = "", head: str = "", body: str = ""
) -> str:
    """A whole document with the tag at the end of its head."""
    said = tag(token, attributes=attributes)
    return f"<!doctype html><title>Home</title>{head}{said}<body>{body}"


@dataclass
class Site:
    """Pages by path; ``answers`` are given to the next calls, then every call is taken.

    ``calls`` and ``visits`` (path and headers of each GET) grow while browsers come and go.
    """

    port: int = 0
    pages: dict[str, str] = field(default_factory=dict)
    headers: dict[str, Mapping[str, str]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    visits: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def url(self, path: str = "/") -> str:
        return f"http://localhost:{self.port}{path}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The messages that the collector took, in the order they came.

        A message whose answer was lost comes again under the same id, and is the same message.
        """
        taken = [event for call in self.calls if call.status == 200 for event in call.events]
        return list({(event["load"], event["id"]): event for event in taken}.values())

    @property
    def told(self) -> list[dict[str, Any]]:
        """The same without what the script tells by itself: its ids begin with a hyphen."""
        return [event for event in self.events if not event["id"].startswith("-")]

    def said(self, *kinds: str) -> list[dict[str, Any]]:
        """The messages of these kinds; a track is one of the page's own."""
        told = self.events if "leave" in kinds else self.told
        return [event for event in told if event["type"] in kinds]

    def noticed(self, name: str) -> list[dict[str, Any]]:
        """The events of that name that the script made by itself."""
        return [event for event in self.events if event.get("name") == name]

    def wait(self, enough: Callable[[], object], *, seconds: float = 60) -> None:
        """Waits until calls and visits say that it holds; AssertionError if they never do."""
        with self.changed:
            held = self.changed.wait_for(enough, seconds)
        assert held, f"never came: {[call.content for call in self.calls]}"

    def wait_for(self, count: int, *kinds: str) -> list[dict[str, Any]]:
        """The messages of these kinds once there are as many."""
        self.wait(lambda: len(self.said(*kinds)) >= count)
        return self.said(*kinds)

    def take(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        content = json.loads(body)
        with self.changed:
            status, answer = self.answers.pop(0) if self.answers else (200, self._usual(content))
            self.calls.append(Call(path, content, headers, len(body), status))
            self.changed.notify_all()
        return status, answer

    def visited(self, path: str, headers: Mapping[str, str]) -> None:
        with self.changed:
            self.visits.append((path, headers))
            self.changed.notify_all()

    @staticmethod
    def _usual(content: Mapping[str, Any]) -> dict[str, Any]:
        if "v" in content:
            return {"ok": len(content.get("events", ()))}
        return {"consent": {name: "granted" if yes else "denied" for name, yes in content.items()}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    site: Site

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == f"{PREFIX}/m.js":
            return self._send(200, SCRIPT.read_bytes(), {"Content-Type": "text/javascript"})
        self.site.visited(path, dict(self.headers))
        if path.startswith(f"{PREFIX}/m2."):
            return self._send(200, EXTRAS.read_bytes(), {"Content-Type": "text/javascript"})
        page = self.site.pages.get(path)
        headers = {"Content-Type": "text/html; charset=utf-8", **self.site.headers.get(path, {})}
        return self._send(404 if page is None else 200, (page or "").encode(), headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = self.site.take(self.path, body, dict(self.headers))
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self._send(status, text.encode(), {"Content-Type": "application/json"})

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the site writes down what matters."""

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news."""


@contextmanager
def served() -> Iterator[Site]:
    """A site on a free port of the loopback, for as long as the block lasts."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    with _Server(("127.0.0.1", 0), handler) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
