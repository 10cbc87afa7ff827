"""Whatever answers at the address: the doctor says something of it, and never breaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from track_middleware import doctor
from track_middleware.doctor import client
from track_middleware.reading import load
from track_middleware.tracking import routes

SECRET = "a secret that is long enough for tests"
TAG = f'<html><script src="/{routes.prefix(SECRET)}/m.js" defer></script></html>'.encode()
HTML = ("Content-Type", "text/html")


class Handler(BaseHTTPRequestHandler):
    """Answers everything alike."""

    status: ClassVar[int] = 200
    lines: ClassVar[tuple[tuple[str, str], ...]] = ()
    body: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        self.send_response(self.status)
        for name, value in self.lines:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.body)

    do_HEAD = do_POST = do_GET  # noqa: N815  likewise

    def log_message(self, *args: object) -> None:
        """Nobody listens."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_from_where_was_asked_is_known_of_a_server_that_closes_with_its_answer(
    stranger: str,
) -> None:
    assert client.ask(stranger, headers={}).own.startswith("127.")


@pytest.mark.parametrize(
    ("status", "lines", "body", "found"),
    [
        (404, (HTML,), b"<html></html>", "page"),
        (302, (("Location", "/again"),), b"", "page"),
        (302, (("Location", "ftp://elsewhere/"),), b"", "reach"),
        (302, (("Location", "http://[::1/"),), b"", "reach"),
        (200, (("Content-Type", "image/png"),), b"", "page"),
        (200, (HTML,), b"", "tag"),
        (200, (HTML,), b"\xff\xfe" * 5000, "tag"),
        (200, (HTML, ("Content-Encoding", "gzip")), b"no gzip", "tag"),
        (200, (HTML, ("Content-Length", "900")), b"<html>", "cut"),
        (200, (HTML, ("Content-Length", "many")), TAG, "path"),
        (200, (HTML,), TAG, "path"),
        (200, (HTML, ("Date", "yesterday")), TAG, "path"),
        (200, (HTML, ("Content-Security-Policy", ";;,; script-src")), TAG, "csp"),
        (200, (HTML, ("Set-Cookie", "=;=; a")), TAG, "path"),
    ],
)
def test_a_stranger_at_the_address_is_told(
    status: int,
    lines: tuple[tuple[str, str], ...],
    body: bytes,
    found: str,
    stranger: str,
    tmp_path: Path,
) -> None:
    Handler.status, Handler.lines, Handler.body = status, lines, body
    settings = load({"secret_key": SECRET, "data_dir": str(tmp_path), "min_free": "1"}, {})
    told = doctor.examined(settings, tmp_path, url=stranger, patience=1)
    assert found in {each.id for each in told}


def test_what_is_no_address_is_told(tmp_path: Path) -> None:
    settings = load({"secret_key": SECRET, "min_free": "1"}, {})
    for url in ("shop.example", "ftp://shop.example/", "http://", "http://[::1/", "http://x:y/"):
        told = doctor.examined(settings, tmp_path, url=url)
        assert "reach" in {each.id for each in told}, url
