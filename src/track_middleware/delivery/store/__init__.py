"""The store's two seams: the log of events and the ledger of what became of them.

Every engine implements or combines the two; ``tests/delivery/store_contract.py`` is what it must
pass. SQLite (``sqlite.py``) is both.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from ...event import PageRef, Person


@dataclass(frozen=True, slots=True)
class NewRow:
    """An event on its way into the log. ``body`` is its JSON as accepted, ``derived`` the JSON of
    what enrichment made of it (merged into ``context`` when it is read), None when nothing."""

    event_id: str
    order_key: str
    accepted_at: float
    kind: str
    label: str
    body: bytes
    derived: bytes | None = None
    bot: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An event of the log. ``read`` gives them in the order of ``position``."""

    position: int
    event_id: str
    order_key: str
    accepted_at: float
    kind: str
    label: str
    body: bytes
    derived: bytes | None
    bot: str | None


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page view in the ledger, keyed by page id: the mark, and the halves that have come.

    ``half`` is the body (an ``Entry`` as JSON) that waits for its other half until ``due``;
    ``position`` its place in the log once it has one. ``load`` is the load that owns the token.
    """

    page: PageRef
    person: Person | None
    url: str
    half: bytes | None
    due: float | None
    confirmed_at: float | None
    position: int | None


@dataclass(frozen=True, slots=True)
class Job:
    """A destination served from one position of the log to another; ``end`` None is the live one."""

    id: int
    destination: str
    position: int
    end: int | None
    paused_until: float | None
    pause_reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event at one job; only what was not simply delivered makes a row."""

    position: int
    event_id: str
    order_key: str
    state: Literal["delivered", "retry", "held", "refused"]
    attempts: int = 0
    due: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What a destination, the door or the plan refused for good."""

    id: int
    stage: str
    destination: str
    event_id: str
    label: str
    time: float
    reason: str
    body: bytes


class Log(Protocol):
    """The ordered, immutable events."""

    def append(self, rows: Sequence[NewRow]) -> None:
        """Adds rows whose event ids are not known yet; the others are dropped."""
        ...

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        """Up to ``limit`` events behind a position; never one while a lower may still appear."""
        ...

    def get(self, positions: Sequence[int]) -> Sequence[Stored]:
        """The events at these positions, in order; missing ones are left out."""
        ...

    def end(self) -> int:
        """The highest position, 0 when empty."""
        ...


class Ledger(Protocol):
    """What became of the events: jobs, rows for what was not simply delivered, dead letters."""

    def batch(self) -> AbstractContextManager[None]:
        """One transaction over log and ledger: all of it is kept, or nothing."""
        ...

    def job(self, destination: str) -> Job:
        """The live job of a destination; a new one starts at the log's present end."""
        ...

    def advance(self, job: Job, position: int, outcomes: Sequence[Outcome]) -> None:
        """Moves a job behind ``position``; outcomes that are not ``delivered`` become rows, refused
        ones dead letters of stage ``destination``. One transaction."""
        ...

    def waiting_keys(self, job: Job) -> frozenset[str]:
        """The order keys that have a retry or held row: their next events are held behind."""
        ...

    def due(self, job: Job, now: float, limit: int) -> Sequence[Outcome]:
        """Rows to send again: per order key the retry row that is due with all held ones behind
        it, in the order of the log."""
        ...

    def settle(self, job: Job, outcomes: Sequence[Outcome]) -> None:
        """Replaces the rows of these positions: delivered ones vanish, refused ones become dead
        letters, retry and held ones are written again. One transaction."""
        ...

    def pause(self, job: Job, until: float | None, reason: str) -> None:
        """Stops a job until a moment (None: runs again); survives a restart."""
        ...

    def count(self, job: Job) -> dict[str, int]:
        """Rows of a job by state, and under ``dead`` its dead letters."""
        ...

    def dead(self, *, stage: str | None = None, limit: int = 100) -> Sequence[DeadLetter]:
        """Dead letters, newest first."""
        ...

    def bury(self, letters: Sequence[DeadLetter], *, most: int) -> None:
        """Adds dead letters of one stage (ids are given by the ledger), up to a cap per stage: the
        oldest go, and are counted."""
        ...
