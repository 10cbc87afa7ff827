"""``replay --derive``: what is replayed is derived again before, or shown before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ..delivery import handover
from ..delivery.parts import finisher
from ..delivery.store import Job
from ..delivery.store.replays import Part
from ..delivery.store.whole import Store
from ..destinations.registry import Route
from ..history.derivation import Derivation, Derived, Sample
from .place import Place
from .progress import Bar

#: The longest value that is printed, in characters.
_LONGEST = 80

#: Paths that are printed.
_PATHS = 20


def derived(
    where: Place, store: Store, route: Route, part: Part, live: Job, *, samples: int | None
) -> Derived:
    """Derives a part of the log again, as far as the destination's live job has come; with
    ``samples`` it only tells what would change, with so many of them."""
    given = handover.read(where.data_dir)
    if given is not None:
        given.enter()  # where the app's own hooks are found
    again = Derivation(store, finisher(where.settings), fields=route.fields, samples=samples or 0)
    bounds = store.replays.bounds(Part(part.since, part.until), min(store.end(), live.position))
    if samples is not None:
        return again.preview(part, bounds)
    bar, found = Bar("events", None), Derived()
    for found in again.write(part, bounds):
        bar.at(found.events)
    bar.end(found.events)
    return found


def told(found: Derived) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "events": found.events, "changed": found.changed, "paths": dict(found.paths),
        "dropped": found.dropped, "split": found.split, "unreadable": found.broken,
        "samples": [_sample(each) for each in found.samples],
    }  # fmt: skip


def warnings(found: Derived) -> Iterator[str]:
    """What does not become of it."""
    if found.dropped:
        yield f"{found.dropped} are dropped by before_send today: they stay, and go, as they are"
    if found.split:
        yield f"{found.split} events that repairs would split off are not added"
    if found.broken:
        yield f"{found.broken} cannot be read and stay as they are"


def lines(found: Derived, *, is_done: bool) -> Iterator[str]:
    """As text has it."""
    verb = "changed" if is_done else "would change"
    yield f"derived again: {found.events} looked at, {found.changed} {verb}"
    for path, number in found.paths.most_common(_PATHS):
        yield f"  {number:>8}  {path}"
    for each in found.samples:
        yield f"{each.timestamp}  {each.label}  {each.id}"
        for path, (before, after) in each.changes.items():
            yield f"    {path}: {_short(before)} -> {_short(after)}"


def _sample(each: Sample) -> dict[str, Any]:
    changes = {path: {"before": one, "after": other} for path, (one, other) in each.changes.items()}
    return {
        "messageId": each.id, "event": each.label, "timestamp": each.timestamp, "changes": changes
    }  # fmt: skip


def _short(value: Any) -> str:
    text = "nothing" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
