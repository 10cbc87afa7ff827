"""Which pieces of a store's work a worker does: all, or a share where several have one store.

A piece (a destination's live job, a replay) has a lease of its own, renewed by a thread of its own:
sending may take longer than a lease lasts. Whoever dies is replaced once its leases stood still for
``lease.STALE`` seconds; whoever ends gives them back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ..errors import StoreError
from .lease import RENEW, STALE
from .store.whole import Store


class Rights(Protocol):
    """Whether this worker may do a piece of work."""

    def fenced(self, store: Store, piece: str) -> bool:
        """Binds a connection to this worker's right to a piece; False while another has it, or
        nobody has asked the store yet."""
        ...

    def turn(self) -> None:
        """Asks and renews. StoreError when the store cannot be asked."""
        ...

    def obtain(self, pieces: Sequence[str]) -> None:
        """Asks for pieces, and waits for those whose holder may be gone. StoreError as ``turn``."""
        ...

    def start(self, ended: threading.Event) -> list[threading.Thread]:
        """What goes on taking turns until then."""
        ...

    def release(self) -> None:
        """Gives everything back."""
        ...


def rights(store: Store, *, owner: str, monotonic: Callable[[], float]) -> Rights:
    """Those of a worker with this store."""
    if store.is_shared:
        return Shares(store.sibling(), owner=owner, monotonic=monotonic)
    return Everything()


class Everything:
    """The rights of a store's only worker: its lease is the store's."""

    def fenced(self, store: Store, piece: str) -> bool:
        """True; a sibling has its worker's fence."""
        return True

    def turn(self) -> None:
        """Nothing: the drain renews."""

    def obtain(self, pieces: Sequence[str]) -> None:
        """Nothing: they are its own."""

    def start(self, ended: threading.Event) -> list[threading.Thread]:
        """Nothing."""
        return []

    def release(self) -> None:
        """Nothing: the lease falls with its holder."""


class Shares:
    """The leases of one of several workers. Threads may ask at once; one takes turns."""

    def __init__(self, store: Store, *, owner: str, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._owner = owner
        self._monotonic = monotonic
        self._held: dict[str, int] = {}
        self._wanted: set[str] = set()
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    def fenced(self, store: Store, piece: str) -> bool:
        """Binds a connection to the lease of a piece; False while this worker has it not."""
        self._wanted.add(piece)
        generation = self._held.get(piece)
        if generation is None:
            return False
        store.fenced(generation, of=piece)
        return True

    def turn(self) -> None:
        """Renews what is held, takes what is free or stands still."""
        try:
            for piece in sorted(self._wanted):
                self._renew(piece) if piece in self._held else self._try(piece)
        except StoreError:
            self._seen.clear()  # whoever could not renew meanwhile is not gone
            raise

    def obtain(self, pieces: Sequence[str]) -> None:
        """Asks until every piece is held, or another worker is seen to be alive."""
        self._wanted.update(pieces)
        deadline = self._monotonic() + STALE + RENEW
        self.turn()
        while not self._held.keys() >= set(pieces) and self._monotonic() < deadline:
            time.sleep(RENEW / 10)
            self.turn()

    def start(self, ended: threading.Event) -> list[threading.Thread]:
        """A thread that takes turns, and gives everything back only when ``release`` says so."""
        thread = threading.Thread(
            target=self._until, args=(ended,), name="shares of the work", daemon=True
        )
        thread.start()
        return [thread]

    def release(self) -> None:
        """Gives everything back, so that the others need not wait."""
        try:
            for piece, generation in list(self._held.items()):  # a late turn may still be under way
                self._store.lease_of(piece).give_back(generation)
        except StoreError:
            pass  # they wait then
        self._held.clear()
        self._store.close()

    def _until(self, ended: threading.Event) -> None:
        while not ended.wait(RENEW / 2):
            try:
                self.turn()
            except StoreError:
                continue  # what uses the store tells of it

    def _renew(self, piece: str) -> None:
        generation = self._held.get(piece)
        if generation is not None and not self._store.lease_of(piece).renew(generation):
            self._held.pop(piece, None)

    def _try(self, piece: str) -> None:
        row = self._store.lease_of(piece)
        seen, now = row.read(), self._monotonic()
        before, since = self._seen.get(piece, (None, now))
        if seen != before:
            self._seen[piece], since = (seen, now), now
        if row.is_free() or now - since >= STALE:
            taken = row.take(seen[0], self._owner)
            if taken is not None:
                self._held[piece] = taken
                self._seen.pop(piece, None)
