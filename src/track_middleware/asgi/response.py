"""One ASGI response on its way through, ASGI's header lists, and the face's one boundary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import msgspec

from ..http import by_name, weak_etag
from ..tracking.shareable import PRIVATE
from ..tracking.whole import settled, usual_type

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
Pairs = Iterable[tuple[bytes, bytes]]

#: Called with a request's exchange and scope and the response's headers, by lower-case name, at its
#: start.
Starting = Callable[["Exchange", Scope, Mapping[str, str]], None]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class _Names(dict[str, bytes]):
    """A header's lower-case name as bytes; made once per name."""

    def __missing__(self, name: str) -> bytes:
        self[name] = name.encode("latin-1")
        return self[name]


NAMES = _Names()


class _Lowered(dict[bytes, str]):
    """A header's name as lower-case text; those that responses have are remembered."""

    def __missing__(self, name: bytes) -> str:
        lowered = name.decode("latin-1").lower()
        if len(self) < _MOST_NAMES:
            self[name] = lowered
        return lowered


_MOST_NAMES = 256
_LOWERED = _Lowered()

#: What a usual page gets besides its tag.
_PRIVATE = (b"cache-control", b"private")


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


def _text(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """A response's headers by lower-case name, as text."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[_LOWERED[name]] = value.decode("latin-1")
    if len(found) == len(pairs):
        return found
    return by_name([(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs])


@lru_cache(maxsize=64)
def _as_bytes(headers: tuple[tuple[str, str], ...]) -> dict[bytes, bytes]:
    """Headers to set, which are the same again and again, by lower-case name."""
    return {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers}


def ours(wiring: Wiring, step: Callable[[*_Ts], _T], *given: *_Ts) -> _T | None:
    """The one boundary: our own mistakes raise in development, and are counted in production."""
    try:
        return step(*given)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        wiring.trouble(error)
        return None


class Response(msgspec.Struct, eq=False):
    """One response on its way through: its start, perhaps held, and what is left of its body.

    ``_held`` is the app's start message until it is passed on, ``_usual_type`` its content type
    where it starts a usual page; ``_changes`` what becomes of a header, by lower-case name; None
    where it is left out.
    """

    wiring: Wiring
    exchange: Exchange
    _scope: Scope
    _send: Send
    _starting: Starting | None
    _closed: bool = False
    _held: Message | None = None
    _usual_type: str | None = None
    _left: int | None = None
    _names: Mapping[str, str] = {}
    _injector: Injector | None = None
    _cookies: tuple[Cookie, ...] = ()
    _changes: dict[bytes, bytes | None] = {}

    async def send(self, message: Message) -> None:
        """The app's ``send``."""
        kind = message["type"]
        if kind == "http.response.body":
            message = self._body(message)
        elif kind == "http.response.start" and self._held is None and not self._closed:
            # The app may send the same message again; its headers may be any iterable.
            message = self._held = {**message, "headers": [*message.get("headers", ())]}
            if self._is_held(message):
                return  # until it is known how long the document becomes
            message = self._begun(message)
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            self.finish()
        elif self._held is not None:  # an extension's, which the server wants between them
            self._close(self._held)
            self._loosen()
        if self._held is not None:
            await self._send(self._begun(self._held))
        await self._send(message)

    def fail(self, status: int) -> None:
        """An exception, or a cancellation, is on its way out of the app."""
        if self._held is not None:
            self._close(self._held)
        if not self._closed:
            self._closed = True
            ours(self.wiring, self.exchange.close, status, {})

    def finish(self) -> None:
        """The body is done, or nobody waits for it any more."""
        if self._held is not None:
            self._close(self._held)
        if not self.exchange.finished:
            ours(self.wiring, self.exchange.finish)

    async def release(self) -> None:
        """Lets a held start go."""
        if self._held is not None:
            await self._send(self._begun(self._held))

    def _is_held(self, message: Message) -> bool:
        """The response starts; whether it waits for its body, with which a usual page of a known
        length is closed."""
        self._names = names = _text(message["headers"])
        if self._starting is not None:
            ours(self.wiring, self._starting, self.exchange, self._scope, names)
        if "content-length" in names and names["content-length"].isdecimal():
            self._usual_type = usual_type(self.exchange, message["status"], names)
            if self._usual_type is not None:
                return True
        self._close(message)
        return self._left is not None and self._injector is not None

    def _close(self, message: Message) -> None:
        if self._closed:
            return
        self._closed = True
        length = self._names.get("content-length", "")
        if length.isdecimal():
            self._left = int(length)
        ending = ours(self.wiring, self.exchange.close, message["status"], self._names)
        if ending is None:
            return
        self._injector = ending.injector
        self._take(ending)
        if self._injector is not None and self._left is None:
            self._weaken()

    def _take(self, ending: Ending) -> None:
        self._cookies = ending.cookies
        self._changes.update(_as_bytes(ending.headers))

    def _begun(self, message: Message) -> Message:
        """The start message as the server gets it; it is held no longer."""
        if not self._closed:
            self._close(message)
        self._held = None
        changes = self._changes
        if changes:
            pairs = [pair for pair in message["headers"] if pair[0].lower() not in changes]
            for name, value in changes.items():
                if value is not None:
                    pairs.append((name, value))
            message["headers"] = pairs
        for each in self._cookies:
            message["headers"].append((b"set-cookie", each.line().encode("latin-1")))
        return message

    def _body(self, message: Message) -> Message:
        """The body message as the server gets it; the exchange is finished before the last one."""
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if self._held is not None and not self._closed:
            if not more:
                return self._settled(self._held, message, chunk)
            self._close(self._held)
        size = len(chunk)
        if self._injector is not None:
            chunk = self._tagged(self._injector, chunk, more=more)
            message = {**message, "body": chunk}
        if self._left is not None:
            self._left -= size
        if not more or (self._left is not None and self._left <= 0):
            self.finish()
        return message

    def _settled(self, start: Message, message: Message, body: bytes) -> Message:
        """The message of a body in one piece, when head and body are looked at together."""
        self._closed, names, status = True, self._names, start["status"]
        end = ours(
            self.wiring, settled, self.exchange, status, names, body, self._usual_type
        )  # fmt: skip
        if end is None:
            self.finish()
            return message
        ending, tagged = end
        headers: list[tuple[bytes, bytes]] = start["headers"]
        if ending.headers is not PRIVATE or "etag" in names or len(names) != len(headers):
            self._take(ending)
            return message if tagged is body else {**message, "body": self._grown(tagged)}
        self._cookies = ending.cookies
        headers.append(_PRIVATE)  # such a page says nothing of caches
        if tagged is body:
            return message
        headers[[*names].index("content-length")] = (b"content-length", str(len(tagged)).encode())
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
