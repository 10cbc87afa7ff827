"""From the spool to the store: every process's segments, in batches of one transaction each.

A batch holds its events, their ledger and the segment's new offset, so that a kill at any moment
neither loses nor doubles. A segment is removed only when nobody writes it any more and all of it is
on the store's disk.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..seldom import Seldom
from . import plans, segments
from .batch import CANNOT_BE_STORED, MISTAKES, Batch
from .decoded import Decoded
from .finish import Finisher
from .frames import Rules
from .numbers import Numbers, by_day, by_own_day
from .past import Past
from .plans import PlanStage
from .report import Report
from .segments import FLUSH, Segment
from .store.whole import DEAD_MOST, Store
from .tombstones import Tombstones

logger = logging.getLogger("track_middleware")

#: Frames of one transaction, at most.
AT_ONCE = 4000

#: Transactions that one segment gets before the next segment's turn; a backfill's get one.
_TURN = 8

#: Waiting halves whose windows end in one transaction.
_WINDOWS_AT_ONCE = 500

#: Reasons that speak of a fault, and what is told of them.
_UNSOUND = {
    "other_host": "browsers confirm another host's pages here: the hosts share no store",
    "torn": "the spool has damaged lines: a process was killed amid a write, or the disk fails",
    "not_an_entry": "the spool has frames that this release cannot read",
}


class _Undone(Exception):
    """Ends a transaction that was only tried."""


class Drain:
    """Drains one data folder into one store. The caller holds the lease.

    ``count`` is told what was not kept, by reason, once that is certain. ``renew`` is called before
    each transaction: a turn may take longer than a lease lasts.
    """

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        *,
        finisher: Finisher,
        rules: Rules,
        plan: PlanStage | None = None,
        count: Callable[[str, int], object],
        renew: Callable[[], object] = lambda: None,
    ) -> None:
        self._store = store
        self._data_dir = data_dir
        self._finisher = finisher
        self._rules = rules
        self._plan = plan
        self._count = count
        self._renew = renew
        self._unreadable: set[str] = set()
        self._report, self._seldom = Report(), Seldom(time.monotonic)
        self._tombstones = Tombstones(store.persons, data_dir)
        self._wanted = rules.history
        #: Whether frames of an erased person still lie in the spool, though nobody will read them.
        self.left_erased = False

    def once(self, now: float) -> bool:
        """A turn of every segment; True when there may be more.

        ``now`` is the present moment: the windows that are over by then end, but not while anything
        accepted before may still lie in the spool.
        """
        offsets = self._store.intake.offsets()
        with segments.open_all(self._data_dir) as found:
            turns = [(each, self._turn(each, offsets.get(each.name, 0), now)) for each in found]
            unseen = offsets.keys() - {segment.name for segment in found}
        self._forget({each for each in unseen if not segments.is_there(self._data_dir, each)})
        more = [segments.backfill_of(each.name) is None for each, read_up in turns if not read_up]
        if not any(more):
            self.end_windows(max(now, self._flushed_until()))
        return bool(more)

    def end_windows(self, before: float = math.inf) -> None:
        """Page views and browser events whose wait is over at ``before`` take their place."""
        while self._end_some(before):
            pass

    def _turn(self, segment: Segment, offset: int, now: float) -> bool:
        """Stores what a segment holds behind ``offset``; False when its turn ended before."""
        for _ in range(_TURN if segments.backfill_of(segment.name) is None else 1):
            reading = self._read(segment, offset)
            if reading is None:
                return True
            if reading.offset == offset:
                self._remove_if_done(segment, offset)
                return True
            self._store_reading(segment, reading, now)
            offset = reading.offset
        return False

    def _read(self, segment: Segment, offset: int) -> segments.Reading | None:
        """What comes next; None from a segment that cannot be read: it keeps no other waiting."""
        try:
            return segment.read(offset, AT_ONCE)
        except OSError as error:
            if segment.name not in self._unreadable:
                self._unreadable.add(segment.name)
                logger.error("the spool segment %s cannot be read: %s", segment.path, error)
            return None

    def _remove_if_done(self, segment: Segment, offset: int) -> None:
        if segment.done(offset):
            self._store.sync()
            segment.remove()
            self._forget({segment.name})

    def _forget(self, names: set[str]) -> None:
        if names:
            with self._store.batch():
                for name in names:
                    self._store.intake.gone(name)

    def take(self, frames: Sequence[bytes], now: float) -> None:
        """Stores frames that lie elsewhere than in the spool. They are on the disk itself when this
        returns, so that their source may be deleted; taking one twice does no harm."""
        self._store_frames(frames, now, lambda batch: None, by_day)
        self._store.sync()

    def _store_reading(self, segment: Segment, reading: segments.Reading, at: float) -> None:
        """One transaction: the frames, the segment's new offset, and whose they are."""
        backfill = segments.backfill_of(segment.name)

        def also(batch: Batch) -> None:
            self._store.intake.moved(segment.name, reading.offset)
            if backfill is not None:
                self._store.backfills.add(backfill, batch.positions)

        numbers = by_day if backfill is None else by_own_day
        self._store_frames(reading.frames, at, also, numbers)
        if reading.torn:
            self._count("torn", reading.torn)
            self._warn("torn")

    def _store_frames(
        self,
        frames: Sequence[bytes],
        at: float,
        also: Callable[[Batch], object],
        numbers: Numbers,
    ) -> None:
        try:
            self._store_without({}, frames, at, also, numbers)
        except MISTAKES as error:
            flaws = {raw: flaw for raw in frames if (flaw := self._flaw(raw))}
            if not flaws:
                raise
            logger.error("%s accepted frames are dead letters", len(flaws), exc_info=error)
            self._store_without(flaws, frames, at, also, numbers)

    def _store_without(
        self,
        flaws: dict[bytes, str],
        frames: Sequence[bytes],
        at: float,
        also: Callable[[Batch], object],
        numbers: Numbers,
    ) -> None:
        """One transaction: the frames, the dead letters of those that cannot be stored (with the
        reason), and what else belongs to it."""
        batch = self._batch()
        batch.numbers = numbers
        whole = batch.decoded([raw for raw in frames if raw not in flaws])
        with self._store.batch():
            batch.take(self._living(batch, whole))
            for raw, flaw in flaws.items():
                if not self._tombstones.dropped([raw]):
                    batch.bury(raw, at=at, reason=flaw)
            positions = self._write(batch)
            also(batch)
        self._store.show(batch.rows, positions)
        self._tell(batch)

    def _living(self, batch: Batch, found: Decoded) -> Decoded:
        """Frames without those of erased persons, which are counted."""
        erased = self._tombstones.dropped(found.raws)
        batch.counts["erased"] += len(erased)
        return found.without(erased) if erased else found

    def _flaw(self, raw: bytes) -> str:
        """Why a frame cannot be stored, found by trying and undoing; "" when it can."""
        batch = self._batch()
        try:
            with self._store.batch():
                batch.take(batch.decoded([raw]))
                self._write(batch)
                raise _Undone
        except _Undone:
            return ""
        except MISTAKES as error:
            return f"{CANNOT_BE_STORED}{type(error).__name__}"

    def _end_some(self, before: float) -> bool:
        intake = self._store.intake
        if not intake.pages_due(before, 1) and not intake.is_ready(before):
            return False
        batch = self._batch()
        with self._store.batch():
            batch.take_ready(intake.ready(before, _WINDOWS_AT_ONCE))
            batch.end_windows(intake.pages_due(before, _WINDOWS_AT_ONCE))
            positions = self._write(batch)
        self._store.show(batch.rows, positions)
        self._tell(batch)
        return True

    def _batch(self) -> Batch:
        self._renew()
        self._store.ready()
        self._report.begin()
        self._finisher.counts.clear()  # of a batch that was undone
        if self._plan is not None:
            self._plan.begin()
        return Batch(self._store.intake, self._finisher, self._rules, self._plan)

    def _write(self, batch: Batch) -> Mapping[str, int]:
        """Writes what a batch holds; the positions that its rows got in the log."""
        if self._wanted is not None and batch.rows:
            past = Past(self._store.histories, self._wanted)
            batch.rows = past.told(batch.rows, passes=batch.passes)
            batch.counts.update(past.counts)
        batch.set_apart()
        positions = self._store.append(batch.rows) if batch.rows else {}
        batch.finish(positions)
        for stage, most in (("door", DEAD_MOST), ("plan", plans.MOST)):
            letters = [each for each in batch.letters if each.stage == stage]
            if letters:
                self._store.bury(letters, most=most)
        return positions

    def _tell(self, batch: Batch) -> None:
        self.left_erased = self.left_erased or batch.counts["erased"] > 0
        self._report.stored(batch)
        for reason, number in batch.counts.items():
            if number:
                self._count(reason, number)
                self._warn(reason)

    def _warn(self, reason: str) -> None:
        """Of what should not happen in a sound set-up, once per kind and minute."""
        more = self._seldom.due(reason) if reason in _UNSOUND else None
        if more is not None:
            logger.warning("%s%s", _UNSOUND[reason], more)

    def _flushed_until(self) -> float:
        """Up to which due time a ``flush`` asked windows to end."""
        try:
            return (self._data_dir / FLUSH).stat().st_mtime + self._rules.window
        except FileNotFoundError:
            return 0.0
