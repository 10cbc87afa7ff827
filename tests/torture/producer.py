"""A web process under torture: events and page requests, each id printed once it is accepted.

``python -m tests.torture.producer DATA_DIR MODE DESTINATION…``
"""

from __future__ import annotations

import io
import sys
from typing import Any

from track_middleware import track, wiring
from track_middleware.wsgi import answer

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    exchange = wiring.CURRENT.get()
    assert exchange is not None
    environ["page"] = exchange.page_id
    return [b"<html><head></head><body></body></html>"]


def page(site: wiring.Wiring) -> str:
    """One page request; its id once the response is done."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": "shop.example", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
        "HTTP_SEC_FETCH_DEST": "document", "HTTP_USER_AGENT": AGENT, "REMOTE_ADDR": "203.0.113.9",
    }  # fmt: skip
    body = answer(app, site, None, None, environ, lambda status, headers, exc_info=None: None)
    b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return str(environ["page"])


def main(data_dir: str, mode: str, *destinations: str) -> None:
    site = wiring.configure(
        {
            "data_dir": data_dir, "deliver": mode, "secret_key": "torture", "merge_window": 0.2,
            "destinations": list(destinations),
        }
    )  # fmt: skip
    number = 0
    while True:
        number += 1
        event_id = page(site) if number % 5 == 0 else track("Counted", {"n": number}, user_id="42")
        if event_id is not None:
            sys.stdout.write(f"{event_id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
