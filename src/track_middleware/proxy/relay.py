"""The errand of one call to a vendor: up and down piece by piece, within its bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from ..http import Head, Read, Reply
from ..tracking.door import refusal
from .order import Order
from .scripts import MAX_AGE, PROTECTED, Scripts, kind
from .upstream import Call, Unanswered, Upstream

#: An answer up to this size is whole before its head is passed on; the most bytes of any.
_WHOLE, _MOST = 256 * 1024, 16 * 2**20

_PIECE = 64 * 1024

#: Types that an answer may have: none that a browser would show as a page, or run. An endpoint that
#: puts a callback's name from the query before its JSON would be a script of the page's own origin.
_TYPES = frozenset((
    "", "application/json", "application/octet-stream", "image/gif", "image/jpeg", "image/png",
    "image/webp", "text/plain",
))  # fmt: skip


class Relay:
    """One call under way (``http.Running``)."""

    def __init__(self, order: Order, upstream: Upstream, scripts: Scripts) -> None:
        self._order = order
        self._upstream = upstream
        self._scripts = scripts
        self._call = Call(upstream.bounds)
        self._lock = threading.Lock()
        self._is_in = self._is_closed = False
        self._held: list[bytes] = []
        self._passed = 0

    def start(self, read: Read) -> Reply | Head:
        """The vendor's answer, a script of its, or a refusal that says why there is none."""
        if not self._entered():
            return refusal(429, "too many at once", ("Retry-After", "5"))
        try:
            if self._order.route.is_script:
                return self._scripts.reply(self._order, self._call)
            return self._answered(read)
        except Unanswered:
            return refusal(self._order.busy, "the vendor is not there", ("Retry-After", "10"))
        except _TooLarge:
            return refusal(413, "the body is too large")
        except OSError:
            return refusal(400, "the body broke off")

    def piece(self) -> bytes:
        """The next piece of a long answer."""
        if self._held:
            return self._held.pop(0)
        try:
            return self._next()
        except Unanswered as error:
            raise ConnectionError(f"the vendor's answer did not end: {error}") from error

    def close(self) -> None:
        """Ends the call, and makes room for another."""
        with self._lock:
            is_in, self._is_in, self._is_closed = self._is_in, False, True
        self._call.close()
        if is_in:
            self._upstream.leave()

    def _entered(self) -> bool:
        with self._lock:
            self._is_in = not self._is_closed and self._upstream.enter()
            return self._is_in

    def _answered(self, read: Read) -> Reply | Head:
        order = self._order
        if self._upstream.rests(order.url):
            raise Unanswered("it was silent a moment ago")
        headers, body = dict(order.headers), None
        if order.method == "POST":
            length, body = self._body(read)
            headers["content-length"] = str(length)
        self._upstream.call(self._call, order.method, order.url, headers, body)
        return self._passable() or self._whole_or_head()

    def _body(self, read: Read) -> tuple[int, Iterator[bytes] | bytes]:
        """The request's body and its length: as it comes where that is known, else gathered."""
        most = self._order.route.limit
        if self._order.length is not None:
            return self._order.length, self._pieces(read, self._order.length)
        gathered = bytearray()
        while piece := read(_PIECE):
            self._call.in_time()
            gathered += piece
            if len(gathered) > most:
                raise _TooLarge
        return len(gathered), bytes(gathered)

    def _pieces(self, read: Read, left: int) -> Iterator[bytes]:
        while left > 0:
            self._call.in_time()
            self._call.is_vendors_fault = False
            piece = read(min(_PIECE, left))
            if not piece:
                raise ConnectionError("the body ended early")
            self._call.is_vendors_fault = True
            left -= len(piece)
            yield piece

    def _passable(self) -> Reply | None:
        """A refusal of an answer that must not be passed on."""
        answer = self._call.answer
        if answer.status >= 500:
            wait = answer.headers.get("retry-after", "")
            seconds = wait if wait.isascii() and wait.isdecimal() else "10"
            return refusal(self._order.busy, "the vendor failed", ("Retry-After", seconds))
        if not (200 <= answer.status < 300 or answer.status >= 400):
            return refusal(424, "the vendor's answer leads elsewhere")
        if kind(answer.headers.get("content-type", "")) not in _TYPES:
            return refusal(424, "the vendor's answer is of no type that is passed on")
        return None

    def _whole_or_head(self) -> Reply | Head:
        status, headers = self._call.answer.status, self._headers()
        while self._passed < _WHOLE:
            piece = self._next()
            if not piece:
                return Reply(status, headers, b"".join(self._held))
            self._held.append(piece)
        return Head(status, headers)

    def _next(self) -> bytes:
        piece = self._call.piece()
        self._passed += len(piece)
        if self._passed > _MOST:
            raise Unanswered("it is too large")
        return piece

    def _headers(self) -> tuple[tuple[str, str], ...]:
        given = self._call.answer.headers
        said = kind(given.get("content-type", "")) or "application/octet-stream"
        lines = [("Content-Type", said), *PROTECTED]
        if given.get("content-encoding", "").lower() in ("gzip", "br", "deflate", "zstd"):
            lines.append(("Content-Encoding", given["content-encoding"]))
        if "retry-after" in given:
            lines.append(("Retry-After", given["retry-after"]))
        lines.append(("Cache-Control", _control(given.get("cache-control", ""))))
        return tuple((name, value) for name, value in lines if value.isprintable())


def _control(said: str) -> str:
    """How long the one browser may keep an answer, and no shared cache: it is somebody's, and by
    what they permit."""
    found = MAX_AGE.search(said)
    return "no-store" if found is None or "no-" in said else f"private, max-age={found[1]}"


class _TooLarge(Exception):
    """More body came than its route takes."""
