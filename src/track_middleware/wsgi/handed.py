"""The body of a page that was whole with its first piece: its exchange is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..wiring import CURRENT

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange

_END: Any = object()


class Handed(chain[bytes]):
    """The piece that the app has given, with what was put into it; then whatever its iterable still
    does, and its end. ``handed`` makes it; as a chain it is stepped through without a call of ours.
    """

    __slots__ = ("exchange", "source")

    exchange: Exchange
    source: Iterable[bytes]

    def close(self) -> None:
        """The server is done with the body, or its client hung up."""
        try:
            closing = self.source.close  # type: ignore[attr-defined]  # most have one
        except AttributeError:
            return
        token = CURRENT.set(self.exchange)
        try:
            closing()
        finally:
            CURRENT.reset(token)


def handed(
    exchange: Exchange, source: Iterable[bytes], piece: bytes, rest: Iterator[bytes]
) -> Handed:
    """The body that begins with a piece of the app's ``source``; ``rest`` is what follows in it."""
    body = Handed((piece,), _steps(exchange, rest))
    body.exchange, body.source = exchange, source
    return body


def _steps(exchange: Exchange, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Each step of the app's in its exchange's context, which the server's own steps never see."""
    while True:
        token = CURRENT.set(exchange)
        try:
            piece = next(rest, _END)
        finally:
            CURRENT.reset(token)
        if piece is _END:
            return
        yield piece
