"""The store's two seams: the log of events and the ledger of what became of them.

Every engine implements or combines the two; ``tests/delivery/store_contract.py`` is what it must
pass. SQLite (``sqlite.py``) is both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ...errors import StoreError
from ...event import PageRef, Person
from .consents import ChoiceRecord, Choices, Counted, CountedSession
from .jobs import NOTHING, Flight, Job, Learnt, Outcome
from .who import How, Merge, Merges, Pair, Undone

__all__ = [
    "NOTHING", "ChoiceRecord", "CountedSession", "DeadLetter", "Deposed", "Flight", "How", "Intake",
    "Job", "Learnt", "Ledger", "Log", "Merge", "Merges", "NewRow", "Outcome", "PageRow", "Pair",
    "Stored", "Undone",
]  # fmt: skip


class Deposed(StoreError):
    """Another worker holds the lease now: whoever gets this writes and sends nothing more."""


class NewRow(msgspec.Struct, frozen=True, gc=False):
    """An event on its way into the log. ``body`` is its JSON as accepted, ``derived`` the JSON of
    what enrichment made of it (merged into ``context`` when it is read), None when nothing;
    ``derived_version`` says by which enrichment. ``repaired`` is what repairs made of the body, if
    anything: whoever reads the log gets that in its place. ``passes``: the log does not keep it."""

    event_id: str
    order_key: str
    accepted_at: float
    kind: str
    label: str
    body: bytes
    derived: bytes | None = None
    bot: str | None = None
    derived_version: int = 0
    repaired: bytes | None = None
    passes: bool = False


class Stored(msgspec.Struct, frozen=True, gc=False):
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

    def append(self, rows: Sequence[NewRow]) -> Mapping[str, int]:
        """Adds rows whose event ids are not known yet; the others are dropped. The positions of
        those added, by event id."""
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
    """What became of the events: jobs, rows for what was not simply delivered, dead letters;
    ``merges``: of whom destinations were told."""

    @property
    def merges(self) -> Merges: ...

    def batch(self) -> AbstractContextManager[None]:
        """One transaction over log and ledger: all of it is kept, or nothing."""
        ...

    def job(self, destination: str) -> Job:
        """The live job of a destination; a new one starts at the log's present end."""
        ...

    def advance(
        self, job: Job, position: int, outcomes: Sequence[Outcome], learnt: Learnt = NOTHING
    ) -> None:
        """Moves a job behind ``position``; outcomes that are not ``delivered`` become rows, refused
        ones dead letters of stage ``destination``; a held one that is its key's first is due at
        once. Notes of what is left behind fall, unless it waits. One transaction."""
        ...

    def live(self, events: Sequence[Stored]) -> Sequence[Stored]:
        """Those of some events, in order, that came from the live site: no backfill has them."""
        ...

    def waits(self, job: Job) -> bool:
        """Whether any event of a job is a retry or held."""
        ...

    def waiting_keys(self, job: Job, keys: Iterable[str]) -> frozenset[str]:
        """Those of these order keys that have a row: their next events are held behind it."""
        ...

    def next_due(self, job: Job) -> float | None:
        """When the first row of a job is due; None without rows."""
        ...

    def due(self, job: Job, now: float, limit: int) -> Sequence[Outcome]:
        """Rows to send again: of order keys whose first row is due, all rows, in the order of the
        log, as many as fit. A moment further off than any rule puts it counts as come: the clock
        was wrong when it was written."""
        ...

    def settle(self, job: Job, outcomes: Sequence[Outcome], learnt: Learnt = NOTHING) -> None:
        """Replaces the rows of these positions: delivered ones vanish, refused ones become dead
        letters, retry and held ones are written again; a held one that is its key's first now is
        due at once. Notes of what no longer waits fall. One transaction."""
        ...

    def note(self, job: Job, notes: Sequence[Flight]) -> None:
        """Writes that events leave, before they do. One transaction."""
        ...

    def landed(self, job: Job, *, repeat: bool) -> Mapping[int, frozenset[bytes]]:
        """Decides about notes that nobody answered for (a worker was killed): they count as taken,
        or with ``repeat`` as not taken, and as doubtful. The roads that each position's event need
        not take again. One transaction."""
        ...

    def pause(
        self,
        job: Job,
        until: float | None,
        reason: str,
        *,
        wait: float = 0.0,
        needs_you: bool = False,
    ) -> None:
        """Stops a job until a moment (None: runs again); survives a restart. ``wait`` is the
        pause's length; ``needs_you``: it will go on failing until somebody mends the set-up."""
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


class Intake(Choices, Counted, Protocol):
    """What the drain remembers between the spool and the log. All of it changes inside the
    ledger's ``batch`` only."""

    def offsets(self) -> Mapping[str, int]:
        """How far each segment is stored, by name."""
        ...

    def moved(self, segment: str, offset: int) -> None:
        """A segment is stored up to ``offset``."""
        ...

    def gone(self, segment: str) -> None:
        """A segment was removed."""
        ...

    def pages(self, ids: Iterable[str]) -> dict[str, PageRow]:
        """The rows of these page views, by page id."""
        ...

    def keep_pages(self, rows: Iterable[PageRow]) -> None:
        """Writes rows as they are now."""
        ...

    def pages_due(self, before: float, limit: int) -> Sequence[PageRow]:
        """Rows whose waiting half is due at ``before``. A moment more than a day later counts as
        come: the clock was wrong when it was written."""
        ...

    def newest_unconfirmed(self, visitor: str, url: str) -> PageRow | None:
        """A visitor's newest page of a URL that no browser has confirmed."""
        ...

    def wait(self, page: str, due: float, entry: bytes) -> None:
        """Keeps a browser's entry until its page's row comes, or ``due``."""
        ...

    def is_ready(self, before: float) -> bool:
        """Whether ``ready`` would find any."""
        ...

    def ready(self, before: float, limit: int) -> Sequence[bytes]:
        """Takes out waiting entries whose page has come, or that are due at ``before`` as in
        ``pages_due``."""
        ...

    def note_views(self, notes: Iterable[tuple[int, str]]) -> None:
        """Notes of views in the log, by position, what the log does not say: ``confirmed`` or
        ``noscript`` (a browser's half came late), ``served`` (the server's did), ``untagged``."""
        ...

    def not_kept(self, positions: Iterable[int]) -> None:
        """The events at these positions go once every destination has had them."""
        ...

    def joined(self, visitors: Iterable[str]) -> dict[str, str]:
        """Whom those of these visitors that were joined turned out to be."""
        ...

    def join(self, visitor: str, same_as: str, at: float) -> None:
        """A visitor turned out to be another."""
        ...

    def merged(self, merges: Iterable[Merge]) -> None:
        """Notes who turned out to be whom, unless that is known."""
        ...

    def tally(
        self, pages: Mapping[tuple[str, str], int], events: Mapping[tuple[str, str], int]
    ) -> None:
        """Adds to the rollups (by day and class) and event counts (by day and label)."""
        ...
