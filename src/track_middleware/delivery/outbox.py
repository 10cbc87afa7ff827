"""Events that wait in the app's own database: both ends of it, without knowing the framework.

A face keeps them there (``Outbox``) and names a function by its dotted path; the worker calls it
and gets a ``Source``. A row is deleted only when its event is on the store's disk, and taking one
twice does no harm, because its id is known by then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .framing import bodies
from .handover import Origin, resolved
from .store import Deposed

if TYPE_CHECKING:
    from .drain import Drain
    from .store.whole import Store

#: How often the app's databases are asked for rows, in seconds.
POLL = 0.2

#: Stores the frames of some rows; they are on the disk itself when this returns.
Take = Callable[[Sequence[bytes]], None]

#: The worker's boundary: runs a step, None where it failed.
Guard = Callable[[str, Callable[[], bool]], bool | None]


class Outbox(Protocol):
    """A face's own place for events: a table of the app's database."""

    @property
    def origin(self) -> Origin:
        """How a worker finds it."""
        ...

    def keep(self, frames: bytes) -> bool:
        """Takes frames into the transaction that is open; False where it cannot: they are kept as
        without an outbox."""
        ...

    def waits(self) -> bool:
        """Whether anything lies there that a worker has to move."""
        ...


class Claim(NamedTuple):
    """Rows that a ledger (``owner``) is storing: where they lie, how many, and when the oldest of
    their events was accepted (epoch seconds)."""

    owner: str
    place: str
    rows: int
    since: float


class Source(Protocol):
    """Where events wait. One thread uses it."""

    def move(self, owner: str, take: Take) -> bool:
        """Hands the frames of committed rows to ``take``, then deletes the rows; True when there
        may be more. ``owner`` is the name of the ledger that takes them."""
        ...

    def frames(self) -> Iterator[bytes]:
        """The frames of every committed row, whoever has claimed it; nothing is changed."""
        ...

    def claims(self) -> Sequence[Claim]:
        """Every claim; a living worker's last for moments."""
        ...

    def free(self, owner: str) -> int:
        """Ends a ledger's claims, so that any worker takes the rows: how many. Only when its host
        is gone for good: what it had stored is then stored, and sent, once more."""
        ...

    def close(self) -> None:
        """Lets go of what this thread has open."""
        ...


class Mover:
    """Moves what waits in an outbox into a store. ``drain`` makes a drain into a store, which one
    thread uses."""

    def __init__(
        self,
        origin: Origin,
        *,
        drain: Callable[[Store], Drain],
        now: Callable[[], float],
        guard: Guard,
    ) -> None:
        self._origin = origin
        self._drain = drain
        self._now = now
        self._guard = guard
        self._source: Source | None = None

    def once(self, drain: Drain, owner: str) -> None:
        """Moves all that is there, in the caller's thread and through the caller's drain."""
        while self._origin.path and self._guard("the outbox", lambda: self._move(drain, owner)):
            pass

    def start(self, store: Store, ended: threading.Event) -> list[threading.Thread]:
        """Moves what comes until ``ended``, in a thread of its own: the app's database may be slow.
        No thread where there is no outbox."""
        if not self._origin.path:
            return []
        thread = threading.Thread(target=self._run, args=(store, ended), name="outbox", daemon=True)
        thread.start()
        return [thread]

    def _run(self, store: Store, ended: threading.Event) -> None:
        try:
            while not ended.wait(POLL):
                self._guard("the outbox", lambda: self._connected(store, ended))
        except Deposed:
            return
        finally:
            if self._source is not None:
                self._source.close()

    def _connected(self, store: Store, ended: threading.Event) -> bool:
        """Moves what comes, over a connection of its own; the store may be away at first."""
        with closing(store.sibling()) as own:
            drain, owner = self._drain(own), own.identity()
            while not ended.wait(POLL):
                self.once(drain, owner)
        return True

    def _move(self, drain: Drain, owner: str) -> bool:
        if self._source is None:
            self._source = source(self._origin)
        return self._source.move(owner, lambda rows: _stored(drain, rows, self._now()))


def _stored(drain: Drain, rows: Sequence[bytes], now: float) -> None:
    drain.take([body for frames in rows for body in bodies(frames)], now)


def waiting(origin: Origin | None) -> Iterator[bytes]:
    """The JSON of every frame that waits in an outbox; nothing where there is none."""
    if origin is not None and origin.path:
        with closing(source(origin)) as found:
            for frames in found.frames():
                yield from bodies(frames)


def source(origin: Origin) -> Source:
    """What lies in an outbox; SettingsError when there is nothing at the path."""
    function = resolved("outbox", origin.path)
    assert function is not None
    made: Source = function()
    return made
