"""The WSGI face (PEP 3333): an environ becomes a request, an ending changes the response.

Rules of this face: no decision about tracking is taken here; the host's iterable is stepped once
per step of the server; lists and files go to the server as the very objects that the app returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import wiring as wirings
from ..http import Errand, Reply, Request, environ_request, status_line, unreadable
from ..wiring import CURRENT
from . import errand
from .boundary import Starting, ours
from .response import Response

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from ..tracking.exchange import Exchange
    from ..tracking.identity import LoadedUser
    from ..wiring import Wiring

__all__ = ["TrackMiddleware", "answer", "ours"]

#: Where a request carries its exchange: ``environ[KEY]``.
KEY = "track_middleware.exchange"


class TrackMiddleware:
    """Tracks a WSGI app: ``app = TrackMiddleware(app, destinations=[...])``.

    Keyword arguments are the settings; SettingsError for one that cannot be used.
    """

    def __init__(self, app: WSGIApplication, **settings: Any) -> None:
        self.app = app
        self.wiring = wirings.build(settings)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        wiring = self.wiring
        look = wiring.user_look(lambda: environ, None) if wiring.asks_user else None
        return answer(self.app, wiring, look, None, environ, start_response)


def answer(
    app: WSGIApplication,
    wiring: Wiring,
    loaded_user: LoadedUser | None,
    starting: Starting | None,
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> Iterable[bytes]:
    """The app's answer to one request, tracked. A request that already carries an exchange (an app
    within an app) is passed through. What is a site's comes before what is a request's."""
    exchange = CURRENT.get()
    if KEY in environ or (exchange is not None and not exchange.finished):
        return app(environ, start_response)
    try:  # the boundary, as ``ours`` is, by a call less
        exchange = wiring.open(request(environ), loaded_user)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        wiring.trouble(error)
        return app(environ, start_response)
    if exchange.own is not None:
        return _own(wiring, exchange, environ, start_response)
    environ[KEY] = exchange
    response = Response(wiring, exchange, environ, start_response, starting)
    token = CURRENT.set(exchange)
    try:
        return response.body(app(environ, response.start))
    except BaseException:
        response.fail()
        raise
    finally:
        CURRENT.reset(token)


def request(environ: WSGIEnvironment) -> Request:
    """The request that an environ describes."""
    get = environ.get
    path, root = get("PATH_INFO", ""), get("SCRIPT_NAME", "")
    if not (root + path).isascii():
        path, root = _text(path), _text(root)
    return environ_request(environ, path, root, get("wsgi.url_scheme", "http"))


def _text(native: str) -> str:
    """A native string of PEP 3333 (bytes as latin-1) as the text it stands for."""
    return native.encode("latin-1").decode("utf-8", "replace")


def _own(
    wiring: Wiring, exchange: Exchange, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answers one of our own paths; the app is never called."""
    reply = ours(wiring, _replied, exchange, environ) or unreadable()
    if isinstance(reply, Errand):
        return errand.answer(wiring, reply, environ, start_response)
    start_response(status_line(reply.status), list(reply.lines))
    ours(wiring, wiring.after_response)
    return [reply.body] if reply.body else []


def _replied(exchange: Exchange, environ: WSGIEnvironment) -> Reply | Errand:
    assert exchange.own is not None
    return exchange.reply(_read(environ, exchange.own.limit + 1))


def _read(environ: WSGIEnvironment, most: int) -> bytes:
    """At most ``most`` bytes of the request's body."""
    read, pieces = errand.reader(environ), []
    while most > 0:
        piece = read(most)
        if not piece:
            break
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
