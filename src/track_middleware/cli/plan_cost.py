"""``plan cost``: what each event costs at each destination, and what would halve it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

from ..delivery.routing import routed
from ..destinations import registry
from ..errors import TrackError
from ..event import iso
from ..history.cost import STORE, Costs, costs
from ..plan.cost import By, Cost, Halving, halving
from ..plan.load import load
from ..plan.model import Plan
from .place import WELL, Place, say
from .progress import Bar

_DAY = 86400.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``plan cost`` takes."""
    parser.add_argument("--days", type=float, default=7.0, metavar="N", help="how far back (7)")
    parser.add_argument(
        "--by", choices=("rows", "bytes"), default="rows",
        help="what is to be halved: rows, which most vendors bill, or bytes",
    )  # fmt: skip


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Prints rows and bytes by place and event, and what would halve them."""
    plan = load(where.settings.plan) if where.settings.plan else None
    routes = routed(registry.routes(where.settings.destinations), plan)
    store = where.store()
    if store is None:
        raise TrackError(f"there is no store yet at {where.store_name}")
    now = time.time()
    since = now - arguments.days * _DAY
    with closing(store):
        bar = Bar("events", None)
        found = costs(
            store, routes, since=since, now=now, progress=lambda done, total: bar.at(done)
        )
        bar.end(sum(each.events for each in found.places[STORE].values()))
    by: By = arguments.by
    kept = _kept(plan)
    halved = {name: halving(every, by=by, kept=kept) for name, every in found.places.items()}
    told = {
        "since": iso(since),
        "until": iso(now),
        "places": [
            {
                "name": name,
                "events": [_event(label, cost) for label, cost in _costly(every, by)],
                "halving": halved[name],
            }
            for name, every in found.places.items()
        ],
        "properties": {label: sizes.largest() for label, sizes in found.sizes.items()},
    }
    say(told, _lines(found, halved, by), as_json=arguments.json)
    return WELL


def _kept(plan: Plan | None) -> Collection[str]:
    """Key metrics, and what a contract needs: they must be all there."""
    events = plan.events.items() if plan is not None else ()
    return {name for name, each in events if each.server_only or each.basis == "contract"}


def _costly(every: Mapping[str, Cost], by: By) -> list[tuple[str, Cost]]:
    return sorted(every.items(), key=lambda each: (-each[1].of(by), each[0]))


def _event(label: str, cost: Cost) -> dict[str, Any]:
    return {
        "event": label, "events": cost.events,
        "rows": round(cost.of("rows")), "bytes": round(cost.of("bytes")),
    }  # fmt: skip


def _lines(found: Costs, halved: Mapping[str, Halving], by: By) -> Iterator[str]:
    for name, every in found.places.items():
        total = sum(cost.of(by) for cost in every.values()) or 1.0
        yield f"{name}:"
        for label, cost in _costly(every, by):
            rows, size = round(cost.of("rows")), _size(cost.of("bytes"))
            yield f"  {label[:40]:<40} {rows:>12,} rows {size:>10}  {cost.of(by) / total:>4.0%}"
        yield from (f"  {line}" for line in _advice(halved[name]))
    for label, sizes in found.sizes.items():
        largest = sizes.largest()
        if largest:
            parts = ", ".join(f"{name} {_size(size)}" for name, size in largest.items())
            yield f"{label[:40]}: of each {parts}"


def _advice(how: Halving) -> Iterator[str]:
    if how.sample is None:
        if how.drop:
            yield f"cannot be halved: without {', '.join(how.drop)} {how.drop_leaves:.0%} is left"
        return
    yield f"half the {how.by}: without {', '.join(how.drop)} {how.drop_leaves:.0%} is left;"
    parts = ", ".join(f"{name} at {share:g}" for name, share in how.sample.items())
    yield f"or with sampling in the plan: {parts}"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError
