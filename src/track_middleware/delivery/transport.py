"""Sends calls over HTTP, and hands each call to the carrier of its scheme.

Everything is bounded: connecting, every read, the whole call, and what is kept of an answer.
Redirects are answers, not followed. A connection that ends before its answer does is no answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Protocol

from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from ..destinations import Answer, Call
from .lines import FileTransport, Silence
from .pools import BEGUN, OURS, Bounds, pools
from .postgres import PostgresTransport

__all__ = ["KEPT", "Bounds", "Deliver", "HttpTransport", "Silence", "Transport"]

#: Bytes kept of an answer; a connection whose answer is longer is closed.
KEPT = 64 * 1024

#: Sends one call: what came back, or why nothing did.
Transport = Callable[[Call], Answer | Silence]


class HttpTransport:
    """Pools of connections, TLS verified against the system's authorities.

    One per thread that delivers, or shared: the pools are safe between threads. ``close`` it at the
    end.
    """

    def __init__(self, *, bounds: Bounds | None = None, authorities: str | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._pools = pools(self._bounds, authorities=authorities)

    def __call__(self, call: Call) -> Answer | Silence:
        """Sends a call; ``Silence`` when no whole answer came."""
        deadline = time.monotonic() + self._bounds.whole
        ours, begun = OURS.set(True), BEGUN.set(False)
        try:
            response = self._pools.request(
                call.method,
                call.url,
                body=call.body,
                headers=dict(call.headers),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            return _answer(response, deadline)
        except (ConnectTimeoutError, NewConnectionError) as error:
            return Silence(_reason(error), sent=False)
        except (HTTPError, OSError, ValueError) as error:
            return Silence(_reason(error), sent=BEGUN.get())
        finally:
            OURS.reset(ours)
            BEGUN.reset(begun)

    def close(self) -> None:
        """Closes every idle connection."""
        self._pools.clear()


class Carrier(Protocol):
    """A transport for some schemes. Called from several threads at once."""

    def __call__(self, call: Call) -> Answer | Silence: ...

    def close(self) -> None:
        """Lets go of what is open; nothing is lost by it."""
        ...


#: Who carries a call, by its URL's scheme; made when the first call for it comes.
CARRIERS: Mapping[str, Callable[[], Carrier]] = {
    "file": FileTransport,
    "http": HttpTransport,
    "https": HttpTransport,
    "postgresql": PostgresTransport,
}


class Deliver:
    """The transport of every destination: hands each call to the carrier of its scheme."""

    def __init__(self, http: HttpTransport | None = None) -> None:
        self._lock = threading.Lock()
        self._carriers: dict[Callable[[], Carrier], Carrier] = {HttpTransport: http} if http else {}

    def __call__(self, call: Call) -> Answer | Silence:
        make = CARRIERS.get(call.url.partition(":")[0])
        if make is None:
            return Silence("nothing here carries calls of its URL's scheme", sent=False)
        with self._lock:
            carrier = self._carriers.get(make) or self._carriers.setdefault(make, make())
        return carrier(call)

    def close(self) -> None:
        for carrier in self._carriers.values():
            carrier.close()


def _answer(response: Any, deadline: float) -> Answer | Silence:
    """The answer with at most ``KEPT`` bytes of its body; closes what was not read to its end."""
    kept = bytearray()
    done = False
    try:
        while len(kept) <= KEPT:
            if time.monotonic() > deadline:
                return Silence("the answer took too long")
            chunk = response.read1(KEPT)
            if not chunk:
                done = True
                break
            kept += chunk
    finally:
        if done:
            response.release_conn()
        else:
            response.close()
    if done and response.length_remaining not in (None, 0):
        return Silence("the connection was closed before the answer's end")
    headers = {name.lower(): value for name, value in response.headers.items()}
    # RFC 9110, section 6.6.1: a recipient with a clock adds the date that is missing.
    headers.setdefault("date", formatdate(usegmt=True))
    return Answer(response.status, headers, bytes(kept[:KEPT]))


def _reason(error: Exception) -> str:
    """What kept the answer away, without the URL (it may hold a key)."""
    cause = error
    while cause.__cause__ is not None and isinstance(cause.__cause__, OSError):
        cause = cause.__cause__
    if isinstance(cause, OSError) and cause.strerror:
        return f"no answer: {cause.strerror}"
    return f"no answer: {type(cause).__name__}"
