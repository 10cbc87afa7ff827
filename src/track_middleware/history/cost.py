"""What the events of the log cost at each destination: what its codec really makes of them.

One pass in flat memory. All are counted; of an event that comes very often only some are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from ..delivery import emission
from ..delivery.items import of_log, outbound
from ..delivery.splice import several
from ..delivery.store import Stored
from ..delivery.store.replays import Part
from ..delivery.store.whole import Store
from ..destinations.registry import Route
from ..plan.cost import Cost, Sizes

#: What the store itself is called among the places.
STORE = "store"

_PIECE = 1000

#: So many events of one name are measured, then those of every tenth piece.
_ENOUGH, _EVERY = 2000, 10

#: Names beyond these are counted together: anybody's browser can send more.
_NAMES, _OTHERS = 2000, "…"


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


def costs(
    store: Store,
    routes: Sequence[Route],
    *,
    now: float,
    since: float = 0.0,
    after: int | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Costs:
    """The cost of what was accepted since a moment, or stands behind a position (``after``).
    ``progress`` is told how many of how many."""
    found = Costs({name: {} for name in (STORE, *(route.name for route in routes))})
    begin, end = after, store.end()
    if begin is None:
        begin, end = store.replays.bounds(Part(since, None, ()), end)
    at, number = begin, 0
    names: set[str] = set()
    while rows := [each for each in store.read(at, _PIECE) if each.position <= end]:
        at, number = rows[-1].position, number + 1
        progress(at - begin, end - begin)
        for label, events in _by_label(rows, since, names):
            _kept(found, label, events, number)
            for route in routes:
                wanted = [each for each in events if _goes(route, each)]
                _sent(found.at(route.name, label), route, wanted, number, now)
    return found


def _by_label(
    rows: Sequence[Stored], since: float, names: set[str]
) -> Iterator[tuple[str, list[Stored]]]:
    groups: dict[str, list[Stored]] = {}
    for row in rows:
        if row.accepted_at >= since:
            if len(names) < _NAMES:
                names.add(row.label)
            groups.setdefault(row.label if row.label in names else _OTHERS, []).append(row)
    yield from groups.items()


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
