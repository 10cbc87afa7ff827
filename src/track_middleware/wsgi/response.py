"""One WSGI response on its way through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import msgspec

from ..http import Cookie, by_name
from ..tracking.shareable import PRIVATE
from ..tracking.whole import closed, is_usual, settled, shown
from ..wiring import CURRENT
from .boundary import ours
from .handed import handed
from .head import SHAPES, Head, Shape, anew

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from ..tracking.exchange import Exchange
    from ..tracking.inject import Injector
    from ..tracking.response import Ending
    from ..wiring import Wiring
    from .boundary import ExcInfo, Headers, Starting

_END: Any = object()
_LISTS = (list, tuple)  # and no kinds of them, which may want to be closed
_PRIVATE, _SET = PRIVATE[0], repeat("Set-Cookie")


class Response(msgspec.Struct, eq=False):
    """One response on its way through: what the app said, and what has been passed on of it."""

    _wiring: Wiring
    _exchange: Exchange
    _environ: WSGIEnvironment
    _start_response: StartResponse
    _starting: Starting | None = None
    _status: str = ""
    _headers: Headers = []
    _head: Head | None = None
    _exc_info: ExcInfo | None = None
    _closed: bool = False
    _started: bool = False
    _left: int | None = None
    _injector: Injector | None = None
    _source: Iterable[bytes] = ()
    _chunks: Iterator[bytes] = iter(())
    _write: Callable[[bytes], object] | None = None

    # What the app calls.

    def start(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """The app's ``start_response``; it is passed on with the first of the body."""
        if self._status:
            if self._started or exc_info is None:
                return self._start_response(status, headers, exc_info)
            self._injector = None  # that of the answer which this one replaces
        if self._starting is not None:
            headers = self._starting(self._exchange, self._environ, headers) or headers
        self._status, self._headers, self._exc_info = status, headers, exc_info
        return self.write

    def write(self, chunk: bytes, /) -> None:
        """The app's ``write``, the older way to send a body."""
        passed = self._passed(chunk)
        if passed and self._write is not None:
            self._write(passed)

    def fail(self) -> None:
        """An exception is on its way out of the app."""
        if self._head is not None and not self._closed:
            self._close()
        if not self._closed:
            self._closed = True
            ours(self._wiring, self._exchange.close, 500, {})
        self._finish()

    # What the server gets.

    def body(self, source: Iterable[bytes]) -> Iterable[bytes]:
        """The body for the server. A usual page is mostly whole with its first piece: that is taken
        now, as the server would next, and everything is done at once."""
        headers = self._headers
        if (
            self._status != "200 OK" or not headers or self._started or self._exc_info is not None
            or self._wiring.is_inline
        ):  # fmt: skip
            return self._other(source)
        names, values = zip(*(lines := [*headers]))  # noqa: B905  each line is a pair
        shape = SHAPES[names]
        if shape is None or not is_usual(self._exchange, 200, values[shape.type_at], shape.names):
            return self._other(source)
        if isinstance(source, _LISTS) and type(source) in _LISTS and len(source) == 1:
            tagged = self._page(source[0], shape, lines)
            return source if tagged is source[0] else [tagged]
        if type(source) in _LISTS or shape.length_at is None:
            return self._other(source)
        try:
            rest = iter(source)
            piece = next(rest, _END)
        except BaseException:
            self._source = source
            self._read()
            self.fail()
            self.close()  # whoever gets no body closes none
            raise
        is_as_said = not self._started and self._exc_info is None and headers == lines
        if piece is not _END and is_as_said and str(len(piece)) == values[shape.length_at]:
            return handed(source, self._page(piece, shape, lines), rest)
        if not self._started:  # the step may have said and written more
            self._read()
        self._source, self._chunks = source, iter(()) if piece is _END else chain((piece,), rest)
        return self

    def _page(self, body: bytes, shape: Shape, lines: Headers) -> bytes:
        """Passes on the headers of a usual page, of which ``body`` is the whole; it is given back
        with its tag, and its exchange is over."""
        _, type_at, length_at, is_plain = shape
        ending: Ending | None = None
        tagged, self._closed = body, True
        try:  # the boundary, as ``ours`` is, by a call less
            end = shown(self._exchange, lines[type_at][1], body)
            ending, tagged = end or closed(self._exchange, 200, by_name(self._headers), body)
        except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
            self._wiring.trouble(error)
        if not is_plain or ending is None or ending.headers is not PRIVATE:
            return self._ended(body, Head(by_name(self._headers)), ending, tagged)
        lines.append(_PRIVATE)
        if length_at is not None and tagged is not body:
            lines[length_at] = ("Content-Length", str(len(tagged)))
        if ending.cookies:
            lines += zip(_SET, map(Cookie.line, ending.cookies))  # noqa: B905  one is endless
        self._started = True
        self._write = self._start_response("200 OK", lines)
        return tagged

    def _ended(self, body: bytes, head: Head, ending: Ending | None, tagged: bytes) -> bytes:
        """Passes on the headers of a whole body as its ending says, and gives it back with its tag;
        without one as they are."""
        self._head = head
        if ending is None:
            self._finish()
        else:
            head.take(ending)
            if tagged is not body:
                head.grow(len(tagged))
        self._begin()
        return tagged

    def _other(self, source: Iterable[bytes]) -> Iterable[bytes]:
        """The body of what is no usual page. A list is known whole, and a file that nothing is put
        into goes to the server untouched; anything else is stepped through."""
        self._source = source
        if self._status and not self._started:
            if isinstance(source, _LISTS) and type(source) in _LISTS:
                return self._listed(source)
            self._close()
            if self._injector is None:
                self._begin()
                wrapper = self._environ.get("wsgi.file_wrapper")
                if isinstance(wrapper, type) and isinstance(source, wrapper):  # PEP 3333
                    self._finish()
                    return source
        self._chunks = iter(source)
        return self

    def _listed(self, source: list[bytes] | tuple[bytes, ...]) -> Iterable[bytes]:
        """A list as most are is closed with all of its body; one of pieces stays the app's own
        where nothing is put into it."""
        if len(source) == 1:
            [body], said, code = source, by_name(self._headers), int(self._status[:3])
            self._closed = True
            end = ours(self._wiring, settled, self._exchange, code, said, body) or (None, body)
            tagged = self._ended(body, Head(said), *end)
            source = source if tagged is body else [tagged]
        else:
            self._close()
            if self._injector is not None:
                body = b"".join(source)
                tagged = self._whole(body)
                source = source if tagged is body else [tagged]
            self._finish()
            self._begin()
        if self._wiring.is_inline:  # delivers when the server closes this
            self._chunks = iter(source)
            return self
        return source

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        token, chunk = CURRENT.set(self._exchange), None
        try:
            chunk = next(self._chunks, _END)
        finally:
            if chunk is None:
                self.fail()
            CURRENT.reset(token)
        return self._end() if chunk is _END else self._passed(chunk)

    def close(self) -> None:
        """The server is done with the body, or its client hung up."""
        token = CURRENT.set(self._exchange)
        try:
            closing = getattr(self._source, "close", None)
            if closing is not None:
                closing()
        finally:
            CURRENT.reset(token)
            if self._status and not self._closed:
                self._close()
            self._finish()
            ours(self._wiring, self._wiring.after_response)

    def _passed(self, chunk: bytes) -> bytes:
        """What the server gets for a chunk; the exchange is finished before the last is passed."""
        size = len(chunk)
        if self._status and not self._started:
            chunk = self._first(chunk)
        elif self._injector is not None:
            chunk = self._fed(self._injector, chunk)
        if self._left is not None:
            self._left -= size
            if self._left <= 0:
                self._finish()
        return chunk

    def _first(self, chunk: bytes) -> bytes:
        """The first chunk lets the headers go: with its own length when it is the whole body."""
        if self._closed:
            self._read()  # a step may have said another head, or changed its own
        else:
            self._close()
        injector = self._injector
        if injector is None or self._left == len(chunk):
            chunk = self._whole(chunk)
            self._begin()
            return chunk
        self._left = None
        if self._head is not None:
            self._head.loosen()
        self._begin()
        return self._fed(injector, chunk)

    def _end(self) -> bytes:
        """The app's body is over: what was held back is the last chunk."""
        if self._status and not self._started:
            if not self._closed:
                self._close()
            self._begin()
        injector, self._injector = self._injector, None
        self._finish()
        if injector is not None and (held := injector.end()):
            return held
        raise StopIteration

    def _read(self) -> Head:
        """The head as the app has last said it, and the body's length in it."""
        self._head = head = anew(self._head, by_name(self._headers))
        self._left = head.length
        return head

    def _close(self) -> None:
        self._closed, code, head = True, int(self._status[:3]), self._read()
        ending = ours(self._wiring, self._exchange.close, code, head.names)
        if ending is not None:
            self._injector = ending.injector
            head.take(ending)

    def _begin(self) -> None:
        """Passes the headers on to the server."""
        self._started = True
        headers = self._headers if self._head is None else self._head.lines(self._headers)
        more = () if self._exc_info is None else (self._exc_info,)
        self._exc_info = None
        self._write = self._start_response(self._status, headers, *more)

    def _finish(self) -> None:
        ours(self._wiring, self._exchange.finish)

    def _whole(self, body: bytes) -> bytes:
        injector, self._injector = self._injector, None
        tagged = (ours(self._wiring, injector.whole, body) if injector else None) or body
        if tagged is not body and self._head is not None:
            self._head.grow(len(tagged))
        return tagged

    def _fed(self, injector: Injector, chunk: bytes) -> bytes:
        fed = ours(self._wiring, injector.feed, chunk)
        if fed is not None:
            return fed
        self._injector = None
        return injector.end() + chunk
