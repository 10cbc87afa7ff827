"""A store whose bodies lie at a broker: a connection to the ledger that puts and fetches them.

Whoever uses it sees the log as ever. In a row a note stands instead of the body (``sealing.py``);
a row that has its body itself, as those from before the store went to a broker, is read as it is.

The parcels are put inside the ledger's transaction, since only there it is known which events are
new. A transaction that fails leaves parcels which no row names and nobody can read; the next one
puts its own. There is never a row without its body.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any
from zlib import crc32

import msgspec

from ...errors import StoreError
from ...seldom import Seldom
from . import NewRow, home, sealing
from .bodies import SHARDS, Bodies, Parcel
from .database import Database, Fence
from .keys import keys_of

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

#: Bytes of bodies that are remembered, for those who read what was just put or read.
_KEPT = 8 * 2**20

#: Of so many of the oldest events it is looked where their bodies lie: fewer are put at once, not
#: quite in their order. And how often, in seconds.
_OLDEST = 10_000
_LET_GO = 60.0


class Shelf:
    """Bodies by their notes: those at the broker, and the last ones as they are. Any thread uses
    it; the last of its users closes the broker."""

    def __init__(self, bodies: Bodies, *, monotonic: Callable[[], float]) -> None:
        self.bodies = bodies
        self._users = 0
        self._kept: dict[bytes, bytes] = {}
        self._size = 0
        self._lock = threading.Lock()
        self._seldom = Seldom(monotonic)
        self._monotonic = monotonic
        self._next = monotonic()

    def enter(self) -> None:
        """One more uses it."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """One less does."""
        with self._lock:
            self._users -= 1
            is_last = self._users == 0
        if is_last:
            self.bodies.close()

    def put(self, rows: Sequence[NewRow]) -> list[NewRow]:
        """Puts the bodies of rows; the rows with notes in their stead."""
        pairs = [sealing.sealed(row.body) for row in rows]
        parcels = [
            Parcel(secrets.token_hex(8), shard(row.order_key), content)
            for row, (_, content) in zip(rows, pairs, strict=True)
        ]
        places = self.bodies.put(parcels)
        notes = [sealing.note(key, at) for (key, _), at in zip(pairs, places, strict=True)]
        self._keep({note: row.body for note, row in zip(notes, rows, strict=True)})
        return [
            msgspec.structs.replace(row, body=note) for row, note in zip(rows, notes, strict=True)
        ]

    def found(self, notes: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """The bodies for which notes stand; of what the broker no longer has, nothing: an event
        that cannot be read, which a destination refuses."""
        with self._lock:
            found = {note: self._kept[note] for note in notes if note in self._kept}
        missing = [note for note in notes if note not in found]
        if missing:
            contents = self.bodies.get([sealing.place(note) for note in missing])
            self._warn(len(missing) - len(contents))
            read = {
                note: sealing.opened(note, contents[at])
                for note in missing
                if (at := sealing.place(note)) in contents
            }
            self._keep(read)
            found.update(read)
        return found

    def is_time(self) -> bool:
        """Whether the broker was not asked to forget for a while."""
        return self._monotonic() >= self._next

    def forget(self, notes: Sequence[bytes]) -> None:
        """What was put before the bodies of these, the oldest ones, may go."""
        self._next = self._monotonic() + _LET_GO
        if notes:
            self.bodies.forget([sealing.place(note) for note in notes])

    def _keep(self, bodies: Mapping[bytes, bytes]) -> None:
        with self._lock:
            self._kept.update(bodies)
            self._size += sum(map(len, bodies.values()))
            while self._size > _KEPT:
                self._size -= len(self._kept.pop(next(iter(self._kept))))

    def _warn(self, gone: int) -> None:
        if gone and (more := self._seldom.due("gone")) is not None:
            logger.error(
                "%s no longer has the bodies of %d events that the store's log names%s",
                self.bodies.name, gone, more,
            )  # fmt: skip


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

    @property
    def fences(self) -> tuple[Fence, ...]:
        return self._inner.fences

    @fences.setter
    def fences(self, fences: tuple[Fence, ...]) -> None:
        self._inner.fences = fences

    def sibling(self) -> Database:
        return Parcelled(self._inner.sibling(), self._shelf)

    def append(self, rows: Sequence[NewRow]) -> Mapping[str, int]:
        """``Log.append``: first the bodies of unknown events, then the rows that name them."""
        fresh = self._fresh(rows)
        if not fresh:
            return {}
        self._claim()
        return self._inner.append(self._shelf.put(fresh))

    def all(self, name: str, values: Any = ()) -> list[Any]:
        rows = self._inner.all(name, values)
        if name == "watch_bytes":
            return [(used + self._at_broker(), empty) for used, empty in rows]
        column = BODIES.get(name)
        return rows if column is None else self._whole(rows, column)

    def value(self, name: str, values: Any = ()) -> Any:
        return self._inner.value(name, values)

    def change(self, name: str, values: Any = ()) -> int:
        return self._inner.change(name, values)

    def change_each(self, name: str, rows: Iterable[Sequence[Any]]) -> int:
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

    def let_go(self) -> None:
        """The broker forgets what lies before everything that a row names; not every time, and
        where it cannot be asked another time."""
        if self._shelf.is_time():
            asked = {"limit": _OLDEST, "mark": sealing.MARK}
            notes = [body for (body,) in self._inner.all("log_oldest", asked)]
            with suppress(StoreError):
                self._shelf.forget([note for note in notes if sealing.is_note(note)])

    def pack(self, before: float) -> bool:
        return self._inner.pack(before)  # what enrichment derived can still be made small

    def unpack(self, positions: Sequence[int], *, gone: Iterable[str] = ()) -> None:
        self._inner.unpack(positions, gone=gone)

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

    def _fresh(self, rows: Sequence[NewRow]) -> Sequence[NewRow]:
        """The rows whose ids are not known: nothing else needs a parcel."""
        if not rows:
            return rows
        ids = keys_of([row.event_id for row in rows])
        known = {bytes(key) for (key,) in self._inner.all("known_of", {"ids": ids, "n": len(rows)})}
        if not known:
            return rows
        return [
            row for place, row in enumerate(rows) if ids[16 * place : 16 * place + 16] not in known
        ]

    def _claim(self) -> None:
        """The ledger says from now on where its bodies are."""
        self._inner.change("broker_claim", (self._shelf.bodies.name,))
        home.check(self._inner, self._shelf.bodies.name)

    def _whole(self, rows: list[Any], column: int) -> list[Any]:
        notes = [row[column] for row in rows if sealing.is_note(row[column])]
        if not notes:
            return rows
        bodies = self._shelf.found(notes)
        return [
            (*row[:column], bodies.get(row[column], b""), *row[column + 1 :])
            if sealing.is_note(row[column])
            else row
            for row in rows
        ]

    def _at_broker(self) -> int:
        """Bytes that the broker keeps, as far as it can be asked."""
        try:
            return self._shelf.bodies.held().size
        except StoreError:
            return 0

    def _bring_home(self, after: int) -> None:
        """Dead letters outlive the log, and so the broker's: they keep their bodies themselves.
        Where the broker cannot be asked they keep their notes, and have their bodies while it has
        them: what was sent is noted whatever the broker does."""
        rows = [row for row in self._inner.all("dead_bodies", (after,)) if sealing.is_note(row[1])]
        try:
            bodies = self._shelf.found([note for _, note in rows])
        except StoreError:
            return
        home = [(bodies[note], letter) for letter, note in rows if note in bodies]
        self._inner.change_each("dead_body", home)


def shard(order_key: str) -> int:
    """The shard of a visitor's parcels."""
    return crc32(order_key.encode("utf-8", "replace")) % SHARDS
