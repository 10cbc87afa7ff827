"""The bodies of a store whose log is at a broker: sealed and put there, fetched and opened."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from zlib import crc32

import msgspec

from ...seldom import Seldom
from . import NewRow, sealing
from .bodies import SHARDS, Bodies, Parcel

logger = logging.getLogger("track_middleware")

#: Bytes of bodies that are remembered, for those who read what was just put or read.
_KEPT = 8 * 2**20

#: How often the broker is asked to forget, in seconds.
_LET_GO = 60.0


class Shelf:
    """Bodies by their notes: those at the broker, and the last ones as they are. Any thread uses
    it; the last of its users closes the broker."""

    def __init__(self, bodies: Bodies, *, monotonic: Callable[[], float]) -> None:
        self.bodies = bodies
        self._users = 0
        self._kept: dict[bytes, bytes] = {}
        self._order = deque[bytes]()
        self._size = 0
        self._lock = threading.Lock()
        self._seldom = Seldom(monotonic)
        self._monotonic = monotonic
        self._next = monotonic()
        self._takes = True

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
        keys = sealing.new_keys(len(rows))
        self._takes = False
        places = self.bodies.put(_parcels(rows, keys))
        self._takes = True
        notes = [sealing.note(key, at) for key, at in zip(keys, places, strict=True)]
        self._keep({note: row.body for note, row in zip(notes, rows, strict=True)})
        return [
            msgspec.structs.replace(row, body=note) for row, note in zip(rows, notes, strict=True)
        ]

    def ready(self) -> None:
        """StoreError when the broker has taken nothing the last time, and cannot be asked yet."""
        if not self._takes:
            self.bodies.held()

    def found(self, notes: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """The bodies for which notes stand; of what the broker no longer has, nothing: an event
        that cannot be read, which a destination refuses."""
        with self._lock:
            found = {note: self._kept[note] for note in notes if note in self._kept}
        missing = [note for note in notes if note not in found]
        if missing:
            places = [sealing.place(note) for note in missing]
            contents = self.bodies.get(places)
            self._warn(len(missing) - len(contents))
            read = {
                note: sealing.opened(note, contents[place])
                for note, place in zip(missing, places, strict=True)
                if place in contents
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
            if not self._kept.keys().isdisjoint(bodies):  # another thread read the same
                bodies = {note: bodies[note] for note in bodies if note not in self._kept}
            self._kept.update(bodies)
            self._order.extend(bodies)
            self._size += sum(map(len, bodies.values()))
            while self._size > _KEPT:
                self._size -= len(self._kept.pop(self._order.popleft()))

    def _warn(self, gone: int) -> None:
        if gone and (more := self._seldom.due("gone")) is not None:
            logger.error(
                "%s no longer has the bodies of %d events that the store's log names%s",
                self.bodies.name, gone, more,
            )  # fmt: skip


def _parcels(rows: Sequence[NewRow], keys: Sequence[bytes]) -> Iterator[Parcel]:
    """Each is sealed when it is asked for: the broker may have the first ones meanwhile."""
    ids = secrets.token_hex(8 * len(rows))
    for number, (row, key) in enumerate(zip(rows, keys, strict=True)):
        at = 16 * number
        yield Parcel(ids[at : at + 16], shard(row.order_key), sealing.sealed(row.body, key))


def shard(order_key: str) -> int:
    """The shard of a visitor's parcels."""
    return crc32(order_key.encode("utf-8", "replace")) % SHARDS
