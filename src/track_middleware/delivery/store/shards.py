"""Shards of a destination's visitors: several workers serve one destination, each some of them.

A visitor is always of the same shard, so that the order of each visitor's events is one worker's
business. Each shard has a position of its own; the job stands where its last shard does, so that
whoever asks how far a destination has come need not know of shards. Rows, notes of flights, pauses
and sums are the job's. Only an engine whose store workers share has shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from . import Stored
from .database import Database
from .jobs import Job, SharedJob

#: So many shards each destination has, and so many workers at most. A store's are counted when its
#: job is first served; ``shard_of`` in the store's schema says whose a visitor is.
SHARDS = 8

#: So many positions are looked through at once for each event that is wanted, where a worker has
#: all shards; no statement ever reads further, whatever the planner thinks.
_SPAN = 2


class Shards:
    """The shards of a store's live jobs."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def make(self, job: Job) -> None:
        """Each shard of a job stands where the job does, unless it has a position."""
        with self._db.job_batch():
            self._db.change("shards_make", {"job": job.id, "shards": SHARDS})

    def job(self, job: Job, held: Sequence[int]) -> SharedJob:
        """A job as a worker with these shards has it."""
        stand = {shard: at for shard, at in self._db.all("shards", (job.id,)) if shard in held}
        position = min(stand.values())
        behind = [at for at in stand.values() if at > position]
        known = {each.name: getattr(job, each.name) for each in fields(Job)}
        return SharedJob(
            **{**known, "position": position},
            held=tuple(sorted(held)),
            front=tuple(sorted(shard for shard, at in stand.items() if at == position)),
            until=min(behind) if behind else None,
        )

    def read(self, job: SharedJob, limit: int) -> tuple[Sequence[Stored], int]:
        """Up to ``limit`` events that a job's front has before it, and up to which position that
        is all."""
        end = int(self._db.value("log_end"))  # asked first: all up to it is seen from here on
        end = end if job.until is None else min(end, job.until)
        span = _SPAN * limit * SHARDS // len(job.front)
        after, rows = job.position, list[Any]()
        while after < end and not rows:
            up_to = min(end, after + span)
            asked = {"after": after, "up_to": up_to, "shards": list(job.front), "limit": limit}
            rows = self._db.all("log_read_shards", asked)
            after = up_to
        events = [Stored(*row) for row in rows]
        return events, after if len(events) < limit else events[-1].position


def move(db: Database, job: SharedJob, position: int) -> None:
    """A job's front has served everything up to a position. Call inside a transaction."""
    db.change("shards_move", {"job": job.id, "position": position, "front": list(job.front)})


def follow(db: Database, job: SharedJob) -> None:
    """The job stands where its last shard does. Call inside a transaction that has written the
    job's row: whoever does so last sees what all have moved."""
    db.change("shards_last", {"job": job.id})
