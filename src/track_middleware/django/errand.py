"""Answers of our own through Django: whole ones, and errands, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from ..http import Caller, Errand, Head, Read, Reply, Running, unreadable
from . import site

#: The face's boundary: runs a step of ours and returns None where it failed.
Ours = Callable[..., Any]


def whole(reply: Reply) -> HttpResponse:
    """A whole answer."""
    response = HttpResponse(reply.body, status=reply.status)
    _head(response, reply.lines)
    return response


def answer(
    errand: Errand, request: HttpRequest, ours: Ours, *, allowed: bool | None = None
) -> HttpResponseBase:
    """Runs an errand in the server's own thread."""
    running: Running | None = ours(
        site.wiring().errands.begin, errand, Caller(request, allowed=allowed)
    )
    started = running and ours(running.start, reader(request))
    if running is None or not isinstance(started, Head):
        if running is not None:
            running.close()
        return whole(started or unreadable())
    if hasattr(request, "scope"):  # a sync chain under ASGI: nobody steps through a sync stream
        return _streaming(started, running, [b"".join(_pieces(running))])
    return _streaming(started, running, _pieces(running))


async def aanswer(
    errand: Errand, request: HttpRequest, ours: Ours, *, allowed: bool | None = None
) -> HttpResponseBase:
    """Runs an errand off the event loop; a request that is given up ends it."""
    caller = Caller(request, may_last=hasattr(request, "scope"), allowed=allowed)
    wiring = site.wiring()
    running: Running | None = ours(wiring.errands.begin, errand, caller)
    if running is None:
        return whole(unreadable())
    loop, pool = asyncio.get_running_loop(), wiring.errands.pool
    started = None
    try:
        started = await loop.run_in_executor(pool, ours, running.start, reader(request))
    finally:
        if not isinstance(started, Head):
            running.close()
    if not isinstance(started, Head):
        return whole(started or unreadable())

    async def pieces() -> AsyncIterator[bytes]:
        while piece := await loop.run_in_executor(pool, running.piece):
            yield piece

    return _streaming(started, running, pieces())


def reader(request: HttpRequest) -> Read:
    """Reads the body. One sent in chunks has no length: Django takes it for an empty one on WSGI,
    though the server ends it by itself (``wsgi.input_terminated``)."""
    meta = request.META
    sized = meta.get("CONTENT_LENGTH") or not meta.get("wsgi.input_terminated")
    read: Read = request.read if sized else meta["wsgi.input"].read
    return read


def _pieces(running: Running) -> Iterator[bytes]:
    while piece := running.piece():
        yield piece


def _streaming(head: Head, running: Running, pieces: Any) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, status=head.status)
    _head(response, head.headers)
    response._resource_closers.append(running.close)
    return response


def _head(response: HttpResponseBase, lines: Iterable[tuple[str, str]]) -> None:
    del response["Content-Type"]
    for name, value in lines:
        if name == "Set-Cookie":
            response.cookies.load(value)
        else:
            response[name] = value
