"""Sends calls over HTTP, and hands each call to the carrier of its scheme.

Everything is bounded: connecting, every read, the whole call, and what is kept of an answer.
Redirects are answers, not followed. A connection that ends before its answer does is no answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import formatdate
from http.client import HTTPResponse, RemoteDisconnected
from io import BufferedReader
from typing import Any, Protocol

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from ..destinations import Answer, Call
from .deadline import shut_after
from .lines import FileTransport, Silence
from .postgres import PostgresTransport

__all__ = ["KEPT", "Bounds", "Deliver", "HttpTransport", "Silence", "Transport"]

#: Bytes kept of an answer; a connection whose answer is longer is closed.
KEPT = 64 * 1024

#: Sends one call: what came back, or why nothing did.
Transport = Callable[[Call], Answer | Silence]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds: to connect, without a byte coming or going, and for a whole call."""

    connect: float = 5.0
    idle: float = 15.0
    whole: float = 60.0


class HttpTransport:
    """Pools of connections, TLS verified against the system's authorities.

    One per thread that delivers, or shared: the pools are safe between threads. ``close`` it at the
    end.
    """

    def __init__(self, *, bounds: Bounds | None = None, authorities: str | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._pools = urllib3.PoolManager(
            num_pools=16,
            maxsize=4,
            retries=False,
            timeout=urllib3.Timeout(connect=self._bounds.connect, read=self._bounds.idle),
            cert_reqs="CERT_REQUIRED",
            ca_certs=authorities,
        )
        self._pools.pool_classes_by_scheme = _pools(self._bounds.whole)
        logging.getLogger("urllib3.connectionpool").addFilter(_without_queries)

    def __call__(self, call: Call) -> Answer | Silence:
        """Sends a call; ``Silence`` when no whole answer came."""
        deadline = time.monotonic() + self._bounds.whole
        ours, begun = _ours.set(True), _begun.set(False)
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
            return Silence(_reason(error), sent=_begun.get())
        finally:
            _ours.reset(ours)
            _begun.reset(begun)

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


#: Whether a call of ours is being sent in this context.
_ours: ContextVar[bool] = ContextVar("track_middleware_sending", default=False)

#: Whether anything of that call may have left: not before a TLS handshake is over.
_begun: ContextVar[bool] = ContextVar("track_middleware_begun", default=False)


def _without_queries(record: logging.LogRecord) -> bool:
    """Takes the query out of what urllib3 itself logs, at DEBUG, of our calls: some vendors want
    their secret there."""
    if _ours.get() and isinstance(record.args, tuple):
        record.args = tuple(
            each.partition("?")[0] if isinstance(each, str) else each for each in record.args
        )
    return True


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


def _pools(whole: float) -> dict[str, Any]:
    """Connection pools whose answers' headers must come within the time of a whole call."""

    class Plain(HTTPConnection):
        response_class = _WholeHead

        def request(self, *args: Any, **given: Any) -> None:
            _begun.set(True)
            super().request(*args, **given)

        def getresponse(self) -> Any:
            with shut_after(self.sock, whole):
                return super().getresponse()

    class Secure(HTTPSConnection):
        response_class = _WholeHead

        def request(self, *args: Any, **given: Any) -> None:
            _begun.set(True)
            super().request(*args, **given)

        def getresponse(self) -> Any:
            with shut_after(self.sock, whole):
                return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _WholeHead(HTTPResponse):
    """An answer whose headers came to their empty line; the standard one takes a closed connection
    for that line, and would believe the status of an answer that broke off."""

    def begin(self) -> None:
        whole: Any = self.fp
        lines: Any = _Lines(whole)
        self.fp = lines  # reading the head needs readline alone
        try:
            super().begin()
        finally:
            if self.fp is lines:
                self.fp = whole
        if lines.last not in (b"\r\n", b"\n"):
            raise RemoteDisconnected("the connection was closed inside the answer's headers")


class _Lines:
    """A file that remembers the last line read from it."""

    __slots__ = ("file", "last")

    def __init__(self, file: BufferedReader) -> None:
        self.file = file
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = self.file.readline(limit)
        return self.last

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self.file.close()
