"""A source of rows: what each kind gives, and how one is asked for.

It reads its rows in one order, a bounded number at a time, and says behind each piece where to go
on: a place that a checkpoint keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..errors import SettingsError
from .rows import Row

#: Rows of one piece.
AT_ONCE = 1000


class Piece(NamedTuple):
    """Rows in order, and the place behind the last one (a JSON value)."""

    rows: Sequence[Row]
    place: Any


class Source(Protocol):
    """Rows from somewhere. The caller closes it."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns, as far as they are known before any row is read."""
        ...

    def total(self, place: Any) -> int | None:
        """How many rows lie behind a place; None where counting would mean reading them."""
        ...

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """The rows behind a place (None: all), so many at once."""
        ...

    def close(self) -> None:
        """Lets go of files and connections."""
        ...


class SourceError(SettingsError):
    """A source that cannot be read; the message repeats no password."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be read: ``text`` names the source, ``sql`` asks a database, ``id`` is the column
    by which rows are put into order."""

    text: str
    id: str
    sql: str | None = None


#: How a face finds the model or queryset of a name (``shop.Order``).
Models = Callable[[str], Any]


def without_secrets(text: str) -> str:
    """What names a source, or a URL, without user, password and options."""
    scheme, separator, rest = text.partition("?")[0].partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"[:100]
