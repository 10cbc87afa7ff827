"""The bodies of a store whose log is at a broker: sealed and put there, fetched and opened."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ...seldom import Seldom
from . import NewRow, sealing
from .bodies import Bodies, Parcel
from .bundles import bundles
from .sealing import Sealed

logger = logging.getLogger("track_middleware")

#: Bytes of bodies that are remembered, for those who read what was just put or read.
_KEPT = 8 * 2**20

#: How often the broker is asked to forget, in seconds.
_LET_GO = 60.0


#: A parcel: its key, or what names it once it lies somewhere; what is in it; its bytes.
_Known = tuple[bytes, Sealed, int]


class Shelf:
    """Bodies by their notes: those at the broker, and the last parcels as they were before they
    were sealed. Any thread uses it; the last of its users closes the broker."""

    def __init__(self, bodies: Bodies, *, monotonic: Callable[[], float]) -> None:
        self.bodies = bodies
        self._users = 0
        self._kept: dict[bytes, Sealed] = {}
        self._order = deque[tuple[bytes, int]]()
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

    def put(self, rows: Sequence[NewRow]) -> list[bytes]:
        """Puts the bodies of rows; the notes that stand in their rows in their stead."""
        made: list[_Known] = []
        self._takes = False
        places = self.bodies.put(self._parcels(rows, made))
        self._takes = True
        notes = [b""] * len(rows)
        kept: list[_Known] = []
        for (key, bodies, size), place in zip(made, places, strict=True):
            name = sealing.name(key, place)
            kept.append((name, bodies, size))
            for number, note in zip(bodies.numbers, sealing.notes(name, bodies), strict=True):
                notes[number] = note
        self._keep(kept)
        return notes

    def _parcels(self, rows: Sequence[NewRow], made: list[_Known]) -> Iterator[Parcel]:
        """Each is sealed when it is asked for: the broker may have the first ones meanwhile."""
        drawn, room = sealing.drawn(), bytearray()
        for bundle in bundles(rows, self.bodies.together):
            number, key = next(drawn)
            bodies = Sealed(bundle.numbers, bundle.bodies)
            content = sealing.sealed(bodies, key, room)
            made.append((key, bodies, len(content)))
            yield Parcel(number, bundle.shard, content)

    def ready(self) -> None:
        """StoreError when the broker has taken nothing the last time, and cannot be asked yet."""
        if not self._takes:
            self.bodies.held()

    def found(self, notes: Sequence[bytes]) -> list[bytes | None]:
        """The bodies for which notes stand; None for what the broker no longer has."""
        names = sealing.named(notes)
        found = sealing.bodies(notes, names, self.parcels(names))
        self._warn(found.count(None))
        return found

    def parcels(self, names: Iterable[bytes]) -> Mapping[bytes, Sealed]:
        """What lies in parcels, by what names them; without those that the broker no longer has."""
        asked = set(names)
        with self._lock:
            found = {name: self._kept[name] for name in asked if name in self._kept}
        missing = {sealing.place(name): name for name in asked if name not in found}
        if missing:
            contents = self.bodies.get(list(missing))
            read = [
                (name := missing[place], sealing.opened(name, content), len(content))
                for place, content in contents.items()
            ]
            self._keep(read)
            found.update((name, bodies) for name, bodies, _ in read)
        return found

    def is_time(self) -> bool:
        """Whether the broker was not asked to forget for a while."""
        return self._monotonic() >= self._next

    def forget(self, notes: Sequence[bytes]) -> None:
        """What was put before the bodies of these, the oldest ones, may go."""
        self._next = self._monotonic() + _LET_GO
        if notes:
            names = dict.fromkeys(sealing.named(notes))
            self.bodies.forget([sealing.place(name) for name in names])

    def _keep(self, parcels: Iterable[_Known]) -> None:
        with self._lock:
            for name, bodies, size in parcels:
                if name not in self._kept:  # else another thread read the same
                    self._kept[name] = bodies
                    self._order.append((name, size))
                    self._size += size
            while self._size > _KEPT:
                name, size = self._order.popleft()
                del self._kept[name]
                self._size -= size

    def _warn(self, gone: int) -> None:
        if gone and (more := self._seldom.due("gone")) is not None:
            logger.error(
                "%s no longer has the bodies of %d events that the store's log names%s",
                self.bodies.name, gone, more,
            )  # fmt: skip
