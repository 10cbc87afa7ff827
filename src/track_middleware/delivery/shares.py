"""Which pieces of a store's work a worker does: all, or a share where several have one store.

A piece is whole (a replay) or has shards (a destination's live job). Each whole one and each shard
has a lease of its own, renewed by a thread of its own: sending may take longer than a lease lasts.
Whoever dies is replaced once its leases stood still for ``lease.STALE`` seconds; whoever ends gives
them back. Of a piece's shards each worker that serves it has as many as the others (``spread``):
whoever has more gives them back between two steps, when nothing of theirs is on its way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from ..errors import StoreError
from .lease import RENEW, STALE
from .store.leases import Standing
from .store.shards import SHARDS
from .store.whole import Store

_NOBODY = Standing(0, 0, "")


class Rights(Protocol):
    """Whether this worker may do a piece of work."""

    def fenced(self, store: Store, piece: str) -> bool:
        """Binds a connection to this worker's right to a whole piece; False while another has it,
        or nobody has asked the store yet."""
        ...

    def part(self, store: Store, piece: str) -> Sequence[int]:
        """Binds a connection to this worker's shards of a piece, having given back those that are
        too many; empty when it has none. Ask while nothing of the piece is on its way."""
        ...

    def is_settled(self, piece: str) -> bool:
        """Whether ``part`` would say what it said last."""
        ...

    def turn(self) -> None:
        """Asks and renews. StoreError when the store cannot be asked."""
        ...

    def obtain(self, pieces: Sequence[str], *, shared: Sequence[str] = ()) -> None:
        """Asks for whole pieces and for shared ones, and waits for those whose holder may be gone.
        StoreError as ``turn``."""
        ...

    def start(self, ended: threading.Event) -> list[threading.Thread]:
        """What goes on taking turns until then."""
        ...

    def release(self) -> None:
        """Gives everything back."""
        ...


def rights(store: Store, *, monotonic: Callable[[], float]) -> Rights:
    """Those of the worker of this data folder with its store."""
    if store.is_shared:
        return Shares(store.sibling(), owner=store.worker, monotonic=monotonic)
    return Everything()


class Everything:
    """The rights of a store's only worker: its lease is the store's."""

    def fenced(self, store: Store, piece: str) -> bool:
        """True; a sibling has its worker's fence."""
        return True

    def part(self, store: Store, piece: str) -> Sequence[int]:
        """The only shard."""
        return (0,)

    def is_settled(self, piece: str) -> bool:
        """True."""
        return True

    def turn(self) -> None:
        """Nothing: the drain renews."""

    def obtain(self, pieces: Sequence[str], *, shared: Sequence[str] = ()) -> None:
        """Nothing: they are its own."""

    def start(self, ended: threading.Event) -> list[threading.Thread]:
        """Nothing."""
        return []

    def release(self) -> None:
        """Nothing: the lease falls with its holder."""


class Shares:
    """The leases of one of several workers; ``owner`` is its name, the same after a restart.
    Threads may ask at once; one takes turns."""

    def __init__(self, store: Store, *, owner: str, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._owner = owner
        self._monotonic = monotonic
        self._held: dict[str, int] = {}
        self._wanted: set[str] = set()
        self._shared: set[str] = set()
        self._excess: dict[str, Sequence[str]] = {}
        self._parts: dict[str, Sequence[int]] = {}
        self._still = Still(monotonic)

    def fenced(self, store: Store, piece: str) -> bool:
        """Binds a connection to the lease of a piece; False while this worker has it not."""
        self._wanted.add(piece)
        generation = self._held.get(piece)
        if generation is None:
            return False
        store.fenced(generation, of=piece)
        return True

    def part(self, store: Store, piece: str) -> Sequence[int]:
        """Binds a connection to the leases of this worker's shards."""
        self._shared.add(piece)
        popped = {name: self._held.pop(name, None) for name in self._excess.pop(piece, ())}
        excess = {name: each for name, each in popped.items() if each is not None}
        held = {shard: self._held.get(name) for shard, name in enumerate(_names(piece))}
        leases = {_names(piece)[shard]: each for shard, each in held.items() if each is not None}
        if leases or excess:
            store.fenced_to(leases)  # before: the first may be another's when the next is given
        for name, generation in excess.items():
            store.lease_of(name).give_back(generation)
        if not leases and excess:
            store.fenced_to(excess)  # without a fence a connection may write for ever
        self._parts[piece] = tuple(shard for shard, each in held.items() if each is not None)
        return self._parts[piece]

    def is_settled(self, piece: str) -> bool:
        """Whether neither a shard was added nor one is to be given back."""
        held = tuple(shard for shard, name in enumerate(_names(piece)) if name in self._held)
        return not self._excess.get(piece) and held == self._parts.get(piece)

    def turn(self) -> None:
        """Renews what is held, takes what is free or stands still."""
        shared = sorted(self._shared)
        names = {*self._wanted, *(f"{each}/{self._owner}" for each in shared)}
        names.update(name for piece in shared for name in _names(piece))
        try:
            self._store.leases.renew(dict(self._held))
            standing = self._store.leases.standing(names)
            self._see(standing, names)
            for piece in sorted(self._wanted):
                self._try(piece, standing)
            for piece in shared:
                self._spread(piece, standing)
        except StoreError:
            self._still.blink()  # whoever could not renew meanwhile is not gone
            raise

    def obtain(self, pieces: Sequence[str], *, shared: Sequence[str] = ()) -> None:
        """Asks until every piece is held, or another worker is seen to be alive."""
        self._wanted.update(pieces)
        self._shared.update(shared)
        all_of_it = {*pieces, *(name for piece in shared for name in _names(piece))}
        deadline = self._monotonic() + STALE + RENEW
        self.turn()
        while not self._held.keys() >= all_of_it and self._monotonic() < deadline:
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

    def _see(self, standing: Mapping[str, Standing], names: Collection[str]) -> None:
        """Looks whose leases stand still, and which of its own somebody else has by now."""
        self._still.see(standing, names)
        for name, generation in list(self._held.items()):
            if standing.get(name, _NOBODY).generation != generation:
                self._held.pop(name, None)

    def _try(self, name: str, standing: Mapping[str, Standing]) -> bool:
        """Whether a lease is held, which is taken where it is free: nobody has it, its holder
        stands still, or this worker's own data folder had it before this worker began."""
        if name in self._held:
            return True
        found = standing.get(name, _NOBODY)
        is_ours = found.owner == self._owner and self._still.is_new(name)
        if found.owner and not is_ours and self._still.seconds(name) < STALE:
            return False
        taken = self._store.lease_of(name).take(found.generation, self._owner)
        if taken is not None:
            self._held[name] = taken
        return taken is not None

    def _spread(self, piece: str, standing: Mapping[str, Standing]) -> None:
        """Takes shards up to this worker's share, and says which are too many."""
        self._try(f"{piece}/{self._owner}", standing)
        names = _names(piece)
        workers = {
            each.owner
            for name, each in standing.items()
            if each.owner and name == f"{piece}/{each.owner}" and self._still.seconds(name) < STALE
        } | {self._owner}
        first, most = spread(workers, self._owner, len(names))
        mine = [name for name in names if name in self._held]
        for name in (*names[first:], *names[:first]):
            if len(mine) < most and name not in mine and self._try(name, standing):
                mine.append(name)
        self._excess[piece] = mine[most:]


class Still:
    """For how long leases have stood still, as far as this worker could see."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, tuple[Standing, float]] = {}
        self._names: set[str] = set()
        self._new: set[str] = set()
        self._looked = monotonic()
        self._blind: float | None = None

    def see(self, standing: Mapping[str, Standing], names: Collection[str]) -> None:
        """Looks at the leases there are, and was asked for these. Time in which the store could not
        be asked counts for nobody: their holders could not renew either."""
        now = self._monotonic()
        unseen = 0.0 if self._blind is None else now - self._blind
        before, self._seen = self._seen, {}
        for name, each in standing.items():
            was, since = before.get(name, (None, now))
            self._seen[name] = (each, min(now, since + unseen) if each == was else now)
        self._new = set(names) - self._names
        self._names |= self._new
        self._looked, self._blind = now, None

    def blink(self) -> None:
        """The store could not be asked, perhaps since shortly after it was."""
        if self._blind is None:
            self._blind = min(self._monotonic(), self._looked + RENEW / 2)

    def seconds(self, name: str) -> float:
        """For how long a lease has stood still when it was last looked at."""
        return self._looked - self._seen[name][1] if name in self._seen else 0.0

    def is_new(self, name: str) -> bool:
        """Whether a lease was first asked for when they were last looked at."""
        return name in self._new


def spread(workers: Collection[str], me: str, shards: int) -> tuple[int, int]:
    """Of so many shards, which one a worker tries first, and how many it has: as many as every
    other, and one more where it stands early among them."""
    rank = sorted(workers).index(me)
    each, more = divmod(shards, len(workers))
    return rank * each + min(rank, more), each + (rank < more)


def _names(piece: str) -> Sequence[str]:
    """What the leases of a piece's shards are called. A worker that serves it has one besides, with
    its own name in the shard's place."""
    return [f"{piece}/{shard}" for shard in range(SHARDS)]
