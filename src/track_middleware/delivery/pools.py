"""Pools of HTTP connections: every step bounded, a head believed only when it is whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse, RemoteDisconnected
from io import BufferedReader
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .deadline import shut_after


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds: to connect, without a byte coming or going, and for a whole call."""

    connect: float = 5.0
    idle: float = 15.0
    whole: float = 60.0


#: Whether a call of ours is being sent in this context.
OURS: ContextVar[bool] = ContextVar("track_middleware_sending", default=False)

#: Whether anything of this context's call may have left: not before a TLS handshake is over.
BEGUN: ContextVar[bool] = ContextVar("track_middleware_begun", default=False)

#: Told of the connection that this context's call goes out on, so that another thread can end it.
CONNECTED: ContextVar[Callable[[HTTPConnection], None] | None] = ContextVar(
    "track_middleware_connected", default=None
)


def pools(
    bounds: Bounds, *, authorities: str | None = None, maxsize: int = 4
) -> urllib3.PoolManager:
    """Pools that verify TLS against the system's authorities, or the file of them that is named;
    nothing is tried twice."""
    manager = urllib3.PoolManager(
        num_pools=16,
        maxsize=maxsize,
        retries=False,
        timeout=urllib3.Timeout(connect=bounds.connect, read=bounds.idle),
        cert_reqs="CERT_REQUIRED",
        ca_certs=authorities,
    )
    manager.pool_classes_by_scheme = _by_scheme(bounds.whole)
    logging.getLogger("urllib3.connectionpool").addFilter(_without_queries)
    return manager


def _without_queries(record: logging.LogRecord) -> bool:
    """Takes the query out of what urllib3 itself logs, at DEBUG, of our calls: some vendors want
    their secret there."""
    if OURS.get() and isinstance(record.args, tuple):
        record.args = tuple(
            each.partition("?")[0] if isinstance(each, str) else each for each in record.args
        )
    return True


def _leaves(connection: HTTPConnection) -> None:
    BEGUN.set(True)
    told = CONNECTED.get()
    if told is not None:
        told(connection)


def _by_scheme(whole: float) -> dict[str, Any]:
    """Connection pools whose answers' headers must come within the time of a whole call."""

    class Plain(HTTPConnection):
        response_class = _WholeHead

        def request(self, *args: Any, **given: Any) -> None:
            _leaves(self)
            super().request(*args, **given)

        def getresponse(self) -> Any:
            with shut_after(self.sock, whole):
                return super().getresponse()

    class Secure(Plain, HTTPSConnection):
        """The same over TLS."""

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
