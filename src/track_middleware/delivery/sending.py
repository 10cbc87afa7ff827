"""One batch on its way to a destination: its calls in order, halved, resent, held, until each event
has a fate.

Order: once an event has to wait, the later ones of its visitor are not sent in this batch. A few
failing calls in a row stop the batch: then it is the destination that is down, not a call. A call
that must not be repeated is noted before it leaves; one of which nobody knows whether it was taken
stops the batch at once, so that as little as possible is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby
from typing import Literal, cast

from ..destinations import DELIVERED, Answer, Call, Destination, Outbound, Verdict
from ..destinations.answers import GATEWAYS
from .batch import MISTAKES
from .items import Item, halved, outbound
from .lines import Silence
from .store import Flight
from .transport import Transport
from .verdicts import comes_back, is_throttling, unheard, words, worse
from .witness import CROWD, Witness, is_blame

#: So many failing calls in a row are an outage.
FAILURES = 3

#: What a call's verdicts are when the whole call was taken.
_ALL_TAKEN = {id(DELIVERED)}

_UNSAID = Verdict("refused", "the destination says neither where it goes nor why not")


class Sending:
    """Sends the events of a batch and keeps what became of them.

    ``fates``: the worst verdict of each event all of whose calls were sent, or that must wait.
    ``failed``: those whose whole call failed. An event in neither has a call that was not sent: its
    visitor is in ``blocked``, or the batch ``stopped`` (``lease``: somebody else delivers now).
    ``passed``: delivered, because the destination has nothing for them. ``doubtful``: how many may
    have been taken or not; they count as delivered, or with ``repeat`` wait like others.
    ``flights``: what is known by now of calls that must not be repeated, since ``note`` was called
    last. ``answer``: what was heard last, in words. ``throttled``: the size of a call that was
    answered 429 without a word for how long. ``witness``: what its destination can be asked with.
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
        witness: Witness | None = None,
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
        self._suspects: list[tuple[Item, Verdict]] = []
        self._destination = destination
        self._transport = transport
        self._now = now
        self._may_send = may_send
        self._note_flights = note
        self._repeat = repeat
        self._patience = patience
        self._witness = witness or Witness()

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
        made = outbound(self._destination, items, self._now())
        if only is None:
            self.cut += made.cut
            calls = [call for call in made.calls if _road(call) not in items[0].taken]
        else:
            calls = [call for call in made.calls if call.url == only] or [*made.calls]
            moved = _carried(made.calls) - _carried(calls)
            if moved:  # these go another way by now (a codec may look at their age)
                self._send([item for item in items if item.id in moved], again=again)
                items = [item for item in items if item.id not in moved]
        by_id = {item.id: item for item in items}
        self._settle(by_id, made, calls)
        for call in calls:
            self._pass(call, [by_id[each] for each in dict.fromkeys(call.ids)], again=again)
            if only is None and self._suspects and not self.stopped:
                self._decide()

    def _settle(self, by_id: dict[str, Item], made: Outbound, calls: Sequence[Call]) -> None:
        """Notes what is decided without a call; what was taken over every road is delivered."""
        carried = _carried(calls)
        if not made.settled and len(carried) == len(by_id):
            return  # nearly always: each goes with a call
        taken = _carried(made.calls) - carried
        for each, item in by_id.items():
            verdict = made.settled.get(each)
            if verdict is not None:
                self._note(item, verdict)
            elif each in taken:
                self._note(item, DELIVERED)
            elif each not in carried:
                self._note(item, _UNSAID)
            if verdict is not None and verdict.state == "delivered" and each not in carried:
                self.passed.add(each)

    def _pass(self, call: Call, items: Sequence[Item], *, again: bool) -> None:
        """Sends a call, or what is left of it without the events that must wait."""
        free = [] if self.stopped else items
        if self.blocked:
            free = [item for item in free if item.order_key not in self.blocked]
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
        silent, trouble = unheard(verdicts.values()), verdicts[items[0].id]
        if silent and is_throttling(answer) and trouble.after is None:
            self.throttled = len(items)
        if doubtful and not self._repeat:
            verdicts.update(dict.fromkeys(doubtful, Verdict("delivered", trouble.reason)))
        if not call.repeatable:
            for item in items:
                taken = True if verdicts[item.id].state == "delivered" else None
                self.flights.append(Flight(item.position, _road(call), taken))
        if silent:
            self._fail(items, verdicts, trouble, doubt=bool(doubtful))
            return
        self.failures = 0
        blame = is_blame(verdicts.values())
        if blame and not again and self._is_well() is False:
            self._fail(items, verdicts, trouble, doubt=False)
            return
        if not blame:
            self._heard(call, items, verdicts)
        self._sort(call, items, verdicts, again=again)

    # An answer that may mean an event in the call or the whole destination.

    def _heard(self, call: Call, items: Sequence[Item], verdicts: dict[str, Verdict]) -> None:
        """It is not the destination: whoever was suspected until now is refused."""
        self._refuse_suspects()
        taken = (item for item in items if verdicts[item.id].state == "delivered")
        if call.repeatable and (known := next(taken, None)):
            self._witness.keep(known, self._now())

    def _decide(self) -> None:
        """Decides about events after which nothing was taken. Without a witness a few are refused;
        from many in a row, or from one that asks after a pause, nothing can be concluded."""
        well = self._is_well()
        if self.stopped:
            return
        if well is None:
            crowd = CROWD if self._patience > 1 else 1
            well = self._witness.refused + len(self._suspects) < crowd
            self._witness.refused += len(self._suspects) if well else 0
        if well:
            self._refuse_suspects()
            return
        verdicts = {item.id: verdict for item, verdict in self._suspects}
        items = [item for item, _ in self._suspects]
        self._suspects = []
        self._fail(items, verdicts, verdicts[items[0].id], doubt=False)

    def _refuse_suspects(self) -> None:
        for item, verdict in self._suspects:
            self._note(item, Verdict("refused", verdict.reason))
        self._suspects = []

    def _is_well(self) -> bool | None:
        """Whether the destination takes an event that it has already; None: nobody can ask."""
        known = self._witness.item(self._now())
        calls = outbound(self._destination, [known], self._now()).calls if known else ()
        call = next((each for each in calls if each.repeatable), None)
        if call is None:
            return None
        if not self._may_send():
            self.stopped = "lease"
            return None
        verdicts, _ = self._verdicts(call, self._transport(call))
        return not (is_blame(verdicts.values()) or unheard(verdicts.values()))

    def _verdicts(self, call: Call, answer: Answer | Silence) -> tuple[dict[str, Verdict], bool]:
        """The worst verdict of each event, and whether it is known what became of the call."""
        heard = answer if isinstance(answer, Answer) else None
        known = heard.status not in GATEWAYS if heard else not cast("Silence", answer).sent
        try:
            answered = zip(call.ids, self._destination.judge(call, heard), strict=True)
            judged = [verdict for _, verdict in answered]
        except MISTAKES as error:
            wait = Verdict("retry", f"its answer cannot be read: {type(error).__name__}")
            judged, known = [wait] * len(call.ids), False
        if heard and len(set(map(id, judged))) == 1:
            self.answer = words(call, answer, judged[:1])
            return dict.fromkeys(call.ids, judged[0]), known
        worst: dict[str, Verdict] = {}
        for each, verdict in zip(call.ids, judged, strict=True):
            if verdict.state == "retry" and isinstance(answer, Silence):
                verdict = replace(verdict, reason=answer.reason)
            worst[each] = worse(worst.get(each), verdict)
        self.answer = words(call, answer, worst.values())
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
        if set(map(id, verdicts.values())) == _ALL_TAKEN and self.fates.keys().isdisjoint(verdicts):
            self.fates.update(verdicts)  # nearly always
            return
        back: list[Item] = []
        for item in items:
            verdict = verdicts[item.id]
            if verdict.state == "delivered" and not (verdict.split or item.id in self.fates):
                self.fates[item.id] = verdict
            elif comes_back(verdict):
                back.append(item)
            else:
                self._note(item, verdict)
        if not again and not any(verdicts[item.id].split for item in back):
            self._send(back, only=call.url, again=True)
            return
        if len(back) == 1 and verdicts[back[0].id].split:
            self._suspects.append((back[0], verdicts[back[0].id]))
            if not verdicts[back[0].id].pause:
                self._refuse_suspects()
            return
        for half in halved(back):
            self._send(half, only=call.url, again=True)

    def _note(self, item: Item, verdict: Verdict) -> None:
        self.fates[item.id] = worse(self.fates.get(item.id), verdict)
        if verdict.state == "retry":
            self.blocked.add(item.order_key)


def _carried(calls: Sequence[Call]) -> set[str]:
    return {each for call in calls for each in call.ids}


def _road(call: Call) -> bytes:
    """What tells the calls of one event apart, without the key that a URL may hold."""
    return blake2b(call.url.encode(), digest_size=8).digest()
