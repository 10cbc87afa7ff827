"""One batch on its way to a destination: its calls in order, halved, resent, held, until each event
has a fate.

Order: once an event has to wait, the later ones of its visitor are not sent in this batch. Three
failing calls in a row stop the batch: then it is the destination that is down, not a call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from ..destinations import Answer, Call, Destination, Outbound, Verdict, WireDestination
from ..event import Event
from .transport import Transport

#: So many failing calls in a row are an outage.
FAILURES = 3

_RANK = {"delivered": 0, "refused": 1, "retry": 2}


@dataclass(frozen=True, slots=True)
class Item:
    """An event to be sent; ``content`` is its wire JSON for destinations that take that."""

    id: str
    order_key: str
    content: Event | bytes


class Sending:
    """Sends the events of a batch and keeps what became of them.

    ``fates``: the worst verdict of each event that was sent. ``failed``: those whose whole call
    failed. An event in neither was not sent: its visitor is in ``blocked``, or the batch
    ``stopped`` (``lease``: somebody else delivers now, and nothing may be noted).
    """

    def __init__(
        self,
        destination: Destination,
        *,
        transport: Transport,
        now: Callable[[], float],
        may_send: Callable[[], bool],
    ) -> None:
        self.fates: dict[str, Verdict] = {}
        self.failed: set[str] = set()
        self.blocked: set[str] = set()
        self.trouble: Verdict | None = None
        self.stopped: Literal["", "outage", "pause", "lease"] = ""
        self.cut = 0
        self._destination = destination
        self._transport = transport
        self._now = now
        self._may_send = may_send
        self._failures = 0

    def send(self, items: Sequence[Item]) -> None:
        """Sends these events, in order, and whatever of them must be sent again at once."""
        if not items or self.stopped:
            return
        outbound = self._outbound(items)
        self.cut += outbound.cut
        by_id = {item.id: item for item in items}
        for each, verdict in outbound.settled.items():
            self._note(by_id[each], verdict)
        for call in outbound.calls:
            self._pass(call, [by_id[each] for each in dict.fromkeys(call.ids)])

    def _outbound(self, items: Sequence[Item]) -> Outbound:
        if isinstance(items[0].content, bytes):
            wire = cast("WireDestination", self._destination)
            pairs = [(item.id, cast("bytes", item.content)) for item in items]
            return wire.wire_calls(pairs, self._now())
        events = [cast("Event", item.content) for item in items]
        return self._destination.calls(events, self._now())

    def _pass(self, call: Call, items: Sequence[Item]) -> None:
        """Sends a call, or what is left of it without the events that must wait."""
        if self.stopped:
            return
        free = [item for item in items if item.order_key not in self.blocked]
        if len(free) < len(items):
            self.send(free)
            return
        if not self._may_send():
            self.stopped = "lease"
            return
        verdicts = self._verdicts(call)
        if _unheard(verdicts.values()):
            self._fail(items, verdicts)
            return
        self._failures = 0
        self._sort(items, verdicts)

    def _verdicts(self, call: Call) -> dict[str, Verdict]:
        answer = self._transport(call)
        heard = answer if isinstance(answer, Answer) else None
        worst: dict[str, Verdict] = {}
        for each, verdict in zip(call.ids, self._destination.judge(call, heard), strict=True):
            if heard is None and not isinstance(answer, Answer) and verdict.state == "retry":
                verdict = replace(verdict, reason=answer.reason)
            worst[each] = _worse(worst.get(each), verdict)
        return worst

    def _fail(self, items: Sequence[Item], verdicts: dict[str, Verdict]) -> None:
        for item in items:
            self._note(item, verdicts[item.id])
            self.failed.add(item.id)
        self.trouble = verdicts[items[0].id]
        self._failures += 1
        if any(verdict.pause for verdict in verdicts.values()):
            self.stopped = "pause"
        elif self._failures >= FAILURES:
            self.stopped = "outage"

    def _sort(self, items: Sequence[Item], verdicts: dict[str, Verdict]) -> None:
        """Notes what is decided and sends the rest again at once: whole, or in halves."""
        rest = [item for item in items if _at_once(verdicts[item.id])]
        halves = [item for item in items if verdicts[item.id].split]
        again = {item.id for item in (*rest, *halves)}
        for item in items:
            if item.id not in again:
                self._note(item, verdicts[item.id])
        self.send(rest)
        if len(halves) == 1:
            self._note(halves[0], Verdict("refused", verdicts[halves[0].id].reason))
            return
        for half in _halved(halves):
            self.send(half)

    def _note(self, item: Item, verdict: Verdict) -> None:
        self.fates[item.id] = _worse(self.fates.get(item.id), verdict)
        if verdict.state == "retry":
            self.blocked.add(item.order_key)


def _unheard(verdicts: Collection[Verdict]) -> bool:
    """The call as a whole came to nothing: all wait alike, and nothing says how to do better."""
    waiting = all(each.state == "retry" and not each.split for each in verdicts)
    return waiting and len({_at_once(each) for each in verdicts}) == 1


def _at_once(verdict: Verdict) -> bool:
    return verdict.state == "retry" and not verdict.split and verdict.after == 0


def _worse(one: Verdict | None, other: Verdict) -> Verdict:
    if one is None or _RANK[other.state] > _RANK[one.state]:
        return other
    return one


def _halved(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    middle = len(items) // 2
    return (items[:middle], items[middle:])
