"""Events from elsewhere than the live site, into spool segments of their own.

A backfill or an import hands its events over here. The worker drains their segments as it drains
any other, so that ids, consent, enrichment and erasure hold, and yet by themselves: no live event
waits for them, and each destination gets them by a job of its own. What waits between here and the
store is bounded, whatever the source's size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from ..delivery import segments
from ..delivery.spool import Spool
from ..delivery.store.whole import Store
from ..errors import Refused
from ..event import Entry

#: So many bytes may wait to be drained; then ``add`` waits.
WAITING = 8 * 2**20

#: Entries of one write.
_AT_ONCE = 250

#: How often it is looked whether the worker has taken something, in seconds.
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entries were kept, and how many can never be (too long, no JSON)."""

    kept: int = 0
    refused: int = 0


def context(version: str) -> msgspec.Raw:
    """The context of an event that says no more than that it was backfilled."""
    about = {"library": {"name": "track-middleware", "version": version}, "platform": "backfill"}
    return msgspec.Raw(msgspec.json.encode(about))


class Intake:
    """Takes the entries of one backfill: of kind ``event``, origin ``server`` or the source's own,
    ``at`` now, the event's ``timestamp`` its own. One thread uses it; ``close`` it.

    ``number``: from ``store.backfills.begin``, which makes the jobs; the same one when it is
    resumed. ``min_free``: the setting of that name. ``waited`` is told, at each look, for how many
    seconds the worker has taken nothing.
    """

    def __init__(
        self,
        data_dir: Path,
        store: Store,
        number: int,
        *,
        min_free: str = "",
        count: Callable[[str, int], object] = lambda reason, n: None,
        waiting: int = WAITING,
        waited: Callable[[float], object] = lambda seconds: None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.number = number
        self._data_dir = data_dir
        self._store = store
        self._most = waiting
        self._waited = waited
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._mark = segments.mark(number)
        self._spool = Spool(
            data_dir,
            now=now,
            min_free=min_free,
            count=count,
            segment_bytes=max(waiting // 4, 2**16),
            mark=self._mark,
        )

    def add(self, entries: Iterable[Entry]) -> Counts:
        """Appends entries, waiting while too much waits; what it returns for is on disk.

        Refused when the disk is full or low: what came before is kept, and what is given again is
        known by its ids.
        """
        kept = refused = 0
        remaining = iter(entries)
        while group := list(islice(remaining, _AT_ONCE)):
            self._wait_below(self._most)
            lost = self._keep(group)
            kept, refused = kept + len(group) - lost, refused + lost
        return Counts(kept, refused)

    def finish(self) -> None:
        """After the last entry: waits until all are in the store, and says so there."""
        self._spool.close()
        self._wait_below(1)
        self._store.backfills.stored(self.number, self._now())

    def close(self) -> None:
        """Ends the segment. What was added is drained and delivered, now or by a later worker."""
        self._spool.close()

    def bytes_waiting(self) -> int:
        """How much of this backfill is not in the store yet."""
        offsets = self._store.intake.offsets()
        return sum(
            max(0, size.length - offsets.get(size.name, 0))
            for size in segments.sizes(self._data_dir)
            if segments.backfill_of(size.name) == self.number
        )

    def _keep(self, group: Sequence[Entry]) -> int:
        """Writes entries; how many of them were refused for what they are."""
        frames = self._spool.encode(group)
        if frames is not None:
            self._write(frames)
            return 0
        if len(group) == 1:
            return 1
        return sum(self._keep([each]) for each in group)

    def _write(self, frames: bytes) -> None:
        if not self._spool.write(frames):
            raise Refused(self._spool.reason)

    def _wait_below(self, most: int) -> None:
        """Waits until fewer bytes than this wait."""
        waiting = self.bytes_waiting()
        least, since = waiting, self._monotonic()
        while waiting >= most:
            self._sleep(_LOOK)
            self._waited(self._monotonic() - since)
            waiting = self.bytes_waiting()
            if waiting < least:
                least, since = waiting, self._monotonic()
