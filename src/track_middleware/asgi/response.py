"""One ASGI response on its way through, ASGI's header lists, and the face's one boundary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import msgspec

from ..http import by_name, weak_etag

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange
    from ..tracking.inject import Injector
    from ..wiring import Wiring

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Pairs = Iterable[tuple[bytes, bytes]]

#: Called with a request's exchange and the response's headers, by lower-case name, at its start.
Starting = Callable[["Exchange", Mapping[str, str]], None]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class _Names(dict[str, bytes]):
    """A header's lower-case name as bytes; made once per name."""

    def __missing__(self, name: str) -> bytes:
        self[name] = name.encode("latin-1")
        return self[name]


NAMES = _Names()


def by_bytes(pairs: Iterable[Any]) -> dict[bytes, bytes]:
    """ASGI's list of headers by name; lines of one name are joined (cookies by ``; ``)."""
    pairs = pairs if isinstance(pairs, list) else list(pairs)
    found: dict[bytes, bytes] = dict(pairs)
    return found if len(found) == len(pairs) else _joined(pairs)


def _joined(pairs: Pairs) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        key = name.lower()
        between = b"; " if key == b"cookie" else b", "
        found[key] = found[key] + between + value if key in found else value
    return found


def ours(wiring: Wiring, step: Callable[[*_Ts], _T], *given: *_Ts) -> _T | None:
    """The one boundary: our own mistakes raise in development, and are counted in production."""
    try:
        return step(*given)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        wiring.trouble(error)
        return None


class Response(msgspec.Struct, eq=False):
    """One response on its way through: its start, perhaps held, and what is left of its body."""

    wiring: Wiring
    exchange: Exchange
    _send: Send
    _starting: Starting | None
    _closed: bool = False
    _held: dict[str, Any] | None = None
    _left: int | None = None
    _names: Mapping[str, str] = {}
    _injector: Injector | None = None

    async def send(self, message: Message) -> None:
        """The app's ``send``."""
        kind = message["type"]
        if kind == "http.response.body":
            message = self._body(message)
        elif kind == "http.response.start" and not self._closed:
            self._held = self._ended(message)
            if self._injector is not None and self._left is not None:
                return  # until it is known how long the document becomes
            message, self._held = self._held, None
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            self.finish()
        held, self._held = self._held, None
        if held is not None:
            await self._send(held)
        await self._send(message)

    def fail(self, status: int) -> None:
        """An exception, or a cancellation, is on its way out of the app."""
        if not self._closed:
            self._closed = True
            ours(self.wiring, self.exchange.close, status, {})

    def finish(self) -> None:
        """The body is done, or nobody waits for it any more."""
        ours(self.wiring, self.exchange.finish)

    async def release(self) -> None:
        """Lets a held start go."""
        held, self._held = self._held, None
        if held is not None:
            await self._send(held)

    def _ended(self, message: Message) -> dict[str, Any]:
        """The start message as the ending wants it."""
        self._closed = True
        pairs = list(message.get("headers", ()))
        headers = by_name([(n.decode("latin-1"), v.decode("latin-1")) for n, v in pairs])
        self._names = headers
        if self._starting is not None:
            ours(self.wiring, self._starting, self.exchange, headers)
        ending = ours(self.wiring, self.exchange.close, message["status"], headers)
        length = headers.get("content-length", "")
        self._left = int(length) if length.isdecimal() else None
        if ending is None:
            return {**message}
        for name, value in ending.headers:
            pairs = self._with(pairs, name.lower(), value)
        for cookie in ending.cookies:
            pairs.append((b"set-cookie", cookie.line().encode("latin-1")))
        self._injector = ending.injector
        if self._injector is not None and self._left is None:
            pairs = self._weakened(pairs)
        return {**message, "headers": pairs}

    def _body(self, message: Message) -> Message:
        """The body message as the server gets it; the exchange is finished before the last one."""
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

    def _tagged(self, injector: Injector, chunk: bytes, *, more: bool) -> bytes:
        held = self._held
        if held is not None and (not more or self._left == len(chunk)):
            self._injector = None
            return self._whole(injector, chunk, held)
        if held is not None:
            self._left = None
            held["headers"] = self._weakened(_without(held["headers"], b"content-length"))
        fed = ours(self.wiring, injector.feed, chunk)
        if fed is None:
            self._injector, fed = None, injector.end() + chunk
        elif not more:
            self._injector, fed = None, fed + injector.end()
        return fed

    def _whole(self, injector: Injector, body: bytes, held: dict[str, Any]) -> bytes:
        tagged = ours(self.wiring, injector.whole, body)
        if tagged is None or tagged is body:
            return body
        length = str(len(tagged))
        held["headers"] = self._with(self._weakened(held["headers"]), "content-length", length)
        return tagged

    def _with(
        self, pairs: list[tuple[bytes, bytes]], name: str, value: str
    ) -> list[tuple[bytes, bytes]]:
        key = name.encode("latin-1")
        if name in self._names:
            pairs = _without(pairs, key)
        pairs.append((key, value.encode("latin-1")))
        return pairs

    def _weakened(self, pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        etag = self._names.get("etag")
        return pairs if etag is None else self._with(pairs, "etag", weak_etag(etag))


def _without(pairs: Pairs, name: bytes) -> list[tuple[bytes, bytes]]:
    return [pair for pair in pairs if pair[0].lower() != name]
