"""An errand's answer through WSGI: the server's own thread waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from ..http import Caller, Errand, Head, Reply, Running, status_line, unreadable
from .boundary import ours

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from ..wiring import Wiring


def answer(
    wiring: Wiring, errand: Errand, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Runs an errand and passes its answer on, whole or piece by piece."""
    running = ours(wiring, wiring.errands.begin, errand, Caller(environ))
    started = ours(wiring, running.start, reader(environ)) if running is not None else None
    if running is not None and isinstance(started, Head):
        start_response(status_line(started.status), list(started.headers))
        return _Pieces(running, wiring)
    if running is not None:
        running.close()
    reply = started if isinstance(started, Reply) else unreadable()
    start_response(status_line(reply.status), list(reply.lines))
    ours(wiring, wiring.after_response)
    return [reply.body] if reply.body else []


class _Pieces(msgspec.Struct, eq=False):
    """The rest of an answer. One that broke off is broken off for the client, too: an exception
    makes the server close the connection, where an early end would look like a whole answer."""

    _running: Running
    _wiring: Wiring

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._running.piece()
        if not piece:
            raise StopIteration
        return piece

    def close(self) -> None:
        """The server is done, or its client hung up."""
        self._running.close()
        ours(self._wiring, self._wiring.after_response)


def reader(environ: WSGIEnvironment) -> Callable[[int], bytes]:
    """Reads the request's body; without a length only what the server ends by itself
    (``wsgi.input_terminated``, chunked bodies)."""
    length = environ.get("CONTENT_LENGTH") or ""
    read = environ["wsgi.input"].read
    if not length.isdecimal():
        return read if environ.get("wsgi.input_terminated") else _nothing
    left = int(length)

    def at_most(most: int) -> bytes:
        nonlocal left
        piece: bytes = read(min(most, left))
        left -= len(piece)
        return piece

    return at_most


def _nothing(most: int) -> bytes:
    return b""
