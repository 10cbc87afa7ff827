"""One job's circuit: closed (served), open (left alone for a while), half-open (asked carefully).

After a pause one event is sent; once it went well twice as many follow, and so on, until whole
batches are taken again: then the circuit is closed, and the next pause would begin short. All of it
but the present size is in the job's row, so that a restart changes nothing. A destination that said
"too many" gets its events at a pace (``pace``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ..destinations import Verdict
from . import pace, retry
from .items import Item
from .sending import FAILURES, Sending
from .store import Job, Ledger
from .witness import Witness, is_blame

logger = logging.getLogger("track_middleware")

#: From pauses of this length on, any of several visitors' events is tried, so that one that breaks
#: the destination does not keep the others from it for ever, in seconds.
LONG = 10.0

#: One of so many visitors', in so many events.
_CANDIDATES = 8
_LOOKED_AT = 64

#: The furthest look, for a destination that may have stopped because of a long row of poisons.
_LOOKED_FAR = 8_192


class Circuit:
    """Says when, and how much, one job's destination is sent.

    ``look``: how many events are looked at to find one to ask with, after a pause. ``witness``:
    what the destination is known to take, of what the log still has (``is_kept``).
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        name: str,
        now: Callable[[], float],
        random: retry.Random,
        is_kept: Callable[[Item], bool] = lambda item: True,
    ) -> None:
        self._ledger = ledger
        self._name = name
        self._now = now
        self._random = random
        self.witness = Witness(is_kept)
        self.look = _LOOKED_AT
        self._meter = pace.Meter()
        self._size: int | None = None
        self._rest = 0.0
        self._known = False

    @property
    def is_half_open(self) -> bool:
        """Whether nothing has gone well since the last pause."""
        return self._size == 1

    @property
    def patience(self) -> int:
        """So many failing calls in a row are an outage."""
        return 1 if self.is_half_open else FAILURES

    def again(self, job: Job) -> float | None:
        """When to come again (epoch seconds); None: at once."""
        now, until = self._now(), job.paused_until
        if not self._known:
            self._known = True
            self._size = None if until is None else 1
        if until is not None and until > now:
            self._size = 1  # also where another worker has put it
            if not job.wait or until <= now + job.wait:
                return until
            # It is further off than it was put: the clock went back.
            self._ledger.pause(
                job, now + job.wait, job.pause_reason, wait=job.wait, needs_you=job.needs_you
            )
            return now + job.wait
        return self._rest if now < self._rest <= now + 2 * pace.SPAN else None

    def most(self, job: Job, most: int) -> int:
        """The size of the next batch."""
        allowed = pace.allowed(job, self._now())
        if allowed is not None:
            most = min(most, max(1, int(allowed * pace.part(job) * pace.SPAN)))
        return most if self._size is None else min(most, self._size)

    def probe(self, job: Job, items: Sequence[Item]) -> Sequence[Item]:
        """What is asked with: the first event; in a long outage that of some visitor."""
        if job.wait < LONG:
            return items[:1]
        firsts = {item.order_key: item for item in reversed(items)}.values()
        most = _CANDIDATES if self.look == _LOOKED_AT else self.look
        candidates = sorted(firsts, key=lambda item: item.position)[:most]
        return candidates[int(self._random() * len(candidates)) :][:1]

    def slowed(self, job: Job, sending: Sending) -> float | None:
        """The pace from now on when the destination said "too many"; else None."""
        if not sending.throttled:
            return None
        now = self._now()
        achieved = self._meter.rate(now, refused=sending.throttled) / pace.part(job)
        allowed = pace.allowed(job, now)
        return pace.halved(achieved if allowed is None else min(achieved, allowed))

    def sent(self, job: Job, sending: Sending, events: int, *, most: int) -> None:
        """A batch with so many events was sent; what failed in its course is no outage."""
        now = self._now()
        self._meter.add(events, now)
        allowed = pace.allowed(job, now)
        if allowed is not None:
            self._rest = max(self._rest, now) + events / (allowed * pace.part(job))
        if self._size is not None and sending.calls and not sending.failures:
            self._size *= 2
            if self._size >= most:
                self.close(job)

    def trip(self, job: Job, trouble: Verdict) -> None:
        """Leaves the destination alone for a while; told once, when it begins."""
        base, cap = retry.BASE, retry.LONGEST
        if trouble.pause:
            base, cap = retry.MENDING_BASE, retry.MENDING_LONGEST
        wait = retry.pause(job.wait, after=trouble.after, random=self._random, base=base, cap=cap)
        reason = trouble.reason or "no answer"
        if not job.pause_reason:
            logger.warning("%s: %s; its events wait", self._name, reason)
        self._size = 1
        self._look_on(trouble)
        self._meter.stop()
        until = self._now() + wait
        self._ledger.pause(job, until, reason, wait=wait, needs_you=trouble.pause)

    def _look_on(self, trouble: Verdict) -> None:
        """Further each time, while it cannot be told whether the events are at fault."""
        blind = is_blame([trouble]) and self.witness.item(self._now()) is None
        self.look = min(2 * self.look, _LOOKED_FAR) if blind else _LOOKED_AT

    def close(self, job: Job) -> None:
        """It goes well, or there is nothing to send."""
        self._size, self.look = None, _LOOKED_AT
        if job.paused_until is None and not job.pause_reason:
            return
        self._ledger.pause(job, None, "")
        logger.warning("%s takes events again", self._name)

    def idle(self, job: Job) -> None:
        """There is nothing to send."""
        self._meter.stop()
        if not self.is_half_open:
            self.close(job)
