"""One batch on its way to a destination: its calls in order, halved, resent, held, until each event
has a fate.

Order: once an event has to wait, the later ones of its visitor are not sent in this batch. A few
failing calls in a row stop the batch: then it is the destination that is down, not a call. A call
that must not be repeated is noted before it leaves; one of which nobody knows whether it was taken
stops the batch at once, so that as little as possible is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby
from typing import Literal, cast

import msgspec

from ..destinations import DELIVERED, Answer, Call, Destination, Outbound, Verdict, WireDestination
from ..destinations.answers import GATEWAYS
from ..event import Event
from .batch import MISTAKES
from .lines import Silence
from .store import Flight
from .transport import Transport

#: So many failing calls in a row are an outage.
FAILURES = 3

_RANK = {"delivered": 0, "refused": 1, "retry": 2}
_UNSAID = Verdict("refused", "the destination says neither where it goes nor why not")


class Item(msgspec.Struct, frozen=True, gc=False):
    """An event to be sent; ``content`` is its wire JSON for destinations that take that.

    ``taken``: the roads over which it must not be sent again.
    """

    id: str
    order_key: str
    content: Event | bytes
    position: int = 0
    taken: frozenset[bytes] = frozenset()


class Sending:
    """Sends the events of a batch and keeps what became of them.

    ``fates``: the worst verdict of each event all of whose calls were sent, or that must wait.
    ``failed``: those whose whole call failed. An event in neither has a call that was not sent: its
    visitor is in ``blocked``, or the batch ``stopped`` (``lease``: somebody else delivers now).
    ``passed``: delivered, because the destination has nothing for them. ``doubtful``: how many may
    have been taken or not; they count as delivered, or with ``repeat`` wait like others.
    ``flights``: what is known by now of calls that must not be repeated, since ``note`` was called
    last. ``answer``: what was heard last, in words. ``throttled``: the size of a call that was
    answered 429 without a word for how long.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        transport: Transport,
        now: Callable[[], float],
        may_send: Callable[[], bool],
        note: Callable[[Sequence[Flight]], None] = lambda flights: None,
        repeat: bool = False,
        patience: int = FAILURES,
    ) -> None:
        self.fates: dict[str, Verdict] = {}
        self.failed: set[str] = set()
        self.blocked: set[str] = set()
        self.passed: set[str] = set()
        self.flights: list[Flight] = []
        self.trouble: Verdict | None = None
        self.stopped: Literal["", "outage", "pause", "lease"] = ""
        self.answer = ""
        self.calls = self.cut = self.doubtful = self.throttled = self.failures = 0
        self._unsent: set[str] = set()
        self._destination = destination
        self._transport = transport
        self._now = now
        self._may_send = may_send
        self._note_flights = note
        self._repeat = repeat
        self._patience = patience

    def send(self, items: Sequence[Item]) -> None:
        """Sends these events, in order, and whatever of them must be sent again at once."""
        for _, alike in groupby(items, key=lambda item: item.taken):
            self._send(list(alike))
        for each in self._unsent & self.fates.keys():
            if self.fates[each].state != "retry":
                del self.fates[each]

    def _send(self, items: Sequence[Item], *, only: str | None = None, again: bool = False) -> None:
        """Sends items that have the same roads behind them; ``only`` over the road of this URL.

        ``again``: a part of them came back once already.
        """
        if not items or self.stopped:
            self._unsent.update(item.id for item in items)
            return
        by_id = {item.id: item for item in items}
        outbound = self._outbound(items)
        if only is None:
            self.cut += outbound.cut
            calls = [call for call in outbound.calls if _road(call) not in items[0].taken]
        else:
            calls = [call for call in outbound.calls if call.url == only] or [*outbound.calls]
        self._settle(by_id, outbound, calls)
        for call in calls:
            self._pass(call, [by_id[each] for each in dict.fromkeys(call.ids)], again=again)

    def _settle(self, by_id: dict[str, Item], outbound: Outbound, calls: Sequence[Call]) -> None:
        """Notes what is decided without a call; what was taken over every road is delivered."""
        carried = {each for call in calls for each in call.ids}
        taken = {each for call in outbound.calls for each in call.ids} - carried
        for each, item in by_id.items():
            verdict = outbound.settled.get(each)
            if verdict is not None:
                self._note(item, verdict)
            elif each in taken:
                self._note(item, DELIVERED)
            elif each not in carried:
                self._note(item, _UNSAID)
            if verdict is not None and verdict.state == "delivered" and each not in carried:
                self.passed.add(each)

    def _outbound(self, items: Sequence[Item]) -> Outbound:
        """The codec's calls. An event that it fails on is refused, and stops no other."""
        try:
            made = self._made(items)
            known = {item.id for item in items}
            if known.issuperset(made.settled) and all(known.issuperset(c.ids) for c in made.calls):
                return made
            raise LookupError("a call for an event that was not given")
        except MISTAKES as error:
            if len(items) == 1:
                reason = f"the destination's code fails on it: {type(error).__name__}: {error}"
                return Outbound((), {items[0].id: Verdict("refused", reason[:300])})
        one, other = map(self._outbound, _halved(items))
        settled = {**one.settled, **other.settled}
        return Outbound([*one.calls, *other.calls], settled, one.cut + other.cut)

    def _made(self, items: Sequence[Item]) -> Outbound:
        if isinstance(items[0].content, bytes):
            wire = cast("WireDestination", self._destination)
            pairs = [(item.id, cast("bytes", item.content)) for item in items]
            return wire.wire_calls(pairs, self._now())
        events = [cast("Event", item.content) for item in items]
        return self._destination.calls(events, self._now())

    def _pass(self, call: Call, items: Sequence[Item], *, again: bool) -> None:
        """Sends a call, or what is left of it without the events that must wait."""
        free = [item for item in items if item.order_key not in self.blocked]
        if self.stopped:
            free = []
        if len(free) < len(items):
            self._unsent.update({item.id for item in items} - {item.id for item in free})
            self._send(free, only=call.url, again=again)
            return
        if not self._may_send():
            self.stopped = "lease"
            self._unsent.update(item.id for item in items)
            return
        if not call.repeatable:
            leaving = [Flight(item.position, _road(call), False) for item in items]
            self._note_flights([*self.flights, *leaving])
            self.flights = []
        self._judge(call, items, again=again)

    def _judge(self, call: Call, items: Sequence[Item], *, again: bool) -> None:
        self.calls += 1
        answer = self._transport(call)
        verdicts, known = self._verdicts(call, answer)
        doubtful = set()
        if not (call.repeatable or known):
            doubtful = {each for each, verdict in verdicts.items() if verdict.state == "retry"}
            self.doubtful += len(doubtful)
        unheard, trouble = _unheard(verdicts.values()), verdicts[items[0].id]
        if unheard and _is_throttling(answer) and trouble.after is None:
            self.throttled = len(items)
        if doubtful and not self._repeat:
            verdicts.update(dict.fromkeys(doubtful, Verdict("delivered", trouble.reason)))
        if not call.repeatable:
            for item in items:
                taken = True if verdicts[item.id].state == "delivered" else None
                self.flights.append(Flight(item.position, _road(call), taken))
        if unheard:
            self._fail(items, verdicts, trouble, doubt=bool(doubtful))
            return
        self.failures = 0
        self._sort(call, items, verdicts, again=again)

    def _verdicts(self, call: Call, answer: Answer | Silence) -> tuple[dict[str, Verdict], bool]:
        """The worst verdict of each event, and whether it is known what became of the call."""
        heard = answer if isinstance(answer, Answer) else None
        known = heard.status not in GATEWAYS if heard else not cast("Silence", answer).sent
        try:
            judged = list(zip(call.ids, self._destination.judge(call, heard), strict=True))
        except MISTAKES as error:
            wait = Verdict("retry", f"its answer cannot be read: {type(error).__name__}")
            judged, known = [(each, wait) for each in call.ids], False
        worst: dict[str, Verdict] = {}
        for each, verdict in judged:
            if verdict.state == "retry" and isinstance(answer, Silence):
                verdict = replace(verdict, reason=answer.reason)
            worst[each] = _worse(worst.get(each), verdict)
        self.answer = _words(call, answer, worst.values())
        return worst, known

    def _fail(
        self, items: Sequence[Item], verdicts: dict[str, Verdict], trouble: Verdict, *, doubt: bool
    ) -> None:
        for item in items:
            self._note(item, verdicts[item.id])
            if verdicts[item.id].state == "retry":
                self.failed.add(item.id)
        self.trouble = trouble
        self.failures += 1
        if trouble.pause:
            self.stopped = "pause"
        elif doubt or self.failures >= self._patience:
            self.stopped = "outage"

    def _sort(
        self, call: Call, items: Sequence[Item], verdicts: dict[str, Verdict], *, again: bool
    ) -> None:
        """Notes what is decided and sends the rest again at once, in order: whole the first time,
        in halves from then on, so that a vendor that names one event at a time ends too."""
        back: list[Item] = []
        for item in items:
            verdict = verdicts[item.id]
            if verdict.state == "delivered" and not (verdict.split or item.id in self.fates):
                self.fates[item.id] = verdict
            elif _comes_back(verdict):
                back.append(item)
            else:
                self._note(item, verdict)
        if not again and not any(verdicts[item.id].split for item in back):
            self._send(back, only=call.url, again=True)
            return
        if len(back) == 1 and verdicts[back[0].id].split:
            self._note(back[0], Verdict("refused", verdicts[back[0].id].reason))
            return
        for half in _halved(back):
            self._send(half, only=call.url, again=True)

    def _note(self, item: Item, verdict: Verdict) -> None:
        self.fates[item.id] = _worse(self.fates.get(item.id), verdict)
        if verdict.state == "retry":
            self.blocked.add(item.order_key)


def _road(call: Call) -> bytes:
    """What tells the calls of one event apart, without the key that a URL may hold."""
    return blake2b(call.url.encode(), digest_size=8).digest()


def _words(call: Call, answer: Answer | Silence, verdicts: Collection[Verdict]) -> str:
    """What was heard, in words; the verdicts' reasons hold no secrets."""
    reason = next((each.reason for each in verdicts if each.state != "delivered"), "")
    if isinstance(answer, Silence):
        return answer.reason
    if not call.url.startswith("http"):
        return reason or "taken"
    said = f"HTTP {answer.status}"
    return reason if reason.startswith(said) else f"{said}: {reason}".rstrip(": ")


def _is_throttling(answer: Answer | Silence) -> bool:
    return isinstance(answer, Answer) and answer.status == 429


def _unheard(verdicts: Collection[Verdict]) -> bool:
    """The call as a whole came to nothing: all wait alike, and nothing says how to do better."""
    waiting = all(each.state == "retry" and not (each.split or each.alone) for each in verdicts)
    return waiting and len({_at_once(each) for each in verdicts}) == 1


def _comes_back(verdict: Verdict) -> bool:
    return verdict.split or _at_once(verdict)


def _at_once(verdict: Verdict) -> bool:
    return verdict.state == "retry" and verdict.after == 0 and not (verdict.split or verdict.alone)


def _worse(one: Verdict | None, other: Verdict) -> Verdict:
    if one is None or _RANK[other.state] > _RANK[one.state]:
        return other
    return one


def _halved(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]
