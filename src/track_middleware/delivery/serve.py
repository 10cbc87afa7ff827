"""From the store to one destination: reads, filters, sends, judges, remembers.

What is simply delivered only moves the job's position. An outage of the whole destination moves
nothing and writes no rows: the job is paused, longer and longer, and goes on where it stood. One
event that must wait becomes a row, and so do the later ones of its visitor (held behind it).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from ..destinations import DELIVERED, Verdict
from ..destinations.registry import Route
from ..errors import StoreError
from . import emission, pace, report, retry
from .circuit import Circuit
from .items import Item, Roads, of_log
from .sending import Sending
from .store import Job, Learnt, Ledger, Log, Outcome, Stored
from .transport import Transport
from .whom import Whom

#: How often rows that wait are looked at, in seconds.
LOOK = 1.0

_UNREADABLE = Verdict("refused", "its body cannot be read")
_GONE = "it is no longer in the log"


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one step goes by: the job as it is, the roads that its events need not take again."""

    job: Job
    roads: Roads


class Serve:
    """Serves one job. Called by one thread, which holds the lease.

    ``may_send`` is asked before each call: False ends the step; what was answered by then is noted,
    which the ledger refuses (Deposed) when somebody else leads. ``find`` looks the job up (the
    destination's live one when left out).
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
        self._route = route
        self._destination = route.destination
        self._log = log
        self._ledger = ledger
        self._transport = transport
        self._now = now
        self._random = random
        self._may_send = may_send
        self._find = find or (lambda: ledger.job(route.name))
        self._content = emission.content(
            route.fields, on_the_wire=hasattr(route.destination, "wire_calls")
        )
        self._whom = Whom(ledger.merges, route)
        self._circuit = Circuit(
            ledger, name=route.name, now=now, random=random, is_kept=self._is_kept
        )
        self._report = report.Report(destination=route.name)

    def once(self) -> float | None:
        """Serves until nothing is due; when to come again (epoch seconds), None: at new events."""
        while (again := self.step()) is not None and again <= self._now():
            pass
        return again

    def step(self) -> float | None:
        """Sends one batch of what waited and one of what is new; when to come again, as ``once``.

        A moment that has come says that there may be more at once. A half-open circuit is asked
        with one event, a new one if there is any: one that waits has perhaps broken it before.
        """
        job = self._find()
        self._circuit.witness.look(self._now())
        again = self._circuit.again(job)
        if again is not None:
            return again
        turn = _Turn(job, self._ledger.landed(job, repeat=self._route.repeat))
        steps = [self._step_rows, self._step_log]
        half_open = self._circuit.is_half_open
        if half_open:
            steps.reverse()
        did = False
        for step in steps:
            done = step(turn)
            if done is None:
                return self._circuit.again(self._find())
            did = did or done
            if did and half_open:
                break
            if done:
                turn = replace(turn, job=self._find())
        if did:
            return self._circuit.again(turn.job) or self._now()
        self._circuit.idle(job)
        return self._next(job)

    def _next(self, job: Job) -> float | None:
        """When the next row is due, at most ``LOOK`` from now: others may add rows."""
        now, due = self._now(), self._ledger.next_due(job)
        return None if due is None else min(now + LOOK, max(due, now + LOOK / 20))

    def _is_kept(self, item: Item) -> bool:
        """Whether the log has an event that was sent once; not, while it cannot be read."""
        with suppress(StoreError):
            return any(each.event_id == item.id for each in self._log.get([item.position]))
        return False

    # What waited.

    def _step_rows(self, turn: _Turn) -> bool | None:
        """Sends again what is due: whether there was any; None when the job stopped."""
        job = turn.job
        rows = self._ledger.due(job, self._now(), self._circuit.most(job, self._destination.most))
        if not rows:
            return False
        stored = {each.position: each for each in self._log.get([row.position for row in rows])}
        sending = self._sending(job)
        items = self._items([stored[row.position] for row in rows if row.position in stored],
                            turn.roads, sending)  # fmt: skip
        sending.send(items)
        self._whom.settle(sending.fates)
        told = [self._row_after(row, sending, row.position in stored) for row in rows]
        outcomes = _lined_up([outcome for outcome in told if outcome])
        settled = [each.event_id for each in outcomes if each.state == "delivered"]
        self._ledger.settle(job, outcomes, self._learnt(job, sending, settled))
        return self._ended(job, sending, len(settled), stuck=False)

    def _row_after(self, row: Outcome, sending: Sending, present: bool) -> Outcome | None:
        """A row's next state; None leaves it as it is (not the event's fault)."""
        if not present:
            return replace(row, state="refused", reason=_GONE)
        fate = sending.fates.get(row.event_id)
        if fate is None:
            return row
        if fate.pause:
            return None
        if fate.state != "retry":
            return replace(row, state=fate.state, reason=fate.reason)
        return self._retry(row, fate, attempts=row.attempts + 1)

    # What is new.

    def _step_log(self, turn: _Turn) -> bool | None:
        """Sends the next events of the log: whether there were any; None when the job stopped."""
        job, half_open = turn.job, self._circuit.is_half_open
        most = self._circuit.look if half_open else self._circuit.most(job, self._destination.most)
        batch = self._log.read(job.position, most)
        if job.end is not None:
            batch = [each for each in batch if each.position <= job.end]
        if not batch:
            return False
        keys = self._waiting(job, batch)
        wanted = self._route.filter.of(batch if job.end is not None else self._ledger.live(batch))
        sending = self._sending(job)
        items = self._items([each for each in wanted if each.order_key not in keys],
                            turn.roads, sending)  # fmt: skip
        if half_open and items:
            items = self._circuit.probe(job, items)
            batch = [each for each in batch if each.position <= items[-1].position]
            wanted = [each for each in wanted if each.position <= items[-1].position]
        sending.send(items)
        self._whom.settle(sending.fates)
        position = _reached(batch, wanted, sending, keys)
        behind = [each for each in wanted if each.position <= position]
        delivered = {each for each, fate in sending.fates.items() if fate.state == "delivered"}
        settled = [each.event_id for each in behind if each.event_id in delivered]
        others = [each for each in behind if each.event_id not in delivered]
        outcomes = _lined_up(self._outcomes(others, sending))
        if sending.calls or outcomes or position > job.position:
            learnt = self._learnt(job, sending, settled)
            self._ledger.advance(job, max(position, job.position), outcomes, learnt)
        stuck = position < batch[-1].position
        ended = self._ended(job, sending, len(settled), stuck=stuck)
        return ended and (position > job.position or bool(outcomes))

    def _waiting(self, job: Job, batch: Sequence[Stored]) -> frozenset[str]:
        """Those order keys of a batch whose events are held behind one that waits."""
        if not self._ledger.waits(job):
            return frozenset()  # nearly always, and cheaper than asking for each
        return self._ledger.waiting_keys(job, {each.order_key for each in batch})

    def _outcomes(self, events: Sequence[Stored], sending: Sending) -> list[Outcome]:
        """What becomes of these events, which the job leaves behind and which are not delivered."""
        outcomes = []
        for each in events:
            fate = sending.fates.get(each.event_id)
            row = Outcome(each.position, each.event_id, each.order_key, "held")
            if fate is None:
                outcomes.append(row)
            elif fate.state == "refused":
                outcomes.append(replace(row, state="refused", reason=fate.reason))
            elif fate.state == "retry":
                outcomes.append(self._retry(row, fate, attempts=1))
        return outcomes

    # Both.

    def _sending(self, job: Job) -> Sending:
        self._report.begin()
        return Sending(
            self._destination,
            transport=self._transport,
            now=self._now,
            may_send=self._may_send,
            note=partial(self._ledger.note, job),
            repeat=self._route.repeat,
            patience=self._circuit.patience,
            witness=self._circuit.witness,
        )

    def _items(self, events: Sequence[Stored], roads: Roads, sending: Sending) -> Sequence[Item]:
        """Events as they are sent; one that cannot be read is refused, and one that has nothing to
        tell is delivered as it is."""
        items, unreadable = of_log(events, roads, self._content)
        sending.fates.update(dict.fromkeys(unreadable, _UNREADABLE))
        items, passed = self._whom.items(items, {each.kind for each in events})
        sending.fates.update(dict.fromkeys(passed, DELIVERED))
        sending.passed.update(passed)
        return items

    def _learnt(self, job: Job, sending: Sending, settled: Collection[str]) -> Learnt:
        now = self._now()
        self._whom.tell(settled, at=now)
        delivered = len([each for each in settled if each not in sending.passed])
        return Learnt(
            delivered=delivered,
            doubtful=sending.doubtful,
            cut=sending.cut,
            answer=sending.answer,
            at=now,
            rate=pace.per_minute(job, now) + delivered,
            pace=self._circuit.slowed(job, sending),
            flights=sending.flights,
        )

    def _ended(self, job: Job, sending: Sending, events: int, *, stuck: bool) -> bool | None:
        """After a batch was sent and noted: True; None when it ended the step."""
        self._report.sent(sending, events)
        if sending.stopped == "lease":
            return None
        self._circuit.sent(job, sending, events, most=self._destination.most)
        if sending.trouble and (sending.stopped or stuck):
            self._circuit.trip(job, sending.trouble)
            return None
        return True

    def _retry(self, row: Outcome, fate: Verdict, *, attempts: int) -> Outcome:
        due = self._now() + retry.again(attempts, after=fate.after, random=self._random)
        return replace(row, state="retry", reason=fate.reason, attempts=attempts, due=due)


def _lined_up(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Of each order key the first that waits is a retry; the later ones are held behind it."""
    waiting: set[str] = set()
    lined: list[Outcome] = []
    for each in outcomes:
        if each.state in ("retry", "held"):
            if each.order_key in waiting:
                each = replace(each, state="held", due=0.0)
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
