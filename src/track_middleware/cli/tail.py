"""The verb ``tail``: one line for each event as it reaches the store."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..delivery import emission
from ..delivery.store import Stored
from ..delivery.store.whole import Store
from ..event import Event
from .place import WELL, Place, plain

_POLL = 0.2
_AT_ONCE = 500


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Prints events until interrupted, or what is there with ``--once``."""
    follow(where, last=arguments.last, as_json=arguments.json, once=arguments.once)
    return WELL


def follow(
    where: Place,
    *,
    last: int = 0,
    as_json: bool = False,
    once: bool = False,
    alive: Callable[[], bool] = lambda: True,
) -> None:
    """Prints events as they come, while ``alive``; from ``last`` events back."""
    store = _opened(where, once, alive)
    if store is None:
        return
    try:
        after = max(0, store.end() - last)
        while True:
            after = _print_new(store, after, as_json)
            if once or not alive():
                return
            time.sleep(_POLL)
    finally:
        store.close()


def _opened(where: Place, once: bool, alive: Callable[[], bool]) -> Store | None:
    while (store := where.store()) is None and not once and alive():
        time.sleep(_POLL)
    return store


def _print_new(store: Store, after: int, as_json: bool) -> int:
    while events := store.read(after, _AT_ONCE):
        positions = {job.destination: job.position for job in store.jobs() if job.end is None}
        for each in events:
            told = emission.wire(each).decode() if as_json else plain(line(each, positions))
            print(told, flush=True)
        after = events[-1].position
    return after


def line(stored: Stored, positions: Mapping[str, int]) -> str:
    """Time, kind, name, visitor (shortened), path, bot class, and where it has been delivered."""
    try:
        event = emission.event(stored)
    except msgspec.DecodeError:
        return f"{stored.position}  cannot be read"
    context = event.context if isinstance(event.context, dict) else {}
    clock = event.timestamp[11:19]
    where = _inner(context, "page", "path")
    bot = _inner(context, "bot", "class")
    parts = [clock, f"{event.type:<8}", f"{_label(event):<20}", _visitor(event), where]
    if bot:
        parts.append(f"[{bot}]")
    parts += [_state(name, stored, position) for name, position in positions.items()]
    return "  ".join(each for each in parts if each)


def _label(event: Event) -> str:
    return event.event or event.name or event.label


def _visitor(event: Event) -> str:
    return (event.anonymous_id or event.user_id or "-")[:8]


def _state(name: str, stored: Stored, position: int) -> str:
    return f"{name}:{'done' if stored.position <= position else 'waits'}"


def _inner(context: Mapping[str, Any], name: str, key: str) -> str:
    inner = context.get(name)
    return str(inner.get(key) or "") if isinstance(inner, dict) else ""
