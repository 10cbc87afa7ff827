"""What the plan says of destinations: which events and properties each gets, and whose."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..destinations.fields import Fields
from ..destinations.registry import Route
from ..plan.model import Plan
from ..plan.parts import Event

_WHOLE = 2**32


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan's word on which events a destination gets. ``left_out``: labels that it does not;
    ``shares``: labels of which it gets those of a share of the visitors."""

    left_out: frozenset[str]
    shares: Mapping[str, float]

    def wants(self, label: str, whom: str) -> bool:
        """Whether an event of ``whom`` (its visitor, else its user) goes there: the same answer
        for all events of one name and person, in every process and for ever."""
        if label in self.left_out:
            return False
        share = self.shares.get(label)
        return share is None or zlib.crc32(whom.encode("utf-8", "replace")) < share * _WHOLE


def routed(routes: Sequence[Route], plan: Plan | None) -> tuple[Route, ...]:
    """The routes with what the plan says of each."""
    if plan is None:
        return tuple(routes)
    return tuple(_routed(route, plan) for route in routes)


def _routed(route: Route, plan: Plan) -> Route:
    events = plan.events
    planned = Planned(
        frozenset(name for name, each in events.items() if _not_for(each.destinations, route)),
        {name: each.sampling for name, each in events.items() if each.sampling < 1},
    )
    gone = {name: names for name, each in events.items() if (names := _gone(each, route))}
    if planned.left_out or planned.shares:
        route = replace(route, filter=replace(route.filter, planned=planned.wants))
    if gone:
        fields = route.fields or Fields({}, {})
        route = replace(route, fields=replace(fields, by_event=gone))
    return route


def _gone(event: Event, route: Route) -> frozenset[str]:
    return frozenset(each.name for each in event.properties if _not_for(each.destinations, route))


def _not_for(destinations: Sequence[str] | None, route: Route) -> bool:
    return destinations is not None and route.name not in destinations


def strangers(plan: Plan, routes: Sequence[Route]) -> Sequence[str]:
    """The destinations that a plan names and that there are not, each with an event that does: a
    mistake, or another installation's."""
    there = {route.name for route in routes}
    return [
        f"{event.name!r} names the destination {name!r}"
        for event in plan.events.values()
        for name in dict.fromkeys(_named(event))
        if name not in there
    ]


def _named(event: Event) -> Iterator[str]:
    yield from event.destinations or ()
    for each in event.properties:
        yield from each.destinations or ()
