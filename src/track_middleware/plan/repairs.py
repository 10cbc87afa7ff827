"""Repairs: what a release sends wrongly is put right before the plan looks at it.

::

    REPAIRS = [
        Repair("Order Done", [Rename("Order Completed")], platforms=["ios"], versions=">=3.1,<3.3"),
        Repair("Order Completed", [Move("total", "revenue"), Convert("revenue", "number")]),
    ]

The repairs of an event are made in their order, each on what the ones before it left. What cannot
be converted stays as it is, for the plan to judge. Pure: no I/O happens here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

import msgspec

from ..errors import SettingsError
from ..event import Event
from .steps import Convert, Draft, Drop, Fill, Move, Rename, Split, Step
from .versions import Versions, versions

__all__ = [
    "Convert", "Drop", "Fill", "Mended", "Move", "Rename", "Repair", "Repairs", "Split", "repairs",
]  # fmt: skip

#: Who sends events.
PLATFORMS = ("server", "web", "ios", "android", "backfill")

_STEPS = (Convert, Drop, Fill, Move, Rename, Split)


@dataclass(frozen=True)
class Repair:
    """What is done with the events of some names (``event`` is a name or a glob) that some
    platforms send (empty: all) in some versions of the app (``>=3.1,<3.3``; empty: all, and those
    that name none)."""

    event: str
    steps: Sequence[Step]
    platforms: Collection[str] = ()
    versions: str = ""

    def __post_init__(self) -> None:
        """SettingsError for what cannot be meant."""
        steps = self.steps
        if not self.event or not isinstance(self.event, str):
            raise _wrong("a repair begins with the name of an event")
        if not isinstance(steps, (list, tuple)) or not steps:
            raise _wrong(f"the repair of {self.event!r} wants a list of steps")
        for step in steps:
            if not isinstance(step, _STEPS):
                names = ", ".join(each.__name__ for each in _STEPS)
                raise _wrong(f"a step of {self.event!r} is one of {names}, not {step!r}")
            named = [getattr(step, each, "-") for each in ("path", "into")]
            named += [step.to] if isinstance(step, (Move, Rename)) else []
            if not all(isinstance(each, str) and each for each in named):
                raise _wrong(f"a step of {self.event!r} names nothing: {step!r}")
        if isinstance(self.platforms, str) or not set(self.platforms) <= set(PLATFORMS):
            raise _wrong(f"platforms of {self.event!r}: a list of {', '.join(PLATFORMS)}")
        versions(self.versions)


class Mended(msgspec.Struct, frozen=True):
    """What an event has become: the events in its place, by their ids, the first under its own; and
    the numbers of the repairs that changed something, from 0."""

    events: Sequence[tuple[str, Event]]
    made: Sequence[int]


class _Ready:
    """A repair, made ready for many events."""

    def __init__(self, number: int, repair: Repair) -> None:
        self.number = number
        self.labels = re.compile(translate(repair.event))
        self.platforms = frozenset(repair.platforms)
        self.versions: Versions | None = versions(repair.versions)
        self.steps = tuple(repair.steps)

    def wants(self, draft: Draft) -> bool:
        if not self.labels.match(draft.label):
            return False
        if self.platforms and draft.platform not in self.platforms:
            return False
        return self.versions is None or self.versions.hold(draft.version)


class Repairs:
    """All repairs of a site, in their order."""

    def __init__(self, given: Iterable[Repair]) -> None:
        self._ready = [_Ready(number, each) for number, each in enumerate(given)]
        self.concerns = lru_cache(maxsize=4096)(self._concerns)

    def _concerns(self, label: str) -> bool:
        """Whether any repair may change an event of this label."""
        return any(each.labels.match(label) for each in self._ready)

    def of(self, event: Event, event_id: str) -> Mended | None:
        """What the repairs make of an event, which stays as it is; None: they change nothing."""
        draft = Draft(event, event_id)
        made: set[int] = set()
        drafts = self._from(draft, 0, made)
        if not made:
            return None
        return Mended([(each.id, each.event()) for each in drafts], sorted(made))

    def _from(self, draft: Draft, first: int, made: set[int]) -> list[Draft]:
        """A draft after the repairs from one on, and before the next one whatever was split off:
        the repairs behind that are its own too."""
        split: list[Draft] = []
        for ready in self._ready[first:]:
            if not ready.wants(draft):
                continue
            for step in ready.steps:
                changed, other = step.apply(draft)
                if changed:
                    made.add(ready.number)
                if other is not None:
                    split += self._from(other, ready.number + 1, made)
        return [draft, *split]


def repairs(given: Any) -> Repairs | None:
    """The repairs that a module lists; None for an empty list. SettingsError for anything else."""
    if not isinstance(given, (list, tuple)) or not all(isinstance(e, Repair) for e in given):
        raise _wrong("names a list of track_middleware.plan.repairs.Repair")
    return Repairs(given) if given else None


def _wrong(problem: str) -> SettingsError:
    return SettingsError("repairs", problem)
