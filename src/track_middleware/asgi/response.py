"""One ASGI response on its way through, and the face's boundary."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import msgspec

from ..http import weak_etag
from ..tracking.shareable import PRIVATE
from ..tracking.whole import closed, shown, usual_type
from .headers import as_bytes, text

if TYPE_CHECKING:
    from ..http import Cookie
    from ..tracking.exchange import Exchange
    from ..tracking.inject import Injector
    from ..tracking.response import Ending
    from ..wiring import Wiring

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Called with a request's exchange and scope and the response's headers, by lower-case name, at its
#: start.
Starting = Callable[["Exchange", Scope, Mapping[str, str]], None]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

#: What a request becomes that was given up before its response began (nginx's code for it).
GIVEN_UP = 499

#: What a usual page gets besides its tag.
_PRIVATE = (b"cache-control", b"private")

#: The headers of a response that the app has not started.
_UNKNOWN: Mapping[str, str] = MappingProxyType({})


def ours(wiring: Wiring, step: Callable[[*_Ts], _T], *given: *_Ts) -> _T | None:
    """The one boundary: our own mistakes raise in development, and are counted in production."""
    try:
        return step(*given)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        wiring.trouble(error)
        return None


class Response(msgspec.Struct, eq=False):
    """One response on its way through: its start, perhaps held, and what is left of its body.

    ``_usual`` is the start message of a usual page as long as it waits for its body, with which it
    is closed, and ``_type`` its content type; ``_held`` the start message of what is closed, until
    it is passed on; ``_changes`` what becomes of a header, by lower-case name; None where it is
    left out.
    """

    wiring: Wiring
    exchange: Exchange
    _scope: Scope
    _send: Send
    _starting: Starting | None
    _names: Mapping[str, str] = _UNKNOWN
    _usual: Message | None = None
    _type: str = ""
    _held: Message | None = None
    _left: int | None = None
    _injector: Injector | None = None
    _cookies: tuple[Cookie, ...] = ()
    _changes: dict[bytes, bytes | None] = {}

    async def send(self, message: Message) -> None:
        """The app's ``send``."""
        kind = message["type"]
        if kind == "http.response.body":
            start = self._usual
            if start is None or message.get("more_body"):
                message = self._body(message)
            else:
                message = self._settled(start, message)
                await self._send(start)
        elif kind == "http.response.start" and self._names is _UNKNOWN:
            # The app may send the same message again; its headers may be any iterable.
            message = {**message, "headers": [*message.get("headers", ())]}
            if self._waits(message):
                return  # until it is known how long the document becomes
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            self.finish()
        else:  # an extension's, which the server wants between them
            self._part()
            if self._held is not None:
                self._loosen()
        if self._held is not None:
            await self._send(self._begun(self._held))
        await self._send(message)

    async def broken(self, error: BaseException) -> None:
        """An exception, or a cancellation, is on its way out of the app: a held start goes, unless
        nobody waits for it any more."""
        is_cancelled = isinstance(error, asyncio.CancelledError)
        if self._names is _UNKNOWN:
            self._names = {}
            ours(self.wiring, self.exchange.close, GIVEN_UP if is_cancelled else 500, {})
        if is_cancelled:
            self.finish()
        else:
            await self.ended()

    async def ended(self) -> None:
        """The app is done; a start that still waits for its body goes without one."""
        self._part()
        try:
            if self._held is not None:
                await self._send(self._begun(self._held))
        finally:
            self.finish()

    def finish(self) -> None:
        """The body is done, or nobody waits for it any more."""
        self._part()
        if not self.exchange.finished:
            ours(self.wiring, self.exchange.finish)

    def _waits(self, start: Message) -> bool:
        """The response starts; whether it waits for its body, with which a usual page of a known
        length is closed."""
        self._names = names = text(start["headers"])
        if self._starting is not None:
            ours(self.wiring, self._starting, self.exchange, self._scope, names)
        if names.get("content-length", "").isdecimal():
            kind = usual_type(self.exchange, start["status"], names)
            if kind is not None:
                self._type, self._usual = kind, start
                return True
        self._close(start)
        if self._left is None or self._injector is None:
            self._begun(start)
            return False
        self._held = start
        return True

    def _part(self) -> None:
        """What looked like a usual page is none: its head is closed without its body."""
        start = self._usual
        if start is not None:
            self._usual, self._held = None, start
            self._close(start)

    def _close(self, start: Message) -> None:
        length = self._names.get("content-length", "")
        if length.isdecimal():
            self._left = int(length)
        ending = ours(self.wiring, self.exchange.close, start["status"], self._names)
        if ending is None:
            return
        self._injector = ending.injector
        self._take(ending)
        if self._injector is not None and self._left is None:
            self._weaken()

    def _take(self, ending: Ending) -> None:
        self._cookies = ending.cookies
        self._changes.update(as_bytes(ending.headers))

    def _begun(self, start: Message) -> Message:
        """The start message as the server gets it; it is held no longer."""
        self._held = None
        changes = self._changes
        if changes:
            pairs = [pair for pair in start["headers"] if pair[0].lower() not in changes]
            for name, value in changes.items():
                if value is not None:
                    pairs.append((name, value))
            start["headers"] = pairs
        for each in self._cookies:
            start["headers"].append((b"set-cookie", each.line().encode("latin-1")))
        return start

    def _body(self, message: Message) -> Message:
        """The body message as the server gets it; the exchange is finished before the last one."""
        self._part()
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size = len(chunk)
        if self._injector is not None:
            chunk = self._tagged(self._injector, chunk, more=more)
            message = {**message, "body": chunk}
        if self._left is not None:
            self._left -= size
        if not more or (self._left is not None and self._left <= 0):
            self.finish()
        return message

    def _settled(self, start: Message, message: Message) -> Message:
        """The message of a usual page's body, which is looked at together with its head; ``start``
        becomes what the server gets."""
        self._usual, names, body = None, self._names, message.get("body", b"")
        try:  # the boundary, as ``ours`` is, by a call less
            end = shown(self.exchange, self._type, body)
            ending, tagged = end or closed(self.exchange, start["status"], names, body)
        except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
            self._held = start  # raised in development, it lets the start go with the app's own
            self.wiring.trouble(error)
            self._held = None
            self.finish()
            return message
        headers: list[tuple[bytes, bytes]] = start["headers"]
        if ending.headers is not PRIVATE or "etag" in names or len(names) != len(headers):
            self._take(ending)
            if tagged is not body:
                message = {**message, "body": self._grown(tagged)}
            self._begun(start)
            return message
        headers.append(_PRIVATE)  # such a page says nothing of caches
        if ending.cookies:
            headers += [(b"set-cookie", each.line().encode("latin-1")) for each in ending.cookies]
        if tagged is body:
            return message
        headers[[*names].index("content-length")] = (b"content-length", b"%d" % len(tagged))
        return {**message, "body": tagged}

    def _tagged(self, injector: Injector, chunk: bytes, *, more: bool) -> bytes:
        is_held = self._held is not None
        if is_held and (not more or self._left == len(chunk)):
            self._injector = None
            return self._whole(injector, chunk)
        if is_held:
            self._loosen()
        fed = ours(self.wiring, injector.feed, chunk)
        if fed is None:
            self._injector, fed = None, injector.end() + chunk
        elif not more:
            self._injector, fed = None, fed + injector.end()
        return fed

    def _whole(self, injector: Injector, body: bytes) -> bytes:
        tagged = ours(self.wiring, injector.whole, body)
        return body if tagged is None or tagged is body else self._grown(tagged)

    def _grown(self, tagged: bytes) -> bytes:
        self._changes[b"content-length"] = b"%d" % len(tagged)
        self._weaken()
        return tagged

    def _loosen(self) -> None:
        """The head goes before it is known how long a document becomes into which a tag is put."""
        if self._injector is not None:
            self._left = self._changes[b"content-length"] = None
            self._weaken()

    def _weaken(self) -> None:
        etag = self._names.get("etag")
        if etag is not None:
            self._changes[b"etag"] = weak_etag(etag).encode("latin-1")
