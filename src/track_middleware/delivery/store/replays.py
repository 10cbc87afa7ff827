"""Replays in the ledger: bounded jobs over a part of the log, beside the live ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from . import Job
from .database import Database

#: A replay that is over is shown for so many seconds.
SHOWN = 7 * 86400.0

#: So many columns of a row are its job's.
_JOB = len(fields(Job))

_labels = msgspec.json.Decoder(list[str])


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the log: accepted in [``since``, ``until``), with a label that one of the globs
    matches. None and an empty list leave nothing out."""

    since: float | None = None
    until: float | None = None
    labels: tuple[str, ...] = ()

    def covers(self, accepted_at: float, label: str) -> bool:
        """Whether an event is of this part."""
        if self.since is not None and accepted_at < self.since:
            return False
        if self.until is not None and accepted_at >= self.until:
            return False
        return not self.labels or any(fnmatchcase(label, each) for each in self.labels)


class Beside(msgspec.Struct, frozen=True, gc=False):
    """An event of the log as it was accepted, with what stands beside it."""

    position: int
    event_id: str
    accepted_at: float
    kind: str
    label: str
    body: bytes
    derived: bytes | None
    bot: str | None
    derived_version: int
    repaired: bytes | None


@dataclass(frozen=True, slots=True)
class Replay:
    """A bounded job and what it is for. ``begin`` is the position it began behind, ``total`` how
    many events it was to send, ``ended`` when it was over (epoch seconds). ``backfill``: whose
    events it sends, for the first time; its end moves on while they come."""

    job: Job
    part: Part
    begin: int
    total: int
    made: float
    ended: float | None
    backfill: int | None = None

    @property
    def progress(self) -> float:
        """How much of its part of the log lies behind it, between 0 and 1."""
        length = (self.job.end or 0) - self.begin
        return 1.0 if length <= 0 or self.ended else (self.job.position - self.begin) / length


class Replays:
    """The replays of a ledger."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def bounds(self, part: Part, end: int) -> tuple[int, int]:
        """The positions (behind the first, up to the second) among which a part lies, up to
        ``end``; equal when there is nothing."""
        begin, last = 0, end
        if part.since is not None:
            first = self._db.value("log_first_since", (part.since,))
            begin = end if first is None else first - 1
        if part.until is not None:
            last = min(end, self._db.value("log_last_before", (part.until,)) or 0)
        return (begin, last) if begin < last else (end, end)

    def add(self, destination: str, part: Part, bounds: tuple[int, int], *, total: int,
            now: float) -> int:  # fmt: skip
        """A new replay; its job's id."""
        begin, end = bounds
        labels = msgspec.json.encode(part.labels).decode()
        with self._db.batch():
            self._db.change("replay_job", (destination, begin, end))
            job: int = self._db.value("replay_job_number")
            values = (job, part.since, part.until, labels, begin, total, now)
            self._db.change("replay_add", values)
        return job

    def all(self) -> Sequence[Replay]:
        """Every replay that is remembered, oldest first."""
        return [_replay(*row) for row in self._db.all("replays", {"job": None})]

    def get(self, number: int) -> Replay | None:
        """One replay by its job's id; None when it is not remembered."""
        rows = self._db.all("replays", {"job": number})
        return _replay(*rows[0]) if rows else None

    def held_by_live(self, destination: str, after: int, up_to: int) -> frozenset[int]:
        """Positions between these two that still wait for the destination's live job."""
        rows = self._db.all("held_by_live", (destination, after, up_to))
        return frozenset(row[0] for row in rows)

    def beside(self, after: int, end: int, limit: int) -> Sequence[Beside]:
        """Events behind a position, up to ``end``, as they were accepted."""
        return [Beside(*row) for row in self._db.all("log_beside", (after, end, limit))]

    def put_beside(self, rows: Sequence[Beside]) -> None:
        """Replaces what stands beside these events. Call inside ``batch``."""
        values = [
            (row.kind, row.label, row.derived, row.bot, row.derived_version, row.repaired,
             row.position, row.event_id)
            for row in rows
        ]  # fmt: skip
        self._db.change_each("log_put_beside", values)

    def labelled(
        self, label: str, after: int, limit: int
    ) -> Sequence[tuple[int, str, float, bytes]]:
        """Events of one label behind a position: position, id, when it was accepted, body."""
        return self._db.all("log_labelled", (label, after, limit))

    def end(self, number: int, now: float) -> None:
        """A replay is over; what still waits for it is not sent."""
        with self._db.batch():
            self._db.change("replay_job_end", (number,))
            self._db.change("replay_rows_drop", (number,))
            self._db.change("replay_flights_drop", (number,))
            self._db.change("replay_end", (now, number))

    def forget(self, before: float) -> None:
        """Forgets replays that were over before a moment. Call inside ``batch``."""
        for (number,) in self._db.all("replays_old", (before,)):
            self._db.change("replay_forget", (number,))
            self._db.change("replay_job_forget", (number,))


def _replay(*row: Any) -> Replay:
    since, until, labels, begin, total, made, ended, backfill = row[_JOB:]
    part = Part(since, until, tuple(_labels.decode(labels)))
    return Replay(Job(*row[:_JOB]), part, begin, total, made, ended, backfill)
