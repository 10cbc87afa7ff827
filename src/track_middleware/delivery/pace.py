"""How fast a destination is served after it said "too many" (429) without saying for how long.

Pure. Its rate halves, from what it achieved, and comes back by a tenth of that a minute; once it is
back, nothing limits it. Rates are events a second, moments epoch seconds. The pace is the job's: of
several workers each sends as large a part of it as it has shards.
"""

from __future__ import annotations

import math

from .store import Job
from .store.jobs import SharedJob
from .store.shards import SHARDS

#: The slowest pace: nothing ever stands still.
LEAST = 1.0

#: A batch under a pace is worth at most so many seconds, so that batches follow each other.
SPAN = 10.0

_TENTH = 0.1

#: A run of calls is measured over about so many seconds.
_WINDOW = 60.0


def halved(achieved: float) -> float:
    """The pace after a 429."""
    return max(LEAST, achieved / 2)


def allowed(job: Job, now: float) -> float | None:
    """How many events a second a job's destination may get; None: as many as it takes.

    A pace that begins in the future was written by a clock that was wrong, and is none.
    """
    if job.pace is None or now < job.paced_at:
        return None
    before = 2 * job.pace
    grown = job.pace + _TENTH * before * (now - job.paced_at) / 60
    return grown if grown < before else None


def part(job: Job) -> float:
    """Which part of a job's events a worker sends: that of its shards, where several have it."""
    return len(job.held) / SHARDS if isinstance(job, SharedJob) else 1.0


def per_minute(job: Job, now: float) -> float:
    """Events delivered in about the last minute: each fades out over the minutes after it."""
    return job.rate * math.exp(-max(0.0, now - job.rated_at) / 60)


class Meter:
    """What a destination has taken in its present run of calls."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._count = 0.0

    def add(self, events: int, now: float) -> None:
        """So many more were taken."""
        if self._began is None or now < self._began:
            self._began, self._count = now, 0.0
        if now - self._began > _WINDOW:
            self._began, self._count = now - (now - self._began) / 2, self._count / 2
        self._count += events

    def rate(self, now: float, *, refused: int) -> float:
        """Events a second, over a second at least; ``refused``: the size of the call that was not
        taken, which counts where nothing was."""
        began = now if self._began is None else self._began
        return max(self._count, refused if self._count == 0 else 0) / max(1.0, now - began)

    def stop(self) -> None:
        """The run is over: a pause, or nothing to send."""
        self._began, self._count = None, 0.0
