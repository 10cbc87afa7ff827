"""The middleware, for sync and async projects.

Rules of this file: no decision about tracking is taken here; nothing makes Django load the user,
the session or a row; a stream is stepped once per step of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from ..http import Errand, Reply, Request, environ_request, unreadable, weak_etag
from ..tracking.whole import is_usual, settled, shown, usual_type
from ..wiring import CURRENT
from . import chain, errand, person, session, site
from .apart import STORED, apart, measured, put, tag
from .boundary import ours as _ours
from .cookies import add
from .person import ROUTES, seen
from .site import READY
from .streams import AsyncSteps, Steps

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange
    from ..tracking.identity import LoadedUser
    from ..tracking.inject import Injector

#: What a request becomes that was given up before its response began (nginx's code for it).
GIVEN_UP = 499


class TrackMiddleware:
    """Tracks a Django project; stands behind GZipMiddleware and before UpdateCacheMiddleware."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        site.wiring()  # settings that cannot be used are told at start

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._acall(request)
        exchange = _opened(request)
        if exchange is None:
            return self.get_response(request)
        if exchange.own is not None:
            if exchange.own.is_console:
                with chain.through(request, exchange):
                    return self.get_response(request)
            reply = _ours(_replied, request, exchange) or unreadable()
            if isinstance(reply, Errand):
                return _sent(errand.answer(reply, request, _ours))
            return _sent(errand.whole(reply))
        token = CURRENT.set(exchange)
        try:
            response = self.get_response(request)
        except BaseException:
            CURRENT.reset(token)
            _failed(exchange, 500)
            raise
        CURRENT.reset(token)
        if request.META.get("QUERY_STRING") and "session" in request.__dict__:
            campaign = _ours(session.arrived, request, response, exchange)
            if campaign:
                _ours(session.mirror, request, response, campaign)
        return _ended(request, response, exchange)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        exchange = _opened(request)
        if exchange is None:
            return await self.get_response(request)
        if exchange.own is not None:
            if exchange.own.is_console:
                with chain.through(request, exchange):
                    return await self.get_response(request)
            reply = _ours(_replied, request, exchange) or unreadable()
            if isinstance(reply, Errand):
                return _sent(await errand.aanswer(reply, request, _ours))
            return _sent(errand.whole(reply))
        token = CURRENT.set(exchange)
        try:
            response = await self.get_response(request)
        except BaseException as error:
            CURRENT.reset(token)
            _failed(exchange, GIVEN_UP if isinstance(error, asyncio.CancelledError) else 500)
            raise
        CURRENT.reset(token)
        if request.META.get("QUERY_STRING") and "session" in request.__dict__:
            campaign = _ours(session.arrived, request, response, exchange)
            if campaign:
                await sync_to_async(_ours)(session.mirror, request, response, campaign)
        return _ended(request, response, exchange)


def _opened(request: HttpRequest) -> Exchange | None:
    """The request's exchange; None where one is open already (an app within an app), and where it
    cannot be opened."""
    try:
        exchange = CURRENT.get()
        if exchange is not None and not exchange.finished:
            request.track = exchange
            return None
        # As a method it is called without a detour, which a partial takes.
        look: LoadedUser | None = MethodType(seen, request)
        if READY.asks_user:
            look = site.wiring().user_look(partial(person.asked_about, request), look)
        request.track = exchange = READY.open(described(request), look)
        return exchange
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        request.track = None
        site.wiring().trouble(error)
        return None


def described(request: HttpRequest) -> Request:
    """The request as the core knows it."""
    if READY.is_forwarded:
        return _forwarded(request)
    meta, path = request.META, request.path_info
    # Django's own ``scheme`` looks a setting up, which takes long.
    scheme = meta.get("wsgi.url_scheme") or request._get_scheme() or "http"
    return environ_request(meta, path, request.path.removesuffix(path), scheme)


def _forwarded(request: HttpRequest) -> Request:
    """The same where a proxy says which host was asked, or how."""
    meta, path = request.META, request.path_info
    host = meta.get("HTTP_X_FORWARDED_HOST", "") if READY.is_host_forwarded else ""
    root_path, scheme = request.path.removesuffix(path), request.scheme or "http"
    return environ_request(meta, path, root_path, scheme, host)


def _sent(response: HttpResponseBase) -> HttpResponseBase:
    """The answer to a request for one of our own paths; no view is called."""
    if READY.is_inline:
        _deliver_after(response)
    return response


def _replied(request: HttpRequest, exchange: Exchange) -> Reply | Errand:
    limit = exchange.own.limit if exchange.own else 0
    return exchange.reply(_read(request, limit + 1))


def _read(request: HttpRequest, most: int) -> bytes:
    """At most ``most`` bytes of the body."""
    read, body = errand.reader(request), b""
    while len(body) < most and (piece := read(most - len(body))):
        body += piece
    return body


def _failed(exchange: Exchange, status: int) -> None:
    _ours(exchange.close, status, {})
    _ours(exchange.finish)


def _ended(request: HttpRequest, response: Any, exchange: Exchange) -> Any:
    """What goes out for a response; a usual page's head and body are settled together."""
    try:
        match = request.resolver_match
        if match is not None and match.route is not None:
            exchange.route = ROUTES[match.route]
        store = response.headers._store
        kind = store.get("content-type")  # as Django keeps a header: its name, and its value
        if (
            type(response) is not HttpResponse or kind is None
            or not is_usual(exchange, response.status_code, kind[1], store)
        ):  # fmt: skip
            return _otherwise(response, exchange)
        # Its content is looked at, and put, as it lies: Django would look what bytes are.
        content = b"".join(response._container)
        end = shown(exchange, kind[1], content)
        if end is None:
            return _otherwise(response, exchange)
        ending, tagged = end
        response = apart(response)
        store = response.headers._store
        if tagged is not content:
            response._container = [tagged]
            if "text" in response.__dict__:
                del response.text
            if "content-length" in store or "etag" in store:
                measured(store, tagged)
        store |= STORED[ending.headers]
        if ending.cookies:
            add(response, ending.cookies)
        if READY.is_inline:
            _deliver_after(response)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        site.wiring().trouble(error)
        _ours(_left, response, exchange)
    return response


def _otherwise(response: Any, exchange: Exchange) -> Any:
    """What goes out for any other response. A page may keep its content in a way of its own (a
    template's); of what is none, of a stream, and of what is yet to be rendered, only the head is
    looked at here."""
    status, headers = response.status_code, session.headers(response)
    kind = usual_type(exchange, status, headers)
    is_stream = isinstance(response, StreamingHttpResponse)
    is_there = not is_stream and getattr(response, "is_rendered", True)
    if kind is None or not is_there or type(response) is HttpResponse:
        content = tagged = b""
        ending = exchange.close(status, headers)
    else:
        content = response.content
        ending, tagged = settled(exchange, status, headers, content, kind)
    if not is_stream and (ending.headers or ending.cookies or ending.injector is not None):
        response = apart(response)
    if tagged is not content:
        _ours(put, response, tagged)
    store = response.headers._store
    store |= STORED[ending.headers]
    if ending.cookies:
        add(response, ending.cookies)
    if not exchange.finished:
        _passed(response, exchange, ending.injector, is_there=is_there)
    if READY.is_inline:
        _deliver_after(response)
    return response


def _left(response: HttpResponseBase, exchange: Exchange) -> None:
    """What becomes of a response where we have failed: it goes on as it is."""
    _passed(response, exchange, None)
    if READY.is_inline:
        _deliver_after(response)


def _passed(
    response: Any, exchange: Exchange, injector: Injector | None, *, is_there: bool = True
) -> None:
    """The body behind a head that is closed; of one that is no page the content is left alone. What
    a middleware outside ours has yet to render gets its tag by then."""
    if isinstance(response, StreamingHttpResponse):
        _streamed(response, exchange, injector)
        return
    if injector is not None and is_there:
        _tag(injector, response)
    elif injector is not None:
        later = partial(_tag, injector)
        response._post_render_callbacks = [*response._post_render_callbacks, later]
    exchange.finish()


def _tag(injector: Injector, response: Any) -> None:
    """Whatever goes wrong with the tag, the visitor's cookies go out."""
    _ours(tag, injector, response)


def _streamed(
    response: StreamingHttpResponse, exchange: Exchange, injector: Injector | None
) -> None:
    """Steps through a stream in its exchange. A file that nothing is put into stays as it is, so
    that the server may send it by itself."""
    response._resource_closers.append(exchange.finish)
    if injector is None and isinstance(response, FileResponse):
        return
    if injector is not None:
        del response["Content-Length"]
        if response.has_header("ETag"):
            response["ETag"] = weak_etag(response["ETag"])
    steps = AsyncSteps if response.is_async else Steps
    response.streaming_content = steps(response.streaming_content, exchange, injector, _ours)


def _deliver_after(response: HttpResponseBase) -> None:
    """``inline`` delivers when the server has sent the response."""
    after, closers = site.wiring().after_response, response._resource_closers
    if after not in closers:
        response._resource_closers = [*closers, after]
