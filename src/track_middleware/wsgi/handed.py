"""The body of a page that was whole with its first piece: its exchange is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from ..wiring import CURRENT

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange


class Handed(msgspec.Struct, eq=False):
    """The piece that the app has given, with what was put into it; then whatever its iterable still
    does, and its end."""

    _exchange: Exchange
    _source: Iterable[bytes]
    _piece: bytes | None
    _rest: Iterator[bytes]

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._piece
        if piece is not None:
            self._piece = None
            return piece
        token = CURRENT.set(self._exchange)
        try:
            return next(self._rest)
        finally:
            CURRENT.reset(token)

    def close(self) -> None:
        """The server is done with the body, or its client hung up."""
        closing = getattr(self._source, "close", None)
        if closing is None:
            return
        token = CURRENT.set(self._exchange)
        try:
            closing()
        finally:
            CURRENT.reset(token)
