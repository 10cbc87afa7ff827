"""The middleware, for sync and async projects.

Rules of this file: no decision about tracking is taken here; nothing makes Django load the user,
the session or a row; a stream is stepped once per step of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from .. import wiring as wirings
from ..http import Errand, Reply, Request, environ_request, unreadable, weak_etag
from ..tracking.whole import settled, usual_type
from . import chain, cookies, errand, person, session, site
from .boundary import ours as _ours
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
        exchange = _ours(_opened, request)
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
        token, response = wirings.CURRENT.set(exchange), None
        try:
            response = self.get_response(request)
        finally:
            wirings.CURRENT.reset(token)
            if response is None:
                _failed(exchange, 500)
        campaign = request.META.get("QUERY_STRING") and _news(request, response, exchange)
        if campaign:
            _ours(session.mirror, request, response, campaign)
        if _ours(_ended, request, response, exchange) is None:
            _ours(_left, response, exchange)
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        exchange = _ours(_opened, request)
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
        token, failed = wirings.CURRENT.set(exchange), 500
        try:
            response = await self.get_response(request)
            failed = 0
        except asyncio.CancelledError:
            failed = GIVEN_UP
            raise
        finally:
            wirings.CURRENT.reset(token)
            if failed:
                _failed(exchange, failed)
        campaign = request.META.get("QUERY_STRING") and _news(request, response, exchange)
        if campaign:
            await sync_to_async(_ours)(session.mirror, request, response, campaign)
        if _ours(_ended, request, response, exchange) is None:
            _ours(_left, response, exchange)
        return response


def _news(
    request: HttpRequest, response: HttpResponseBase, exchange: Exchange
) -> dict[str, str] | None:
    """A campaign that has just arrived and belongs into the session; only a query brings one."""
    if "session" not in request.__dict__ or not exchange.has_news:
        return None
    return _ours(session.arrived, request, response, exchange)


def _opened(request: HttpRequest) -> Exchange | None:
    """The request's exchange; None where one is open already (an app within an app)."""
    exchange = wirings.CURRENT.get()
    if exchange is not None and not exchange.finished:
        request.track = exchange
        return None
    request.track = None  # unless it can be opened
    wiring = site.wiring()
    look: LoadedUser | None = partial(person.seen, request)
    if wiring.asks_user:
        look = wiring.user_look(partial(person.asked_about, request), look)
    request.track = exchange = wiring.open(described(request), look)
    return exchange


def described(request: HttpRequest) -> Request:
    """The request as the core knows it."""
    meta, path = request.META, request.path_info
    is_host_forwarded, is_scheme_forwarded = site.forwarded()
    # Django's own property looks a setting up, which takes long.
    if is_scheme_forwarded:
        scheme = request.scheme
    else:
        scheme = meta.get("wsgi.url_scheme") or request._get_scheme()
    return environ_request(
        meta,
        path,
        request.path.removesuffix(path),
        scheme or "http",
        meta.get("HTTP_X_FORWARDED_HOST", "") if is_host_forwarded else "",
    )


def _sent(response: HttpResponseBase) -> HttpResponseBase:
    """The answer to a request for one of our own paths; no view is called."""
    if site.wiring().is_inline:
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


def _ended(request: HttpRequest, response: Any, exchange: Exchange) -> bool:
    """Everything that becomes of a response; a usual page's head and body are settled together."""
    headers, status = session.headers(response), response.status_code
    match = request.resolver_match
    if match is not None:
        exchange.route = person.route(match.route)
    is_whole = not isinstance(response, StreamingHttpResponse)
    kind = usual_type(exchange, status, headers) if is_whole else None
    if kind is None:
        ending = exchange.close(status, headers)
    else:
        is_plain = type(response) is HttpResponse  # whose content is looked at as it lies
        content = b"".join(response._container) if is_plain else response.content
        ending, tagged = settled(exchange, status, headers, content, kind)
        if tagged is not content:
            _changed(response, headers, tagged)
    for header in ending.headers:  # as Django keeps them: it need not check what is ours
        response.headers._store[header[0].lower()] = header
    for cookie in ending.cookies:
        cookies.add(response, cookie)
    if kind is None:
        _passed(response, exchange, headers, ending.injector)
    if site.wiring().is_inline:
        _deliver_after(response)
    return True


def _left(response: HttpResponseBase, exchange: Exchange) -> None:
    """What becomes of a response where we have failed: it goes on as it is."""
    _passed(response, exchange, {}, None)
    if site.wiring().is_inline:
        _deliver_after(response)


def _passed(
    response: Any, exchange: Exchange, headers: Mapping[str, str], injector: Injector | None
) -> None:
    """The body behind a head that is closed; of one that is no page the content is left alone."""
    if isinstance(response, StreamingHttpResponse):
        _streamed(response, exchange, injector)
        return
    if injector is not None:
        content = response.content
        tagged = injector.whole(content)
        if tagged is not content:
            _changed(response, headers, tagged)
    exchange.finish()


def _changed(response: HttpResponse, former: Mapping[str, str], content: bytes) -> None:
    """The body is another one than the headers have said."""
    if type(response) is HttpResponse:  # as Django keeps it: it need not look what bytes are
        response._container = [content]
        response.__dict__.pop("text", None)
    else:
        response.content = content
    if "etag" in former:
        response["ETag"] = weak_etag(former["etag"])
    if "content-length" in former:
        response.headers._store["content-length"] = ("Content-Length", str(len(content)))


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
    response._resource_closers.append(site.wiring().after_response)
