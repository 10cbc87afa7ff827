"""The body of a page that was whole with its first piece: its exchange is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain


class Handed(chain[bytes]):
    """The piece that the app has given, with what was put into it; then whatever its iterable still
    does, and its end. ``handed`` makes it; as a chain it is stepped through without a call of ours.
    Its context is not the request's: verbs that are called from now on belong to none.
    """

    __slots__ = ("close",)

    #: The server is done with the body, or its client hung up.
    close: Callable[[], object]


def handed(source: Iterable[bytes], piece: bytes, rest: Iterator[bytes]) -> Handed:
    """The body that begins with a piece of the app's ``source``; ``rest`` is what follows in it."""
    body = Handed((piece,), rest)
    try:
        body.close = source.close  # type: ignore[attr-defined]  # most have one
    except AttributeError:
        body.close = _nothing
    return body


def _nothing() -> None:
    """What is to be done at the end of an iterable that has none."""
