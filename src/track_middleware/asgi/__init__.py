"""The ASGI face: a scope becomes a request, an ending changes the response's messages.

Rules of this face: no decision about tracking is taken here; no stream is held back but for the
start message of a document whose length will change; other messages pass as they are, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from .. import wiring as wirings
from ..http import Errand, Request, unreadable
from ..wiring import CURRENT
from . import errand
from .headers import Headers, joined
from .response import App, Receive, Response, Scope, Send, Starting, ours

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange
    from ..wiring import Wiring

__all__ = ["App", "Receive", "Scope", "Send", "Starting", "TrackMiddleware", "answer", "request"]

#: Where a request carries its exchange: ``scope[KEY]``.
KEY = "track_middleware.exchange"

#: Called with a request's scope, exchange and tracker's wiring before the app runs: what is to be
#: done when the response starts.
Opened = Callable[[Scope, "Exchange", "Wiring"], Starting]


class Face(Protocol):
    """A middleware, as ``answer`` knows it: whom a scope names as its user, where that is asked,
    and what a framework does of its own when an exchange is opened."""

    app: App
    wiring: Wiring
    user: Callable[[Scope], str | None] | None
    opened: Opened | None


async def answer(face: Face, scope: Scope, receive: Receive, send: Send) -> None:
    """Runs the app for one request, tracked. WebSockets and lifespan pass untouched, and so does a
    request that already carries an exchange (an app within an app)."""
    wiring, around = face.wiring, CURRENT.get()
    if scope["type"] != "http" or KEY in scope or not (around is None or around.finished):
        await face.app(scope, receive, send)
        return
    user, opened, starting = face.user, face.opened, None
    try:  # the boundary, as ``ours`` is, by some calls less
        look = None if user is None else partial(user, scope)
        exchange = wiring.open(request(scope), look)
        if opened is not None and exchange.own is None:
            starting = opened(scope, exchange, wiring)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        wiring.trouble(error)
        exchange = None
    if exchange is None:
        await face.app(scope, receive, send)
        return
    if exchange.own is not None:
        await _own(wiring, exchange, scope, receive, send)
        return
    scope[KEY] = exchange
    response, token = Response(wiring, exchange, scope, send, starting), CURRENT.set(exchange)
    try:
        await face.app(scope, receive, response.send)
    except BaseException as error:
        CURRENT.reset(token)
        await response.broken(error)
        raise
    CURRENT.reset(token)
    if not exchange.finished:  # mostly it is, with its last piece
        await response.ended()
    if wiring.is_inline:
        await drained(wiring)


class TrackMiddleware:
    """Tracks an ASGI app: ``app = TrackMiddleware(app, destinations=[...])``.

    Keyword arguments are the settings; SettingsError for one that cannot be used. WebSockets and
    lifespan pass untouched.
    """

    opened: Opened | None = None

    def __init__(self, app: App, **settings: Any) -> None:
        self.app = app
        self.wiring = wiring = wirings.build(settings)
        self.user = partial(_asked, wiring) if wiring.asks_user else None

    __call__ = answer  # itself: a coroutine around it would be one more for every request


def _asked(wiring: Wiring, scope: Scope) -> str | None:
    """The user whom the ``user_id`` setting names."""
    look = wiring.user_look(lambda: scope, None)
    return None if look is None else look()


async def drained(wiring: Wiring) -> None:
    """Delivers after the response where the settings say so, off the event loop."""
    if wiring.is_inline:
        await asyncio.to_thread(ours, wiring, wiring.after_response)


#: What a request is made of; servers leave out what the protocol lets them.
_fields = itemgetter(
    "method", "path", "query_string", "scheme", "root_path", "client", "headers"
)  # fmt: skip
_LEFT_OUT = {"query_string": b"", "scheme": "http", "root_path": "", "client": None}


def request(scope: Scope) -> Request:
    """The request that a scope describes. ``path`` holds no ``root_path`` for the core, whether the
    server put it there (ASGI 3) or not."""
    try:
        method, path, query, scheme, root, client, pairs = _fields(scope)
    except KeyError:
        method, path, query, scheme, root, client, pairs = _fields({**_LEFT_OUT, **scope})
    try:
        found = Headers(pairs)
        if len(found) != len(pairs):
            found = joined(pairs)
    except TypeError:  # an iterable without a length
        found = joined(pairs)
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        path = path[len(root) :]
    is_speculative = b"sec-purpose" in found or b"purpose" in found
    return Request(
        method,
        path,
        found.text,
        query.decode("latin-1"),
        scheme,
        found[b"host"].decode("latin-1") or _server(scope),
        root,
        client[0] if client else "",
        found.text("sec-purpose") or found.text("purpose") if is_speculative else "",
        found[b"cookie"].decode("latin-1"),
        found[b"user-agent"].decode("latin-1"),
        found[b"accept-language"].decode("latin-1"),
        found[b"referer"].decode("latin-1") if b"referer" in found else "",
        found[b"sec-fetch-dest"].decode("latin-1"),
        found[b"sec-gpc"].decode("latin-1") if b"sec-gpc" in found else "",
    )


def _server(scope: Scope) -> str:
    server: tuple[str, int | None] | None = scope.get("server")
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
