"""What the events of the log cost at each destination, in one pass in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..delivery.costing import STORE, Costs
from ..delivery.store import Stored
from ..delivery.store.replays import Part
from ..delivery.store.whole import Store
from ..destinations.registry import Route

__all__ = ["STORE", "Costs", "costs"]

_PIECE = 1000

#: Names beyond these are counted together: anybody's browser can send more.
_NAMES, _OTHERS = 2000, "…"


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
            found.add(label, events, routes, number=number, now=now)
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
