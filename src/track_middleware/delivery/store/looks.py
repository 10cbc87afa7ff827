"""What a sample of the log's events looked like, as rows of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from . import Stored
from .database import Database


class Looks:
    """The looks of a store. What is written is written inside ``batch``."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def batch(self) -> AbstractContextManager[None]:
        """One transaction: looks, and up to where was looked."""
        return self._db.batch()

    def until(self) -> int:
        """Up to which position was looked."""
        return int(self._db.value("look_until"))

    def end(self) -> int:
        """The log's highest position."""
        return int(self._db.value("log_end"))

    def rows(self, after: int, limit: int) -> Sequence[Stored]:
        """Events behind a position that the log keeps."""
        return [Stored(*row) for row in self._db.all("look_rows", (after, limit))]

    def labels(self, day: int) -> set[str]:
        """The events of a day of which there are looks."""
        return {label for (label,) in self._db.all("look_labels", (day,))}

    def of(self, day: int, labels: Iterable[str]) -> dict[str, bytes]:
        """The looks of some events of a day."""
        rows = self._db.all("look_of", (day, self._db.listed(labels)))
        return {label: bytes(look) for label, look in rows}

    def keep(self, rows: Iterable[tuple[int, str, int, bytes]]) -> None:
        """Writes looks as they are now: day, event, up to which position, look."""
        self._db.change_each("look_keep", rows)

    def since(self, day: int) -> Sequence[tuple[int, str, bytes]]:
        """Every look from a day on: day, event, look."""
        return [(at, label, bytes(look)) for at, label, look in self._db.all("looks", (day,))]

    def forget(self, before: int) -> None:
        """Removes looks of earlier days."""
        with self._db.batch():
            self._db.change("looks_forget", (before,))
