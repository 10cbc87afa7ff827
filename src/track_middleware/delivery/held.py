"""A destination's live job as one of several workers serves it: its shards, and what they wait for.

What a kill leaves: positions of shards, rows and notes change in one transaction that holds the
leases of all shards of its batch, so that all of a batch is noted or nothing. What was sent and not
noted is sent again, with the same ids, by whoever takes the shards over; calls that must not be
repeated were noted before they left, and each worker decides about those of its shards alone.
A shard is given back between two steps: nothing of it is on its way then, and its next holder goes
on where it stands. A worker that is killed before it gives back, or behind that, leaves a lease
that stands still, or one that is free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from ..destinations.registry import Route
from .erasing import Steps
from .replaying import MakeServe
from .servers import piece
from .shares import Rights
from .store import Deposed, Job, Stored
from .store.jobs import SharedJob
from .store.whole import Store


def steps(route: Route, store: Store, rights: Rights, *, serve: MakeServe) -> Steps:
    """What serves a destination: all of it, or this worker's shards where several have a store."""
    if not store.is_shared:
        return serve(route, store, log=store, find=lambda: store.job(route.name))
    held = Held(route.name, store, rights, piece(route))
    serving = serve(route, store, log=held, find=held.find)
    return Turns(serving, held, lambda: store.locks.together(piece(route)))


class Held:
    """``Log`` and job of a ``Serve``. One thread uses it, with a connection of its own."""

    def __init__(self, destination: str, store: Store, rights: Rights, piece: str) -> None:
        self._destination = destination
        self._store = store
        self._rights = rights
        self._piece = piece
        self._shards: Sequence[int] = ()
        self._is_made = False
        self._job: SharedJob | None = None

    def take(self) -> None:
        """Looks which shards are this worker's now. Deposed when none is. Call between two steps:
        within one they stay the same."""
        self._shards = self._rights.part(self._store, self._piece)
        if not self._shards:
            raise Deposed("other workers serve this destination")

    def find(self) -> Job:
        """The job, where the last of these shards stands."""
        job = self._store.job(self._destination)
        if not self._is_made:
            self._store.shards.make(job)
            self._is_made = True
        self._job = self._store.shards.job(job, self._shards)
        return self._job

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        """What the job that was found last has before it. Where that is nothing of these shards,
        the job is moved behind it."""
        job = self._job
        assert job is not None
        assert job.position == after
        events, up_to = self._store.shards.read(job, limit)
        if not events and up_to > after:
            self._store.advance(job, up_to, [])
        return events

    def get(self, positions: Sequence[int]) -> Sequence[Stored]:
        """The events at these positions, in order."""
        return self._store.get(positions)

    def append(self, rows: object) -> dict[str, int]:
        """Nothing is added here."""
        return {}

    def end(self) -> int:
        """The log's last position."""
        return self._store.end()


class Turns:
    """Serves what is held, which may be more or less with each step. ``together``: what a step
    read is on its way until its end, and an erasure waits for that."""

    def __init__(
        self, serve: Steps, held: Held, together: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._serve = serve
        self._held = held
        self._together = together

    def step(self) -> float | None:
        """One step; when to come again."""
        self._held.take()
        with self._together():
            return self._serve.step()
