"""What events cost at each destination: what its codec really makes of them.

All are counted; of an event that comes very often only some are measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ..destinations.registry import Route
from ..plan.cost import Cost, Sizes
from . import emission
from .items import of_log, outbound
from .splice import several
from .store import Stored

#: What the store itself is called among the places.
STORE = "store"

#: So many events of one name are measured, then those of every tenth piece.
_ENOUGH, _EVERY = 2000, 10


class _Bags(msgspec.Struct, gc=False):
    properties: dict[str, msgspec.Raw] | None = None
    traits: dict[str, msgspec.Raw] | None = None


_bag = msgspec.json.Decoder(_Bags)
_bags = msgspec.json.Decoder(list[_Bags])


@dataclass(slots=True)
class Costs:
    """By place, then by event; and what each event's properties take in its JSON."""

    places: dict[str, dict[str, Cost]] = field(default_factory=dict)
    sizes: dict[str, Sizes] = field(default_factory=dict)

    def at(self, place: str, label: str) -> Cost:
        """The cost of an event at a place."""
        return self.places.setdefault(place, {}).setdefault(label, Cost())

    def add(
        self, label: str, events: Sequence[Stored], routes: Sequence[Route], *, number: int,
        now: float,
    ) -> None:  # fmt: skip
        """Events of one name; ``number``: of which piece of the log."""
        _kept(self, label, events, number)
        for route in routes:
            wanted = [each for each in events if _goes(route, each)]
            _sent(self.at(route.name, label), route, wanted, number, now)


def _goes(route: Route, each: Stored) -> bool:
    chosen = route.filter
    wants = chosen.wants(each.label, bot=each.bot, whom=each.order_key)
    return wants and chosen.permitted(each.body)


def _is_measured(cost: Cost, number: int) -> bool:
    return cost.measured < _ENOUGH or number % _EVERY == 0


def _kept(found: Costs, label: str, events: Sequence[Stored], number: int) -> None:
    cost = found.at(STORE, label)
    cost.add(len(events))
    cost.measure(len(events), len(events), sum(map(_size, events)))
    sizes = found.sizes.setdefault(label, Sizes())
    if cost.events <= _ENOUGH or number % _EVERY == 0:
        for bags in several([each.body for each in events], together=_bags, single=_bag):
            if bags is not None:
                sizes.add({**(bags.properties or {}), **(bags.traits or {})})


def _size(each: Stored) -> int:
    return len(each.body) + len(each.derived or b"")


def _sent(cost: Cost, route: Route, events: Sequence[Stored], number: int, now: float) -> None:
    """What a destination's codec makes of events: its calls, their bytes and how often an event
    stands in them."""
    cost.add(len(events))
    if not events or not _is_measured(cost, number):
        return
    content = emission.content(route.fields, on_the_wire=hasattr(route.destination, "wire_calls"))
    for begin in range(0, len(events), route.destination.most):
        piece = events[begin : begin + route.destination.most]
        items, _ = of_log(piece, {}, content)
        calls = outbound(route.destination, items, now).calls if items else ()
        cost.measure(
            len(piece), sum(len(call.ids) for call in calls), sum(len(call.body) for call in calls)
        )
