"""A vendor of this test's own: answers as it is told, and writes down what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came: header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """One answer; ``pieces`` may wait for what the test does next. ``length`` may be a lie."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Callable[[], Iterator[bytes]] = lambda: iter((b"{}",))
    length: int | None = None


def said(body: bytes, *, status: int = 200, kind: str = "application/json", **more: str) -> Told:
    """A whole answer."""
    headers = {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in more.items()}}
    return Told(status, headers, lambda: iter((body,)), len(body))


Answer = Callable[[Asked], Told]


@dataclass
class StandIn:
    """Where it listens, what it answers, what it was asked."""

    answer: Answer = lambda asked: said(b'{"status":1}')
    asked: list[Asked] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, asked: Asked) -> Told:
        with self.changed:
            self.asked.append(asked)
            self.changed.notify_all()
        return self.answer(asked)

    def wait(self, enough: Callable[[], object], *, seconds: float = 60) -> None:
        """Waits until what was asked says that it holds."""
        with self.changed:
            held = self.changed.wait_for(enough, seconds)
        assert held, f"never came: {[(each.method, each.path) for each in self.asked]}"

    def to(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stand_in: StandIn

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        told = self.stand_in.take(Asked(self.command, parts.path, parts.query, headers, body))
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        if told.length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(told.length))
        self.end_headers()
        for piece in told.pieces():
            self.wfile.write(piece)
            self.wfile.flush()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the stand-in writes down what matters."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # beyond it a connection waits for seconds

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up is no news."""


@contextmanager
def stand_in(answer: Answer | None = None, *, port: int = 0) -> Iterator[StandIn]:
    """A vendor on a free port of the loopback, or on one that it had before."""
    vendor = StandIn() if answer is None else StandIn(answer)
    handler = type("Handler", (_Handler,), {"stand_in": vendor})
    with _Server(("127.0.0.1", port), handler) as server:
        vendor.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield vendor
        finally:
            server.shutdown()
            thread.join()
