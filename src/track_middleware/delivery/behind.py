"""What the worker does for the console behind the drain: it counts views, and looks at events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..destinations.registry import Route
from .looking import Looking
from .parts import ordinals
from .rollups import Rollups
from .store.whole import Store


class Behind:
    """Counts and looks at one store's log. ``zone`` is the site's time zone by name, ``now`` a
    clock of epoch seconds."""

    def __init__(
        self, store: Store, routes: Sequence[Route], *, zone: str, now: Callable[[], float]
    ) -> None:
        day = ordinals(zone)
        self._rollups = Rollups(store.views, zone=zone, day=day)
        self._looking = Looking(store.looks, routes, day=day)
        self._now = now

    def turn(self, moment: float, *, busy: bool) -> bool:
        """A step, by a monotonic clock; while the drain is ``busy`` only now and then. True when
        there may be more at once."""
        self._looking.turn(moment, now=self._now(), busy=busy)
        return self._rollups.turn(moment, busy=busy)

    def step(self) -> bool:
        """A step now; True when there may be more."""
        more = self._rollups.step()
        if not more:
            self._looking.step(self._now())
        return more
