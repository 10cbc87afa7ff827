"""Replays: sending a part of the log to one destination again, with the same ids and times.

What a replay covers is counted before it begins, and what the destination will not recognise or not
take is said. The worker does the sending (``delivery/replaying.py``), under the rule of order that
``delivery/section.py`` states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ..delivery.section import Section
from ..delivery.store import Job, Stored
from ..delivery.store.replays import Part
from ..delivery.store.whole import Store
from ..destinations.registry import Route
from ..event import epoch
from .windows import DAY, Window

_PIECE = 1000

#: What these events say replaces what is there, at most vendors whatever their time.
_REPLACING = ("identify", "group")


class _Dated(msgspec.Struct):
    timestamp: str = ""


_dated = msgspec.json.Decoder(_Dated)


@dataclass(slots=True)
class Cover:
    """What a replay would send: how many events, of which kinds, and of those how many the
    destination would not take (``late``) or not recognise as sent before (``strange``).
    ``unstored``: so many more are no longer there, because the store does not keep them."""

    bounds: tuple[int, int]
    events: int = 0
    late: int = 0
    strange: int = 0
    unstored: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


def cover(
    store: Store, route: Route, part: Part, live: Job, *, window: Window, now: float
) -> Cover:
    """Counts a part of the log, as far as the live job of the destination has come.

    Reads that part once. The destination's own filter holds for it too.
    """
    bounds = store.replays.bounds(part, min(store.end(), live.position))
    found = Cover(bounds, unstored=store.unstored.gone(*bounds))
    section = Section(store, route.name, part, bounds[1])
    for piece in section.pieces(bounds[0], _PIECE):
        for each in piece:
            chosen = route.filter
            wanted = chosen.wants(each.label, bot=each.bot, whom=each.order_key)
            if wanted and chosen.permitted(each.body):
                _count(found, each, window, now)
    return found


def start(store: Store, destination: str, part: Part, found: Cover, *, now: float) -> int:
    """Makes the replay, which the worker finds within a second; its number."""
    return store.replays.add(destination, part, found.bounds, total=found.events, now=now)


def warnings(destination: str, found: Cover, window: Window) -> Sequence[str]:
    """What the operator should know before."""
    said = []
    if found.unstored:
        said.append(f"{found.unstored} of that time were not kept (unstored): no replay has them")
    if found.late and window.age_limit is not None:
        said.append(
            f"{found.late} happened more than {_days(window.age_limit)} ago: {destination} does "
            "not take them any more"
        )
    if found.strange and window.dedupe == 0:
        said.append(
            f"{destination} does not know an event by its id: what it has already is there twice"
        )
    elif found.strange and window.dedupe is not None:
        said.append(
            f"{found.strange} were accepted more than {_days(window.dedupe)} ago: {destination} no "
            "longer knows their ids, and counts again what it has already"
        )
    elif found.events and window.dedupe is None:
        unknown = f"how long {destination} knows an event by its id is not documented"
        said.append(window.said or unknown)
    replacing = sum(found.kinds[kind] for kind in _REPLACING)
    if replacing:
        said.append(
            f"{replacing} identify or group: their traits may replace newer ones; "
            "--events names what is sent"
        )
    return said


def _count(found: Cover, stored: Stored, window: Window, now: float) -> None:
    found.events += 1
    found.kinds[stored.kind] += 1
    if window.age_limit is not None and now - _happened(stored) > window.age_limit:
        found.late += 1
    if window.dedupe is not None and now - stored.accepted_at > window.dedupe:
        found.strange += 1


def _happened(stored: Stored) -> float:
    try:
        return epoch(_dated.decode(stored.body).timestamp)
    except (msgspec.DecodeError, ValueError):
        return stored.accepted_at


def _days(seconds: float) -> str:
    hours = round(seconds / 3600)
    return f"{hours // 24} days" if seconds >= 2 * DAY and not hours % 24 else f"{hours} hours"
