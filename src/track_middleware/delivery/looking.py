"""Looks at a sample of the log's events for the console's Plan: who fills which properties, and
what events cost at each destination.

Looking runs behind the drain, at a hundred events a second at most, which of most sites are all, so
that it takes about a hundredth of a processor. It keeps names, types and sizes of properties, and
no value.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ..destinations.registry import Route
from ..plan.cost import Cost
from ..plan.observed import Cell, Looked, Observed
from .costing import Costs
from .splice import several
from .store import Stored
from .store.looks import Looks

#: Events of one look, and seconds between two, or while the drain has more to do.
AT_ONCE, EVERY, BUSY = 200, 2.0, 20.0

#: Names of a day; whatever comes beyond is looked at together. Anybody's browser can make up names.
MOST_NAMES = 300
OTHERS = "…"

_one = msgspec.json.Decoder(Looked)
_many = msgspec.json.Decoder(list[Looked])


class Look(msgspec.Struct):
    """What the events of one name and day looked like: how many they were, what was seen of them by
    platform, what they cost by place."""

    events: int = 0
    cells: dict[str, Cell] = msgspec.field(default_factory=dict)
    costs: dict[str, Cost] = msgspec.field(default_factory=dict)


def _counter(kind: object, value: Mapping[str, int]) -> Counter[str]:
    return Counter(value)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Look, dec_hook=_counter).decode


class Looking:
    """Looks at the events of one store; ``day`` says which day a moment is in."""

    def __init__(
        self, store: Looks, routes: Sequence[Route], *, day: Callable[[float], int]
    ) -> None:
        self._store = store
        self._routes = routes
        self._day = day
        self._turned = -math.inf
        self._number = 0

    def turn(self, moment: float, *, now: float, busy: bool) -> None:
        """A look by a monotonic clock, when it is time for one."""
        if moment >= self._turned + (BUSY if busy else EVERY):
            self._turned = moment
            self.step(now)

    def step(self, now: float) -> None:
        """Looks at the newest events behind those that were looked at, if there are any."""
        if self._store.end() <= self._store.until():
            return
        with self._store.batch():  # another host's worker may have looked meanwhile
            after = max(self._store.until(), self._store.end() - AT_ONCE)
            rows = self._store.rows(after, AT_ONCE)
            self._number += 1
            for day, some in _by_day(rows, self._day).items():
                self._add(day, some, now)

    def _add(self, day: int, rows: Sequence[Stored], now: float) -> None:
        names = self._store.labels(day)
        groups: dict[str, list[Stored]] = {}
        for row in rows:
            if len(names) < MOST_NAMES:
                names.add(row.label)
            groups.setdefault(row.label if row.label in names else OTHERS, []).append(row)
        looks = {name: _decode(look) for name, look in self._store.of(day, groups).items()}
        for label, some in groups.items():
            look = looks.setdefault(label, Look())
            look.events += len(some)
            self._see(look, label, some)
            self._measure(look, label, some, now)
        until = rows[-1].position
        self._store.keep([(day, label, until, _encode(look)) for label, look in looks.items()])

    def _see(self, look: Look, label: str, rows: Sequence[Stored]) -> None:
        found = Observed()
        people = [row for row in rows if row.bot is None]
        looked = several([row.body for row in people], together=_many, single=_one)
        for row, each in zip(people, looked, strict=True):
            if each is not None:
                found.add(each, label, row.accepted_at)
        for key, cell in found.cells.items():
            look.cells.setdefault(key.platform, Cell()).join(cell)

    def _measure(self, look: Look, label: str, rows: Sequence[Stored], now: float) -> None:
        found = Costs({place: {label: cost} for place, cost in look.costs.items()})
        found.add(label, rows, self._routes, number=self._number, now=now)
        look.costs = {place: costs[label] for place, costs in found.places.items()}


def _by_day(rows: Iterable[Stored], day: Callable[[float], int]) -> dict[int, list[Stored]]:
    found: dict[int, list[Stored]] = {}
    for row in rows:
        found.setdefault(day(row.accepted_at), []).append(row)
    return found


def looks(rows: Iterable[tuple[int, str, bytes]]) -> list[tuple[int, str, Look]]:
    """Rows of the store as looks: day, event, look."""
    return [(day, label, _decode(look)) for day, label, look in rows]


def seen(found: Iterable[tuple[int, str, Look]]) -> Observed:
    """What all of them have seen."""
    made = Observed()
    for _, label, look in found:
        for platform, cell in look.cells.items():
            made.join(label, platform, cell)
    return made


def spent(
    found: Iterable[tuple[int, str, Look]], counts: Callable[[int, str], int]
) -> dict[str, dict[str, Cost]]:
    """What all events of these days cost, by place and event: as many as there were (``counts``, by
    day and event), each like those that were looked at."""
    places: dict[str, dict[str, Cost]] = {}
    for day, label, look in found:
        times = max(1.0, counts(day, label) / look.events) if look.events else 1.0
        for place, cost in look.costs.items():
            more = msgspec.structs.replace(cost, events=round(cost.events * times))
            places.setdefault(place, {}).setdefault(label, Cost()).join(more)
    return places
