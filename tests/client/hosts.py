"""Two real sites of one owner, shop.localhost and blog.localhost, in front of real trackers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.waiting import until
from track_middleware.delivery.worker import Worker
from track_middleware.wsgi import TrackMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: A person's browser: a driven one would be a bot.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)


@dataclass
class Hosts:
    """The sites by their names; ``documents`` are their pages' HTML by name and path. ``asked``
    grows with every answer: host, method, path with query, Referer."""

    folder: Path
    port: int = 0
    documents: dict[str, str] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)

    def url(self, name: str, path: str = "/") -> str:
        return f"http://{name}.localhost:{self.port}{path}"

    def delivered(self, name: str) -> list[dict[str, Any]]:
        """What a site's destination gets of everything that was accepted until now."""
        self.workers[name].once()
        file = self.folder / name / "out.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def pages(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.delivered(name) if event["type"] == "page"]

    def said(self, name: str, method: str, rest: str) -> list[str]:
        """Paths below the prefix that a site was asked for by a method, from ``rest`` on."""
        found = [path[9:] for host, how, path, _ in self.asked if (host, how) == (name, method)]
        return [path for path in found if path.startswith(rest)]

    def visitors(self, name: str) -> list[str]:
        """The visitors of a site's page views, in the order they were delivered."""
        return [event["anonymousId"] for event in self.pages(name)]

    def wait(self, enough: Callable[[], object]) -> None:
        """Returns when it holds; AssertionError when it never does."""
        until(enough, lambda: self.asked)

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ["HTTP_HOST"].partition(".")[0]
        html = self.documents.get(name + environ["PATH_INFO"], f"<head></head><body>{name}")
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [f"<!doctype html>{html}".encode()]


class Server(ThreadingMixIn, WSGIServer):
    """A browser may open a connection and say nothing there, while it asks on another."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news."""


class Quiet(WSGIRequestHandler):
    """Without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Hosts]:
    """Both sites on one free port, for as long as the block lasts; they share the secret."""
    hosts = Hosts(folder)
    apps: dict[str, WSGIApplication] = {}
    for name, other in (("shop", "blog"), ("blog", "shop")):
        (folder / name).mkdir()
        site = apps[name] = TrackMiddleware(
            hosts.answer, data_dir=str(folder / name / "track"), secret_key="shared",
            linked_domains=[f"{other}.localhost"], deliver="worker", min_free="1",
            destinations=[f"jsonl://{folder / name / 'out.jsonl'}?bots=1"],
            **settings,
        )  # fmt: skip
        hosts.workers[name] = Worker(site.wiring.settings, data_dir=site.wiring.data_dir)
        hosts.workers[name].once()  # a new destination gets everything from now on

    def route(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host, query = environ["HTTP_HOST"].partition(".")[0], environ["QUERY_STRING"]
        path = environ["PATH_INFO"] + (f"?{query}" if query else "")
        referrer = environ.get("HTTP_REFERER", "")
        answer = apps[host](environ, start_response) if host in apps else []
        hosts.asked.append((host, environ["REQUEST_METHOD"], path, referrer))
        return answer

    with make_server("127.0.0.1", 0, route, server_class=Server, handler_class=Quiet) as server:
        hosts.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield hosts
        finally:
            server.shutdown()
            thread.join()
            for worker in hosts.workers.values():
                worker.close()
