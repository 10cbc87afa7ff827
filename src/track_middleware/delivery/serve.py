"""From the store to one destination: reads, filters, sends, judges, remembers.

What is simply delivered only moves the job's position. An outage of the whole destination moves
nothing and writes no rows: the job is paused, longer and longer, and goes on where it stood. One
event that must wait becomes a row, and so do the later ones of its visitor (held behind it).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from ..destinations import Verdict
from ..destinations.registry import Route
from . import emission, retry
from .sending import Item, Sending
from .store import Job, Ledger, Log, Outcome, Stored
from .transport import Transport

logger = logging.getLogger("track_middleware")

#: How often rows that wait are looked at, in seconds.
LOOK = 1.0

_UNREADABLE = Verdict("refused", "its body cannot be read")
_GONE = "it is no longer in the log"


class Serve:
    """Serves one job. Called by one thread, which holds the lease.

    ``may_send`` is asked before each call: False ends the step, and nothing more is written.
    ``find`` looks the job up (the destination's live one when left out). ``cut`` counts values that
    were shortened to the vendor's limits.
    """

    def __init__(
        self,
        route: Route,
        *,
        log: Log,
        ledger: Ledger,
        transport: Transport,
        now: Callable[[], float],
        random: retry.Random,
        may_send: Callable[[], bool],
        find: Callable[[], Job] | None = None,
    ) -> None:
        self.name = route.name
        self.cut = 0
        self._destination = route.destination
        self._filter = route.filter
        self._log = log
        self._ledger = ledger
        self._transport = transport
        self._now = now
        self._random = random
        self._may_send = may_send
        self._find = find or (lambda: ledger.job(route.name))
        self._wire = hasattr(route.destination, "wire_calls")
        self._last_wait: float | None = None

    def once(self) -> float | None:
        """Serves until nothing is due; when to come again (epoch seconds), None: at new events."""
        while (again := self.step()) is not None and again <= self._now():
            pass
        return again

    def step(self) -> float | None:
        """Sends one batch of what waited and one of what is new; when to come again, as ``once``.

        A moment that has come says that there may be more at once.
        """
        job, now = self._find(), self._now()
        if self._last_wait is None:
            self._last_wait = max(0.0, (job.paused_until or now) - now)
        if job.paused_until is not None and job.paused_until > now:
            return job.paused_until
        waited = self._step_rows(job)
        if waited is None:
            return self._find().paused_until
        moved = self._step_log(job)
        if moved is None:
            return self._find().paused_until
        self._resume(job)
        if waited or moved:
            return now
        return now + LOOK if self._ledger.waits(job) else None

    def _step_rows(self, job: Job) -> bool | None:
        """Sends again what is due: whether there was any; None when the job stopped."""
        if not self._ledger.waits(job):
            return False
        rows = self._ledger.due(job, self._now(), self._destination.most)
        if not rows:
            return False
        stored = {each.position: each for each in self._log.get([row.position for row in rows])}
        sending = self._sent([stored[row.position] for row in rows if row.position in stored])
        if sending.stopped == "lease":
            return None
        told = [self._row_after(row, sending, row.position in stored) for row in rows]
        self._ledger.settle(job, _lined_up([outcome for outcome in told if outcome]))
        return None if sending.stopped and self._pause(job, sending.trouble) else True

    def _row_after(self, row: Outcome, sending: Sending, present: bool) -> Outcome | None:
        """A row's next state; None leaves it as it is (not sent, or not the event's fault)."""
        if not present:
            return _outcome_of(row, "refused", reason=_GONE)
        fate = sending.fates.get(row.event_id)
        if fate is None:
            return row
        if fate.pause:
            return None
        if fate.state != "retry":
            return _outcome_of(row, fate.state, reason=fate.reason)
        return self._retry(row, fate, attempts=row.attempts + 1)

    def _step_log(self, job: Job) -> bool | None:
        """Sends the next events of the log: whether there were any; None when the job stopped."""
        batch = self._log.read(job.position, self._destination.most)
        if job.end is not None:
            batch = [each for each in batch if each.position <= job.end]
        if not batch:
            return False
        keys = self._ledger.waiting_keys(job, {each.order_key for each in batch})
        wanted = [each for each in batch if self._wants(each)]
        sending = self._sent([each for each in wanted if each.order_key not in keys])
        if sending.stopped == "lease":
            return None
        position = _reached(batch, wanted, sending, keys)
        outcomes = self._outcomes([each for each in wanted if each.position <= position], sending)
        if outcomes or position > job.position:
            self._ledger.advance(job, position, _lined_up(outcomes))
        stopped = sending.stopped or position < batch[-1].position
        return None if stopped and self._pause(job, sending.trouble) else True

    def _wants(self, stored: Stored) -> bool:
        known = self._filter.wants(stored.label, bot=stored.bot)
        return known and self._filter.permitted(stored.body)

    def _sent(self, events: Sequence[Stored]) -> Sending:
        sending = Sending(
            self._destination,
            transport=self._transport,
            now=self._now,
            may_send=self._may_send,
        )
        items = []
        for each in events:
            try:
                content = emission.wire(each) if self._wire else emission.event(each)
            except msgspec.DecodeError:
                sending.fates[each.event_id] = _UNREADABLE
                continue
            items.append(Item(each.event_id, each.order_key, content))
        sending.send(items)
        self.cut += sending.cut
        return sending

    def _outcomes(self, events: Sequence[Stored], sending: Sending) -> list[Outcome]:
        """What is not simply delivered, of the events that the job leaves behind."""
        outcomes = []
        for each in events:
            fate = sending.fates.get(each.event_id)
            row = Outcome(each.position, each.event_id, each.order_key, "held")
            if fate is None:
                outcomes.append(row)
            elif fate.state == "refused":
                outcomes.append(_outcome_of(row, "refused", reason=fate.reason))
            elif fate.state == "retry":
                outcomes.append(self._retry(row, fate, attempts=1))
        return outcomes

    def _retry(self, row: Outcome, fate: Verdict, *, attempts: int) -> Outcome:
        due = self._now() + retry.again(attempts, after=fate.after, random=self._random)
        return _outcome_of(row, "retry", reason=fate.reason, attempts=attempts, due=due)

    def _pause(self, job: Job, trouble: Verdict | None) -> bool:
        """Leaves the destination alone for a while; told once, when it begins."""
        if trouble is None:
            return False
        base, cap = retry.BASE, retry.LONGEST
        if trouble.pause:
            base, cap = retry.MENDING_BASE, retry.MENDING_LONGEST
        wait = retry.pause(
            self._last_wait or 0.0, after=trouble.after, random=self._random, base=base, cap=cap
        )
        if not job.pause_reason:
            logger.warning("%s: %s; its events wait", self.name, trouble.reason)
        self._last_wait = wait
        self._ledger.pause(job, self._now() + wait, trouble.reason or "no answer")
        return True

    def _resume(self, job: Job) -> None:
        self._last_wait = 0.0
        if job.paused_until is None and not job.pause_reason:
            return
        self._ledger.pause(job, None, "")
        logger.warning("%s takes events again", self.name)


def _outcome_of(
    row: Outcome,
    state: Literal["delivered", "retry", "held", "refused"],
    *,
    reason: str,
    attempts: int = 0,
    due: float = 0.0,
) -> Outcome:
    return Outcome(row.position, row.event_id, row.order_key, state, attempts, due, reason)


def _lined_up(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Of each order key the first that waits is a retry; the later ones are held behind it."""
    waiting: set[str] = set()
    lined: list[Outcome] = []
    for each in outcomes:
        if each.state in ("retry", "held"):
            if each.order_key in waiting:
                each = _outcome_of(each, "held", reason="")
            waiting.add(each.order_key)
        lined.append(each)
    return lined


def _reached(
    batch: Sequence[Stored], wanted: Sequence[Stored], sending: Sending, keys: frozenset[str]
) -> int:
    """The position behind which a batch leaves the job.

    Events that the destination has spoken about are left behind, with the ones before them; where
    only failed and unsent ones follow, the job stays in front of those.
    """
    stuck = None
    for each in reversed(wanted):
        if each.order_key in keys:
            continue
        if each.event_id in sending.fates and each.event_id not in sending.failed:
            break
        stuck = each.position
    return batch[-1].position if stuck is None else stuck - 1
