"""Calls to vendors: nothing followed or tried twice, every step bounded, ended from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)

from ..delivery.pools import CONNECTED, OURS, Bounds, pools

#: Seconds; a person's browser, and on WSGI a thread of the server, waits for them.
BOUNDS = Bounds(connect=3.0, idle=10.0, whole=30.0)

#: Calls under way in one process, and how long a vendor that did not answer is left alone.
_MOST, _REST = 24, 10.0

_PIECE = 64 * 1024

#: Nobody was there, or said anything. What a vendor breaks off may be one browser's doing, and must
#: not cost all others their calls.
_SILENCE = (ConnectTimeoutError, NewConnectionError, ReadTimeoutError)


class Unanswered(Exception):
    """No usable answer came; says why in words of ours."""


class Upstream:
    """The vendors, as one process reaches them; never shared with a forked child."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.bounds = bounds
        self._pools = pools(bounds, maxsize=8)
        self._room = threading.BoundedSemaphore(_MOST)
        self._silent: dict[str, float] = {}

    def enter(self) -> bool:
        """Whether one more call may be under way; who was let in leaves."""
        return self._room.acquire(blocking=False)

    def leave(self) -> None:
        """One call less."""
        self._room.release()

    def rests(self, url: str) -> bool:
        """Whether a host has just been silent, and is left alone."""
        return self._silent.get(urlsplit(url).netloc, 0.0) > time.monotonic()

    def call(
        self, call: Call, method: str, url: str, headers: dict[str, str], body: Any = None
    ) -> None:
        """Sends a call; its answer's head has come when this returns. Unanswered without one."""
        host = urlsplit(url).netloc
        try:
            with call.noticed():
                answer = self._pools.request(
                    method, url, body=body, headers=headers, redirect=False,
                    preload_content=False, decode_content=False,
                )  # fmt: skip
        except (HTTPError, OSError, ValueError) as error:
            if call.is_vendors_fault and isinstance(error, _SILENCE):
                self._silent[host] = time.monotonic() + _REST
            raise Unanswered("no answer") from error
        self._silent.pop(host, None)
        call.answer = answer


class Call:
    """One call: its connection, its time, its answer."""

    def __init__(self, bounds: Bounds) -> None:
        self.answer: Any = None
        #: False once the browser, not the vendor, is to blame for a failure.
        self.is_vendors_fault = True
        self.is_done = False
        self._until = time.monotonic() + bounds.whole
        self._connection: Any = None
        self._is_closed = False

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """While the call is sent: its connection becomes known, so that ``close`` can end it."""
        ours, told = OURS.set(True), CONNECTED.set(self._goes_out)
        try:
            yield
        finally:
            OURS.reset(ours)
            CONNECTED.reset(told)

    def _goes_out(self, connection: Any) -> None:
        self._connection = connection
        if self._is_closed:
            raise OSError("nobody waits for this call any more")

    def in_time(self) -> None:
        """Unanswered when the whole call has taken too long, or nobody waits for it."""
        if self._is_closed or time.monotonic() > self._until:
            raise Unanswered("it took too long")

    def piece(self, *, decoded: bool = False) -> bytes:
        """The next piece of the answer's body, b"" at its end."""
        self.in_time()
        try:
            piece: bytes = self.answer.read1(_PIECE, decode_content=decoded)
        except (HTTPError, OSError, ValueError) as error:
            raise Unanswered("it broke off") from error
        if not piece:
            if self.answer.length_remaining not in (None, 0):
                raise Unanswered("it broke off")
            self.is_done = True
        return piece

    def close(self) -> None:
        """Ends it, from whatever thread: a connection that was not read to its end is shut."""
        self._is_closed = True
        answer, connection = self.answer, self._connection
        if self.is_done and answer is not None:
            answer.release_conn()
            return
        self.is_vendors_fault = False
        sock = getattr(connection, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(SHUT_RDWR)
            except OSError:
                pass  # it is closed already
        if answer is not None:
            answer.close()
