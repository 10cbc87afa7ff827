"""The verb ``replay``: a part of the log to one destination again, with ids and times kept."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from typing import Any

from ..address import address
from ..delivery import plans
from ..delivery.store import Job
from ..delivery.store.claims import claimed
from ..delivery.store.replays import Part
from ..delivery.store.whole import Store
from ..destinations import registry
from ..destinations.registry import Route
from ..errors import SettingsError
from ..event import iso
from ..history import replay
from ..history.derivation import Derived
from ..history.windows import Window, window
from . import derive
from .place import FINDING, WELL, WRONG_CALL, Place, say


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Begins a replay, which the worker carries out, or stops one."""
    chosen = (arguments.since, arguments.until, arguments.events, arguments.dry_run or None,
              arguments.derive or None)  # fmt: skip
    if arguments.stop is not None and chosen != (None,) * 5:
        print("--stop ends a whole replay and takes no choice of events", file=sys.stderr)
        return WRONG_CALL
    if arguments.stop is not None:
        return _stopped(arguments, where)
    route, facts = _destination(where, arguments.destination)
    store = where.store() if arguments.dry_run else where.ledger()
    if store is None:
        return _nothing(f"there is no store yet at {where.store_name}")
    with closing(store):
        routes = registry.routes(where.settings.destinations)
        live = claimed(routes, store.jobs()).get(route.name)
        if live is None:
            return _nothing(f"no worker has served {route.name} yet")
        part = Part(arguments.since, arguments.until, tuple(arguments.events or ()))
        again = None
        if arguments.derive:
            samples = arguments.samples if arguments.dry_run else None
            again = derive.derived(where, store, route, part, live, samples=samples)
        return _begun(arguments, store, route, facts, live, part, again)


def _begun(
    arguments: argparse.Namespace,
    store: Store,
    route: Route,
    facts: Window,
    live: Job,
    part: Part,
    again: Derived | None,
) -> int:
    now = time.time()
    found = replay.cover(store, route, part, live, window=facts, now=now)
    if not found.events:
        gone = f"; {found.unstored} events were not kept (unstored)" if found.unstored else ""
        return _nothing(f"nothing that {route.name} has had is covered{gone}")
    number = None
    if not arguments.dry_run:
        number = replay.start(store, live.destination, part, found, now=now)
    said = [*replay.warnings(route.name, found, facts), *(derive.warnings(again) if again else ())]
    name = "would be sent" if number is None else f"replay {number}"
    noun = "event" if found.events == 1 else "events"
    lines = [] if again is None else list(derive.lines(again, is_done=number is not None))
    lines.append(f"{name}: {found.events} {noun} to {route.name}{_span(part)}")
    lines += [f"warning: {each}" for each in said]
    told: dict[str, Any] = {
        "replay": number,
        "destination": route.name,
        "events": found.events,
        "since": None if part.since is None else iso(part.since),
        "until": None if part.until is None else iso(part.until),
        "warnings": said,
    }
    if again is not None:
        told["derived"] = derive.told(again)
    say(told, lines, as_json=arguments.json)
    return WELL


def _stopped(arguments: argparse.Namespace, where: Place) -> int:
    store = where.ledger()
    if store is None:
        return _nothing(f"there is no store yet at {where.store_name}")
    with closing(store):
        found = store.replays.get(arguments.stop)
        if found is None:
            print(f"there is no replay {arguments.stop}", file=sys.stderr)
            return WRONG_CALL
        if found.ended is None:
            store.replays.end(arguments.stop, time.time())
    say({"stopped": arguments.stop}, (f"replay {arguments.stop} is over",), as_json=arguments.json)
    return WELL


def _destination(where: Place, name: str) -> tuple[Route, Window]:
    urls = where.settings.destinations
    routes = plans.routes(where.settings)
    for route, url in zip(routes, urls, strict=True):
        if route.name == name:
            return route, window(address(url))
    known = ", ".join(route.name for route in routes) or "none"
    raise SettingsError("destinations", f"there is no {name!r}; there are: {known}")


def _span(part: Part) -> str:
    since = "" if part.since is None else f" from {iso(part.since)}"
    until = "" if part.until is None else f" before {iso(part.until)}"
    return f", accepted{since}{until}" if since or until else ""


def _nothing(why: str) -> int:
    print(why, file=sys.stderr)
    return FINDING
