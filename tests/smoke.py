"""Run beside an installed wheel: one page and one event, from a bare WSGI app to a file.

No test framework and no file of the repository is needed; it prints one line and exits 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import track_middleware
from track_middleware import track
from track_middleware.wsgi import TrackMiddleware

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PAGE = b"<html><head><title>Shop</title></head><body>Hello</body></html>"


def shop(environ, start_response):
    track("Order Completed", {"order_id": "1001", "revenue": 39.5})
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
    return [PAGE]


def visit(app, path: str) -> bytes:
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "utm_source=smoke",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost",
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
        "HTTP_USER_AGENT": BROWSER, "HTTP_ACCEPT": "text/html", "HTTP_SEC_FETCH_DEST": "document",
        "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_SITE": "none",
    }  # fmt: skip
    body = app(environ, lambda status, headers, exc_info=None: None)
    try:
        return b"".join(body)
    finally:
        close = getattr(body, "close", None)
        if close:
            close()


def main() -> None:
    installed = Path(track_middleware.__file__)
    assert "site-packages" in installed.parts, f"not the installed package: {installed}"
    with tempfile.TemporaryDirectory() as folder:
        delivered = Path(folder) / "delivered.jsonl"
        app = TrackMiddleware(
            shop, data_dir=f"{folder}/track", deliver="worker", min_free="1",
            destinations=[f"jsonl://{delivered}"],
        )  # fmt: skip
        assert b"<script" in visit(app, "/"), "the page got no tag"
        command = [sys.executable, "-m", "track_middleware"]
        folder_option = ["--data-dir", f"{folder}/track"]
        subprocess.run([*command, "worker", *folder_option, "--once"], check=True)
        subprocess.run([*command, "status", *folder_option], check=True)
        events = [json.loads(line) for line in delivered.read_text().splitlines()]
    assert sorted(event["type"] for event in events) == ["page", "track"], events
    print("smoke: one page view and one event went from a WSGI app to a file")


if __name__ == "__main__":
    main()
