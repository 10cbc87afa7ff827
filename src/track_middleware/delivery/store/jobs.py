"""What the ledger says about jobs: values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Job:
    """A destination served from one position of the log to another; the live job has no end.

    ``wait``: how long the last pause was, in seconds (0: it is well). ``pace``: how many events a
    second it may get as of ``paced_at`` (None: it never said "too many"; ``pace.allowed`` tells
    today's). ``answer``: what the destination last said, in words, at ``answered_at``.
    ``delivered``: events it got in all; of them ``doubtful`` ones perhaps not, or twice
    (``?on_doubt=``). ``cut``: values shortened to its limits. ``rate``: events delivered in the
    minute before ``rated_at`` (``pace.per_minute`` tells today's). ``target``: what its destination
    points at, as a digest ("" where an older release made the job). ``left_at``: the log's end when
    no destination pointed there any more. ``needs_you``: it is paused until somebody mends the
    set-up (a refused key, an address that is not there), not only until it answers again.
    """

    id: int
    destination: str
    position: int
    end: int | None
    paused_until: float | None
    pause_reason: str
    wait: float = 0.0
    pace: float | None = None
    paced_at: float = 0.0
    answer: str = ""
    answered_at: float | None = None
    delivered: int = 0
    doubtful: int = 0
    cut: int = 0
    rate: float = 0.0
    rated_at: float = 0.0
    target: str = ""
    left_at: int | None = None
    needs_you: bool = False

    def is_paused(self, now: float) -> bool:
        """Whether it waits; one whose pause is over is at it again."""
        return self.paused_until is not None and self.paused_until > now


@dataclass(frozen=True, slots=True)
class SharedJob(Job):
    """A live job as one of several workers has it, each with some shards of the visitors.

    ``held`` are this worker's shards; ``front`` those of them that stand at ``position``, the
    lowest; ``until`` is where the next one stands, up to which the front catches up (None: all are
    in front). The job in the store stands where the last shard of any worker does.
    """

    held: tuple[int, ...] = ()
    front: tuple[int, ...] = ()
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Flight:
    """One event that left in a call which must not be repeated.

    ``road`` tells the calls of one event apart. ``taken``: the destination has it (True), nobody
    knows (False), it has it not and the note falls (None).
    """

    position: int
    road: bytes
    taken: bool | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a step has learnt besides its outcomes; the numbers are added to the job's.

    ``answer``: empty leaves the last one. ``rate`` and ``pace``: None leaves it. ``flights``:
    changes of notes.
    """

    delivered: int = 0
    doubtful: int = 0
    cut: int = 0
    answer: str = ""
    at: float = 0.0
    rate: float | None = None
    pace: float | None = None
    flights: Sequence[Flight] = ()


#: A step that has learnt nothing.
NOTHING = Learnt()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event at one job; only what was not simply delivered makes a row.

    Of one order key the first row is a ``retry``, the later ones are ``held``.
    """

    position: int
    event_id: str
    order_key: str
    state: Literal["delivered", "retry", "held", "refused"]
    attempts: int = 0
    due: float = 0.0
    reason: str = ""
