"""A store whose bodies lie at a broker: a connection to the ledger that puts and fetches them.

Whoever uses it sees the log as ever. In a row a note stands instead of the body (``sealing.py``);
a row that has its body itself, as those from before the store went to a broker, is read as it is.

The parcels are put inside the ledger's transaction, since only there it is known which events are
new. A transaction that fails leaves parcels which no row names and nobody can read; the next one
puts its own. There is never a row without its body.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from ...errors import StoreError
from . import NewRow, home, parting
from .database import Database, Fence, Placed, with_bodies
from .shelf import Shelf

logger = logging.getLogger("track_middleware")

#: The statements that give bodies, and in which column.
BODIES = {
    "log_read": 6,
    "log_get": 6,
    "log_read_shards": 6,
    "look_rows": 6,
    "rollup_rows": 6,
    "watch_of": 6,
    "person_log": 1,
    "log_beside": 5,
    "log_labelled": 3,
    "dead_list": 7,
    "letters_chosen": 7,
    "person_dead": 2,
}

#: Of so many of the oldest events it is looked where their bodies lie: fewer are put at once, not
#: quite in their order.
_OLDEST = 10_000


class Parcelled:
    """A ``Database`` around another one."""

    def __init__(self, inner: Database, shelf: Shelf) -> None:
        self._inner = inner
        self._shelf = shelf
        shelf.enter()
        self._is_open = True
        self.name = inner.name
        self.is_shared = inner.is_shared
        self.drains = inner.drains
        self.gate = inner.gate
        self.locks = inner.locks

    @property
    def fences(self) -> tuple[Fence, ...]:
        return self._inner.fences

    @fences.setter
    def fences(self, fences: tuple[Fence, ...]) -> None:
        self._inner.fences = fences

    def sibling(self) -> Database:
        return Parcelled(self._inner.sibling(), self._shelf)

    def append(self, rows: Sequence[NewRow], *, placed: Placed = with_bodies) -> Mapping[str, int]:
        """``Database.append``: the bodies of unknown events, then the rows that name them."""
        return self._inner.append(rows, placed=self._put)

    def all(self, name: str, values: Any = ()) -> list[Any]:
        rows = self._inner.all(name, values)
        if name == "watch_bytes":
            return [(used + self._at_broker(), empty) for used, empty in rows]
        column = BODIES.get(name)
        return rows if column is None else self._whole(rows, column)

    def value(self, name: str, values: Any = ()) -> Any:
        return self._inner.value(name, values)

    def change(self, name: str, values: Any = ()) -> int:
        if name == "letters_drop":
            self._part("dead_leaving", values, letters=True)
        changed = self._inner.change(name, values)
        if name == "log_forget" and changed < values["limit"] and self._shelf.is_time():
            parting.settle(self._inner, self._shelf, values["before"])
        return changed

    def change_each(self, name: str, rows: Iterable[Sequence[Any]]) -> int:
        if name == "unstored_drop":
            rows = list(rows)
            self._part("log_noted", (self._inner.listed([position for (position,) in rows]),))
        if name != "dead_from_log":
            return self._inner.change_each(name, rows)
        last = self._inner.value("dead_last") or 0
        changed = self._inner.change_each(name, rows)
        self._bring_home(last)
        return changed

    def listed(self, values: Iterable[int] | Iterable[float] | Iterable[str]) -> Any:
        return self._inner.listed(values)

    def globs(self, values: Iterable[str]) -> Any:
        return self._inner.globs(values)

    def batch(self) -> AbstractContextManager[None]:
        return self._inner.batch()

    def job_batch(self) -> AbstractContextManager[None]:
        return self._inner.job_batch()

    def aside(self) -> AbstractContextManager[None]:
        return self._inner.aside()

    def forget_whole(self, before: float, served: int, destinations: Sequence[str]) -> bool:
        return self._inner.forget_whole(before, served, destinations)

    def ready(self) -> None:
        self._shelf.ready()

    def let_go(self) -> None:
        """The broker forgets what lies before everything that a row names; not every time, and
        where it cannot be asked another time."""
        if self._shelf.is_time():
            asked = {"limit": _OLDEST, "mark": home.MARK}
            notes = [body for (body,) in self._inner.all("log_oldest", asked)]
            with suppress(StoreError):
                self._shelf.forget([note for note in notes if home.is_note(note)])

    def pack(self, before: float) -> bool:
        return self._inner.pack(before)  # what enrichment derived can still be made small

    def unpack(self, positions: Sequence[int], *, gone: Iterable[str] = ()) -> None:
        self._inner.unpack(positions, gone=gone)
        self._part("log_noted", (self._inner.listed(positions),))

    def noted(self, keys: Sequence[str]) -> tuple[int, Sequence[tuple[int, int]]]:
        return self._inner.noted(keys)

    def overwrite_freed(self) -> None:
        self._inner.overwrite_freed()

    def rewrite(self) -> None:
        self._inner.rewrite()

    def empty_wal(self) -> bool:
        return self._inner.empty_wal()

    def sync(self) -> None:
        self._inner.sync()

    def close(self) -> None:
        self._inner.close()
        if self._is_open:
            self._is_open = False
            self._shelf.leave()

    def _put(self, rows: Sequence[NewRow]) -> Sequence[bytes]:
        """Notes for the bodies of rows, which are at the broker then."""
        self._claim()
        return self._shelf.put(rows)

    def _claim(self) -> None:
        """The ledger says from now on where its bodies are."""
        self._inner.change("broker_claim", (self._shelf.bodies.name,))
        home.check(self._inner, self._shelf.bodies.name)

    def _whole(self, rows: list[Any], column: int) -> list[Any]:
        """Rows with their bodies; of what the broker no longer has, with nothing: an event that
        cannot be read, which a destination refuses."""
        if not rows:
            return rows
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        bodies, mark = columns[column], home.MARK
        notes = [each for each in bodies if each[:1] == mark]
        if not notes:
            return rows
        found = iter(self._shelf.found(notes))
        columns[column] = [next(found) or b"" if each[:1] == mark else each for each in bodies]
        return list(zip(*columns, strict=True))

    def _part(self, name: str, values: Any, *, letters: bool = False) -> None:
        """The events, or their ``letters``, go to which a statement's rows belong."""
        parting.part(self._inner, self._shelf, self._inner.all(name, values), letters=letters)

    def _at_broker(self) -> int:
        """Bytes that the broker keeps, as far as it can be asked."""
        try:
            return self._shelf.bodies.held().size or 0
        except StoreError:
            return 0

    def _bring_home(self, after: int) -> None:
        """Dead letters outlive the log, and so the broker's: they keep their bodies themselves.
        Where the broker cannot be asked they keep their notes, and have their bodies while it has
        them: what was sent is noted whatever the broker does."""
        rows = [row for row in self._inner.all("dead_bodies", (after,)) if home.is_note(row[1])]
        try:
            bodies = self._shelf.found([note for _, note in rows])
        except StoreError:
            return
        both = zip(bodies, rows, strict=True)
        found = [(body, letter) for body, (letter, _) in both if body is not None]
        self._inner.change_each("dead_body", found)
