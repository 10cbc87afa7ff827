"""Backfills in the ledger: parts of the log that came from elsewhere, and their jobs."""

from __future__ import annotations

from collections.abc import Sequence

from . import Stored
from .database import Database

#: A backfill that was begun so many seconds ago and is not whole will not be any more; a call that
#: goes on with it after all gets a new one.
ABANDONED = 30 * 86400.0


class Backfills:
    """The backfills of a ledger."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def begin(self, source: str, destinations: Sequence[str], *, now: float) -> int:
        """A new backfill of a source, with a job for each of these destinations; its number."""
        with self._db.batch():
            self._db.change("backfill_add", (source, now))
            number: int = self._db.value("backfill_number")
            end = self._db.value("log_end")
            for destination in destinations:
                self._db.change("replay_job", (destination, end, end))
                job = self._db.value("replay_job_number")
                of_it = {"job": job, "begin": end, "now": now, "number": number}
                self._db.change("backfill_job", of_it)
        return number

    def begun(self, source: str) -> int | None:
        """The newest backfill of a source that was begun and is not all in the log."""
        number: int | None = self._db.value("backfill_open", (source,))
        return number

    def add(self, number: int, positions: Sequence[int]) -> None:
        """These positions of the log, one behind the other and behind all others, belong to a
        backfill. Call inside ``batch``."""
        if not positions:
            return
        first, last = positions[0], positions[-1]
        before = self._db.all("backfill_last", (number,))
        if before and before[0][1] == first - 1:
            self._db.change("backfill_part_grow", (last, before[0][0]))
        else:
            self._db.change("backfill_part_add", (first, last, number))
        self._db.change("backfill_jobs_grow", {"number": number, "last": last})
        self._db.change("backfill_totals_grow", {"number": number, "events": len(positions)})

    def stored(self, number: int, now: float) -> None:
        """All of a backfill is in the log: its jobs end when they have sent that."""
        with self._db.batch():
            self._db.change("backfill_stored", (now, number))

    def is_stored(self, number: int) -> bool:
        """Whether all of it is in the log."""
        return self._db.value("backfill_is_stored", (number,)) is not None

    def parts(self, number: int, after: int) -> Sequence[tuple[int, int]]:
        """Its parts of the log that end behind a position, in order: (first, last)."""
        return self._db.all("backfill_parts", (number, after))

    def size(self, number: int, *, after: int = 0) -> int:
        """How many events of it the log got behind a position."""
        return int(self._db.value("backfill_size", {"number": number, "after": after}))

    def between(self, after: int, up_to: int) -> Sequence[tuple[int, int]]:
        """The parts of every backfill that touch the positions behind ``after`` up to another."""
        return self._db.all("backfill_between", {"after": after, "up_to": up_to})

    def without(self, events: Sequence[Stored]) -> Sequence[Stored]:
        """Those of some events, in order, that are no backfill's."""
        if not events:
            return events
        parts = self.between(events[0].position - 1, events[-1].position)
        if not parts:
            return events
        return [
            each
            for each in events
            if not any(first <= each.position <= last for first, last in parts)
        ]

    def fade(self, now: float) -> None:
        """Forgets parts of which the log has nothing any more, and gives up backfills that nobody
        went on with. Call inside ``batch``."""
        self._db.change("backfill_fade")
        self._db.change("backfill_give_up", {"now": now, "before": now - ABANDONED})
