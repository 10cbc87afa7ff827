"""``plan drift``: where platforms have drifted apart, as the log shows it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from ..delivery import parts
from ..errors import TrackError
from ..event import iso
from ..history import observing
from ..plan import drift
from ..plan.drift import Days, Finding
from ..plan.load import load
from ..plan.observed import Cell, Observed, Span
from . import place
from .place import FINDING, WELL, Place, say
from .progress import Bar

_DAY = 86400.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``plan drift`` takes."""
    parser.add_argument("--days", type=float, default=7.0, metavar="N", help="how far back (7)")
    parser.add_argument(
        "--events", type=place.globs, metavar="NAMES", help="only these, for example Order*,Signup"
    )


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Prints the matrix of events and platforms, and what has drifted; 1 when something has."""
    until = time.time()
    since = until - arguments.days * _DAY
    plan = load(where.settings.plan) if where.settings.plan else None
    store = where.store()
    if store is None:
        raise TrackError(f"there is no store yet at {where.store_name}")
    with closing(store):
        bar = Bar("events", None)
        observed = observing.observed(
            store,
            since=since,
            globs=arguments.events or (),
            progress=lambda done, total: bar.at(done),
        )
        bar.end(sum(cell.span.count for cell in observed.cells.values()))
        counts, day = store.event_counts(), parts.days(where.settings.time_zone)
    days, past = drift.days(counts, since=day(since)), drift.past(counts, day=day, now=until)
    found = drift.findings(observed, past=past, plan=plan, since=since, until=until)
    if arguments.events:
        found = [each for each in found if observing.is_named(each.event, arguments.events)]
        days = Days(*[
            {name: day for name, day in every.items() if observing.is_named(name, arguments.events)}
            for every in (days.new, days.dead)
        ])  # fmt: skip
    told = {
        "since": iso(since), "until": iso(until), "events": list(_matrix(observed)),
        "new": days.new, "dead": days.dead, "findings": found,
    }  # fmt: skip
    say(told, _lines(observed, days, found), as_json=arguments.json)
    return FINDING if any(each.kind != "unseen" for each in found) else WELL


def _matrix(observed: Observed) -> Iterator[dict[str, Any]]:
    for event, cells in observed.events().items():
        platforms = {name: _cell(cell) for name, cell in cells.items()}
        yield {"event": event, "platforms": platforms}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        **_span(cell.span),
        "versions": {name: _span(span) for name, span in cell.versions.items()},
        "properties": {
            name: {"count": each.count, "share": round(cell.share(name), 4), "types": each.types}
            for name, each in cell.properties.items()
        },
    }


def _span(span: Span) -> dict[str, Any]:
    return {"count": span.count, "first": iso(span.first), "last": iso(span.last)}


def _lines(observed: Observed, days: Days, found: Sequence[Finding]) -> Iterator[str]:
    platforms = observed.platforms()
    events = observed.events()
    if not events:
        yield "there were no events"
        return
    width = max(len("event"), *(min(len(name), 40) for name in events))
    yield "event".ljust(width) + "".join(f"{name:>12}" for name in platforms)
    for event, cells in events.items():
        numbers = (f"{cells[name].span.count:,}" if name in cells else "-" for name in platforms)
        yield event[:40].ljust(width) + "".join(f"{number:>12}" for number in numbers)
        yield from _properties(cells, width, platforms)
    for words, every in (("new", days.new), ("dead", days.dead)):
        yield from (f"{words}: {name}, {day}" for name, day in every.items())
    yield from (f"{each.kind}: {each.event}: {each.words}" for each in found)
    if not found:
        yield "nothing has drifted"


def _properties(cells: Mapping[str, Cell], width: int, platforms: Sequence[str]) -> Iterator[str]:
    """One line for each property: how often each platform fills it."""
    for name in dict.fromkeys(name for cell in cells.values() for name in cell.properties):
        shares = (f"{cells[each].share(name):.0%}" if each in cells else "" for each in platforms)
        yield f"  {name[:38]}".ljust(width) + "".join(f"{share:>12}" for share in shares)
