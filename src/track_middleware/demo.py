"""The demo's built-in site: ``python -m track_middleware.demo PORT DATA_DIR``.

It stands for somebody's app: plain WSGI under the standard library's server, one line of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from html import escape
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIServer, make_server

from .verbs import track
from .wsgi import TrackMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PRODUCTS = {"1": ("Kettle", 39.5), "2": ("Teapot", 24.0), "3": ("Cup", 8.5)}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><p><a href="/">Shop</a> <a href="/?utm_source=newsletter&amp;utm_campaign=spring">from a
newsletter</a></p><h1>{title}</h1>{body}</body></html>"""

_BUY = '<form method="post" action="/buy/{id}"><button>Buy for {price:.2f}</button></form>'


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A home page, a page for each product, and a purchase."""
    path = environ["PATH_INFO"]
    _, kind, number = [*path.split("/"), "", ""][:3]
    if path == "/":
        return _page(start_response, "Shop", _shelf())
    if number not in PRODUCTS:
        return _page(start_response, "Not found", "", status="404 Not Found")
    name, price = PRODUCTS[number]
    if kind == "buy" and environ["REQUEST_METHOD"] == "POST":
        track("Order Completed", {"product": name, "revenue": price})
        start_response("303 See Other", [("Location", "/thanks/" + number)])
        return [b""]
    if kind == "thanks":
        return _page(start_response, "Thank you", f"<p>Your {escape(name)} is on its way.</p>")
    return _page(start_response, name, _BUY.format(id=number, price=price))


def _shelf() -> str:
    items = (f'<li><a href="/product/{id}">{escape(n)}</a></li>' for id, (n, _) in PRODUCTS.items())
    return f"<ul>{''.join(items)}</ul>"


def _page(
    start_response: StartResponse, title: str, body: str, *, status: str = "200 OK"
) -> Iterable[bytes]:
    content = _PAGE.format(title=escape(title), body=body).encode()
    start_response(status, [("Content-Type", "text/html; charset=utf-8")])
    return [content]


def main(port: int, data_dir: str) -> None:
    """Serves the site on loopback until it is ended."""
    tracked = TrackMiddleware(app, data_dir=data_dir, debug=True)
    with make_server("127.0.0.1", port, tracked, server_class=_Server) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
