"""How far the destinations are with a backfill, and waiting for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..delivery.store.replays import Replay
from ..delivery.store.whole import Store
from .progress import Bar

_LOOK = 0.1


@dataclass(frozen=True, slots=True)
class Arrived:
    """One destination's share. ``sent``: so much of ``events`` its job has done with, of which
    ``waiting`` are retried or held; ``over``: it has nothing left to do. ``pause``: why the
    destination rests."""

    name: str
    events: int
    sent: int
    waiting: int
    over: bool
    pause: str

    @property
    def is_on_its_way(self) -> bool:
        """Whether more will be sent soon."""
        return not (self.over or self.pause or (self.waiting and self.sent >= self.events))

    @property
    def is_well(self) -> bool:
        """Whether nothing is left to send."""
        return self.over

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name, "events": self.events, "sent": self.sent, "waiting": self.waiting,
            "over": self.over, "pauseReason": self.pause,
        }  # fmt: skip

    def line(self) -> str:
        """As text has it."""
        if self.over:
            return f"destination  {self.name}: all {self.events:,} sent"
        why = f"; it rests: {self.pause}" if self.pause else ""
        return (
            f"destination  {self.name}: {self.sent:,} of {self.events:,} sent, "
            f"{self.waiting:,} wait{why}; the worker goes on, track-middleware status tells"
        )


def arrived(store: Store, number: int) -> list[Arrived]:
    """Each destination's share of a backfill."""
    return [_of(store, each) for each in store.replays.all() if each.backfill == number]


def delivered(store: Store, number: int) -> list[Arrived]:
    """The shares, once no destination will be sent more soon; a bar shows them coming."""
    found = arrived(store, number)
    bar = Bar("deliveries", sum(each.events for each in found))
    while any(each.is_on_its_way for each in found):
        bar.at(sum(each.sent for each in found))
        time.sleep(_LOOK)
        found = arrived(store, number)
    if found:
        bar.end(sum(each.sent for each in found))
    return found


def _of(store: Store, replay: Replay) -> Arrived:
    rows = store.count(replay.job)
    live = [job for job in store.jobs()
            if job.destination == replay.job.destination and job.end is None]  # fmt: skip
    pauses = [job.pause_reason for job in (replay.job, *live) if job.paused_until]
    assert replay.backfill is not None
    left = store.backfills.size(replay.backfill, after=replay.job.position)
    return Arrived(
        replay.job.destination,
        replay.total,
        replay.total if replay.ended else replay.total - left,
        0 if replay.ended else rows.get("retry", 0) + rows.get("held", 0),
        replay.ended is not None,
        "" if replay.ended or not pauses else pauses[0],
    )
