"""One WSGI response on its way through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from .. import wiring as wirings
from ..http import by_name, weak_etag
from ..tracking.shareable import PRIVATE
from ..tracking.whole import settled, usual_type
from .boundary import ours
from .handed import handed
from .head import changed, usual

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from ..http import Cookie
    from ..tracking.exchange import Exchange
    from ..tracking.inject import Injector
    from ..tracking.response import Ending
    from ..wiring import Wiring
    from .boundary import ExcInfo, Headers, Starting

_END: Any = object()


class Response(msgspec.Struct, eq=False):
    """One response on its way through: what the app said, and what has been passed on of it.

    ``_changes``: what becomes of a header, by lower-case name; None where it is left out.
    """

    _wiring: Wiring
    _exchange: Exchange
    _environ: WSGIEnvironment
    _start_response: StartResponse
    _starting: Starting | None = None
    _status: str = ""
    _headers: Headers = []
    _names: Mapping[str, str] = {}
    _exc_info: ExcInfo | None = None
    _closed: bool = False
    _started: bool = False
    _left: int | None = None
    _injector: Injector | None = None
    _cookies: tuple[Cookie, ...] = ()
    _changes: dict[str, tuple[str, str] | None] = {}
    _source: Iterable[bytes] = ()
    _chunks: Iterator[bytes] = iter(())
    _write: Callable[[bytes], object] | None = None

    # What the app calls.

    def start(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """The app's ``start_response``; it is passed on with the first of the body."""
        if self._started or (self._status and exc_info is None):
            return self._start_response(status, headers, exc_info)
        if self._starting is not None:
            ours(self._wiring, self._starting, self._exchange, self._environ, headers)
        self._status, self._headers, self._exc_info = status, headers, exc_info
        return self.write

    def write(self, chunk: bytes, /) -> None:
        """The app's ``write``, the older way to send a body."""
        passed = self._passed(chunk)
        if passed and self._write is not None:
            self._write(passed)

    def fail(self) -> None:
        """An exception is on its way out of the app."""
        if self._names and not self._closed:
            self._close()
        if not self._closed:
            self._closed = True
            ours(self._wiring, self._exchange.close, 500, {})
        self._finish()

    # What the server gets.

    def body(self, source: Iterable[bytes]) -> Iterable[bytes]:
        """The body for the server, as the exchange's context sees it. A list is known whole, and a
        file that nothing is put into goes to the server untouched; anything else is stepped
        through."""
        if self._status and not self._started:
            if type(source) is list and len(source) == 1:  # as most are: everything is done at once
                self._names = by_name(self._headers)
                tagged = self._settle(source[0], int(self._status[:3]))
                return self._at_once(source if tagged is source[0] else [tagged])
            self._source = source
            if isinstance(source, (list, tuple)):
                self._close()
                return self._listed(source)
            names, code = self._read(), int(self._status[:3])
            kind = usual_type(self._exchange, code, names)
            if kind is not None and self._left is not None:
                return self._taken(source, code, kind)
            self._close()
            if self._injector is None:
                self._begin()
                wrapper = self._environ.get("wsgi.file_wrapper")
                if isinstance(wrapper, type) and isinstance(source, wrapper):  # PEP 3333
                    self._finish()
                    return source
        self._source = source
        self._chunks = iter(source)
        return self

    def _settle(self, body: bytes, code: int, kind: str | None = None) -> bytes:
        """Closes with the whole body, which is given back with its tag; ``kind`` as ``settled``."""
        self._closed = True
        end = ours(self._wiring, settled, self._exchange, code, self._names, body, kind)
        if end is None:
            self._finish()
            return body
        (ending, tagged), lines = end, None
        length = None if tagged is body else len(tagged)
        if ending.headers is PRIVATE:
            lines = usual(self._headers, self._names, length)
        if lines is not None:
            self._headers, self._cookies = lines, ending.cookies
            return tagged
        self._take(ending)
        if length is not None:
            self._grow(length)
        return tagged

    def _taken(self, source: Iterable[bytes], code: int, kind: str) -> Iterable[bytes]:
        """A usual page in pieces, the first of which mostly is the whole: that is taken now, as the
        server would next, and everything is done at once."""
        chunk = None
        try:
            chunks = iter(source)
            chunk = next(chunks, _END)
        finally:
            if chunk is None:
                self.fail()
                self.close()  # whoever gets no body closes none
        if chunk is not _END and len(chunk) == self._left:
            chunk, self._left = self._settle(chunk, code, kind), None
            self._begin()
            if not self._wiring.is_inline:  # delivers when the server closes this
                return handed(self._exchange, source, chunk, chunks)
        self._chunks = iter(()) if chunk is _END else chain((chunk,), chunks)
        return self

    def _read(self) -> Mapping[str, str]:
        """The headers by name, as the app has last said them, and the length among them."""
        self._names = names = by_name(self._headers)
        length = names.get("content-length", "")
        self._left = int(length) if length.isdecimal() else None
        return names

    def _listed(self, source: list[bytes] | tuple[bytes, ...]) -> Iterable[bytes]:
        if self._injector is not None:
            body = source[0] if len(source) == 1 else b"".join(source)
            tagged = self._whole(body)
            source = source if tagged is body else [tagged]
        self._finish()
        return self._at_once(source)

    def _at_once(self, source: list[bytes] | tuple[bytes, ...]) -> Iterable[bytes]:
        """The headers, and all of the body for the server."""
        self._begin()
        if self._wiring.is_inline:  # delivers when the server closes this
            self._chunks = iter(source)
            return self
        return source

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        token, chunk = wirings.CURRENT.set(self._exchange), None
        try:
            chunk = next(self._chunks, _END)
        finally:
            if chunk is None:
                self.fail()
            wirings.CURRENT.reset(token)
        return self._end() if chunk is _END else self._passed(chunk)

    def close(self) -> None:
        """The server is done with the body, or its client hung up."""
        token = wirings.CURRENT.set(self._exchange)
        try:
            closing = getattr(self._source, "close", None)
            if closing is not None:
                closing()
        finally:
            wirings.CURRENT.reset(token)
            if self._status and not self._closed:
                self._close()
            self._finish()
            ours(self._wiring, self._wiring.after_response)

    # One step of the body.

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
        if not self._closed:
            self._close()
        injector = self._injector
        if injector is None:
            self._begin()
            return chunk
        if self._left == len(chunk):
            chunk = self._whole(chunk)
            self._begin()
            return chunk
        self._loosen()
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

    def _close(self) -> None:
        self._closed, code = True, int(self._status[:3])
        ending = ours(self._wiring, self._exchange.close, code, self._read())
        if ending is not None:
            self._injector = ending.injector
            self._take(ending)

    def _take(self, ending: Ending) -> None:
        self._cookies = ending.cookies
        for header in ending.headers:
            self._changes[header[0].lower()] = header

    def _begin(self) -> None:
        """Passes the headers on to the server."""
        self._started = True
        headers = changed(self._headers, self._changes, self._cookies)
        more = () if self._exc_info is None else (self._exc_info,)
        self._exc_info = None
        self._write = self._start_response(self._status, headers, *more)

    def _finish(self) -> None:
        ours(self._wiring, self._exchange.finish)

    # The tag.

    def _whole(self, body: bytes) -> bytes:
        injector, self._injector = self._injector, None
        tagged = ours(self._wiring, injector.whole, body) if injector else None
        if tagged is None or tagged is body:
            return body
        self._grow(len(tagged))
        return tagged

    def _grow(self, length: int) -> None:
        """The body is longer than the app has said, where it has."""
        if "content-length" in self._names:
            self._changes["content-length"] = ("Content-Length", str(length))
        self._weaken()

    def _fed(self, injector: Injector, chunk: bytes) -> bytes:
        fed = ours(self._wiring, injector.feed, chunk)
        if fed is not None:
            return fed
        self._injector = None
        return injector.end() + chunk

    def _loosen(self) -> None:
        """A streamed document gets longer by a tag that may never find its place."""
        self._left = None
        self._changes["content-length"] = None
        self._weaken()

    def _weaken(self) -> None:
        if (etag := self._names.get("etag")) is not None:
            self._changes["etag"] = ("ETag", weak_etag(etag))
