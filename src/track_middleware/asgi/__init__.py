"""The ASGI face: a scope becomes a request, an ending changes the response's messages.

Rules of this face: no decision about tracking is taken here; no stream is held back but for the
start message of a document whose length will change; other messages pass as they are, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import wiring as wirings
from ..http import Errand, Request, unreadable
from . import errand
from .response import NAMES, App, Receive, Response, Scope, Send, Starting, by_bytes, ours

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange
    from ..tracking.identity import LoadedUser
    from ..wiring import Wiring

__all__ = ["App", "Receive", "Scope", "Send", "TrackMiddleware", "answer", "request"]

#: Where a request carries its exchange: ``scope[KEY]``.
KEY = "track_middleware.exchange"

#: Called with a request's scope, exchange and tracker's wiring before the app runs.
Opened = Callable[[Scope, "Exchange", "Wiring"], None]

#: What a request becomes that was given up before its response began (nginx's code for it).
GIVEN_UP = 499


class TrackMiddleware:
    """Tracks an ASGI app: ``app = TrackMiddleware(app, destinations=[...])``.

    Keyword arguments are the settings; SettingsError for one that cannot be used. WebSockets and
    lifespan pass untouched.
    """

    def __init__(self, app: App, **settings: Any) -> None:
        self.app = app
        self.wiring = wirings.build(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wiring = self.wiring
        look = _look(wiring, scope) if wiring.asks_user else None
        await answer(self.app, wiring, scope, receive, send, loaded_user=look)


def _look(wiring: Wiring, scope: Scope) -> LoadedUser | None:
    # Not where it is asked for: a variable that a lambda holds costs every request.
    return wiring.user_look(lambda: scope, None)


async def answer(
    app: App,
    wiring: Wiring,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    loaded_user: LoadedUser | None = None,
    opened: Opened | None = None,
    starting: Starting | None = None,
) -> None:
    """Runs the app for one request, tracked. A request that already carries an exchange (an app
    within an app) is passed through."""
    around, exchange = wirings.CURRENT.get(), None
    if (
        scope["type"] == "http" and KEY not in scope and (around is None or around.finished)
    ):  # fmt: skip
        exchange = ours(wiring, _opened, wiring, scope, loaded_user, opened)
    if exchange is None:
        await app(scope, receive, send)
        return
    if exchange.own is not None:
        await _own(wiring, exchange, scope, receive, send)
        return
    scope[KEY] = exchange
    response = Response(wiring, exchange, scope, send, starting)
    token, failed = wirings.CURRENT.set(exchange), 500
    try:
        await app(scope, receive, response.send)
        failed = 0
    except asyncio.CancelledError:
        failed = GIVEN_UP
        raise
    finally:
        wirings.CURRENT.reset(token)
        if failed:
            response.fail(failed)
        if failed == 500:
            await response.release()
        if not exchange.finished:  # mostly it is, with its last piece
            response.finish()
    if wiring.is_inline:
        await drained(wiring)


async def drained(wiring: Wiring) -> None:
    """Delivers after the response where the settings say so, off the event loop."""
    if wiring.is_inline:
        await asyncio.to_thread(ours, wiring, wiring.after_response)


def _opened(
    wiring: Wiring, scope: Scope, loaded_user: LoadedUser | None, opened: Opened | None
) -> Exchange:
    exchange = wiring.open(request(scope), loaded_user)
    if opened is not None and exchange.own is None:
        opened(scope, exchange, wiring)
    return exchange


def request(scope: Scope) -> Request:
    """The request that a scope describes. ``path`` holds no ``root_path`` for the core, whether the
    server put it there (ASGI 3) or not."""
    found = by_bytes(scope["headers"])
    get = found.get
    speculation = get(b"sec-purpose") or get(b"purpose")
    referrer, gpc = get(b"referer"), get(b"sec-gpc")
    root, path, client = scope.get("root_path", ""), scope["path"], scope.get("client")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        path = path[len(root) :]
    host = get(b"host")
    return Request(
        scope["method"],
        path,
        lambda name: get(NAMES[name], b"").decode("latin-1"),
        scope.get("query_string", b"").decode("latin-1"),
        scope.get("scheme", "http"),
        host.decode("latin-1") if host else _server(scope.get("server")),
        root,
        client[0] if client else "",
        speculation.decode("latin-1") if speculation else "",
        get(b"cookie", b"").decode("latin-1"),
        get(b"user-agent", b"").decode("latin-1"),
        get(b"accept-language", b"").decode("latin-1"),
        referrer.decode("latin-1") if referrer else "",
        get(b"sec-fetch-dest", b"").decode("latin-1"),
        gpc.decode("latin-1") if gpc else "",
    )


def _server(server: tuple[str, int | None] | None) -> str:
    return server[0] if server else ""


async def _own(
    wiring: Wiring, exchange: Exchange, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answers one of our own paths; the app is never called."""
    body = await _read(receive, exchange.own.limit + 1 if exchange.own else 1)
    if body is None:
        return
    reply = ours(wiring, exchange.reply, body) or unreadable()
    if isinstance(reply, Errand):
        await errand.answer(wiring, reply, scope, receive, send)
    else:
        await errand.reply_with(reply, send)
    await drained(wiring)


async def _read(receive: Receive, most: int) -> bytes | None:
    """The request's body, of a longer one its beginning; None when the client hung up."""
    body = b""
    while len(body) < most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body[:most]
