"""A streamed body, step by step: each in its exchange, the tag put in on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from .. import wiring as wirings

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange
    from ..tracking.inject import Injector

#: The face's boundary: runs a step of ours and returns None where it failed.
Ours = Callable[..., Any]


#: The stream is over.
_END: Any = object()


class _Passing:
    """What becomes of one chunk, and of the end."""

    __slots__ = ("_chunks", "_exchange", "_injector", "_ours")

    def __init__(
        self, chunks: Any, exchange: Exchange, injector: Injector | None, ours: Ours
    ) -> None:
        self._chunks = chunks
        self._exchange = exchange
        self._injector = injector
        self._ours = ours

    def passed(self, chunk: bytes) -> bytes:
        """What may be sent once the chunk has come."""
        injector = self._injector
        if injector is None:
            return chunk
        fed: bytes | None = self._ours(injector.feed, chunk)
        if fed is not None:
            return fed
        self._injector = None
        return injector.end() + chunk

    def end(self) -> bytes:
        """The stream is over: what was held back."""
        injector, self._injector = self._injector, None
        self.finish()
        return injector.end() if injector is not None else b""

    def finish(self) -> None:
        """Ends the exchange."""
        self._ours(self._exchange.finish)


class Steps(_Passing):
    """A sync stream."""

    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk, token = None, wirings.CURRENT.set(self._exchange)
        try:
            chunk = next(self._chunks, _END)
        finally:
            if chunk is None:
                self.finish()
            wirings.CURRENT.reset(token)
        passed = self.end() if chunk is _END else self.passed(chunk)
        if chunk is _END and not passed:
            raise StopIteration
        return passed


class AsyncSteps(_Passing):
    """An async stream."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk, token = None, wirings.CURRENT.set(self._exchange)
        try:
            chunk = await anext(self._chunks, _END)
        finally:
            if chunk is None:
                self.finish()
            wirings.CURRENT.reset(token)
        passed = self.end() if chunk is _END else self.passed(chunk)
        if chunk is _END and not passed:
            raise StopAsyncIteration
        return passed
