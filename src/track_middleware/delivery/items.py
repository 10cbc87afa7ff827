"""Events as they are sent, and what the codec makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec

from ..destinations import Destination, Outbound, Verdict, WireDestination
from ..errors import StoreError
from ..event import Event
from . import emission
from .batch import MISTAKES
from .store import Stored
from .store.home import is_note

#: Makes an event of the log ready for a destination.
Content = Callable[[Stored], Event | bytes]

#: By position: over which roads an event must not be sent again.
Roads = Mapping[int, frozenset[bytes]]

_NO_ROADS: frozenset[bytes] = frozenset()


class Item(msgspec.Struct, frozen=True, gc=False):
    """An event to be sent; ``content`` is its wire JSON for destinations that take that.

    ``taken``: the roads over which it must not be sent again.
    """

    id: str
    order_key: str
    content: Event | bytes
    position: int = 0
    taken: frozenset[bytes] = _NO_ROADS


def of_log(
    events: Sequence[Stored], roads: Roads, content: Content
) -> tuple[Sequence[Item], Sequence[str]]:
    """Events of the log as they are sent, and the ids of those that cannot be read."""
    if content is emission.wire and not roads and emission.are_wired(events):  # nearly always
        return [
            Item(each.event_id, each.order_key, each.body, each.position) for each in events
        ], ()
    items, unreadable = [], []
    for each in events:
        try:
            made = content(each)
        except MISTAKES as error:
            if is_note(each.body):  # another host has begun to keep them there
                raise StoreError("bodies are at a broker of which store says nothing") from error
            unreadable.append(each.event_id)
            continue
        taken = roads.get(each.position, _NO_ROADS)
        items.append(Item(each.event_id, each.order_key, made, each.position, taken))
    return items, unreadable


def outbound(destination: Destination, items: Sequence[Item], now: float) -> Outbound:
    """The codec's calls. An event that it fails on is refused, and stops no other."""
    try:
        made = _made(destination, items, now)
        known = {item.id for item in items}
        if known.issuperset(made.settled) and all(known.issuperset(c.ids) for c in made.calls):
            return made
        raise LookupError("a call for an event that was not given")
    except MISTAKES as error:
        if len(items) == 1:
            reason = f"the destination's code fails on it: {type(error).__name__}: {error}"
            return Outbound((), {items[0].id: Verdict("refused", reason[:300])})
    one, other = (outbound(destination, half, now) for half in halved(items))
    settled = {**one.settled, **other.settled}
    return Outbound([*one.calls, *other.calls], settled, one.cut + other.cut)


def _made(destination: Destination, items: Sequence[Item], now: float) -> Outbound:
    if isinstance(items[0].content, bytes):
        wire = cast("WireDestination", destination)
        pairs = cast("list[tuple[str, bytes]]", [(item.id, item.content) for item in items])
        return wire.wire_calls(pairs, now)
    return destination.calls([cast("Event", item.content) for item in items], now)


def halved(items: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Both halves of a batch."""
    middle = len(items) // 2
    return items[:middle], items[middle:]
