"""What repairs would change, in words: for people who look before they leap. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..event import Event
from .parts import Violation
from .repairs import Repairs

#: How an event breaks the plan.
Check = Callable[[Event], Sequence[Violation]]

_SHOWN = 120


@dataclass(slots=True)
class Change:
    """One event and what became of it: its name before, and for each event after the repairs its
    name, what is different, and how it breaks the plan."""

    id: str
    label: str
    after: Sequence[tuple[str, Sequence[str], Sequence[str]]]


@dataclass(slots=True)
class Preview:
    """What repairs do to many events. ``seen``: how many were looked at; ``changed``: how many
    became another, or two; ``made``: how often each repair changed something, by its number;
    ``broken``: how many events break the plan, before and after (an event that became two counts
    as one)."""

    seen: int = 0
    changed: int = 0
    broken: tuple[int, int] = (0, 0)
    made: Counter[int] = field(default_factory=Counter)

    def look(
        self, event: Event, event_id: str, repairs: Repairs | None, check: Check | None
    ) -> Change | None:
        """Counts an event; what changes of it, None where nothing does."""
        self.seen += 1
        mended = repairs.of(event, event_id) if repairs is not None else None
        after = [each for _, each in mended.events] if mended else [event]
        before = _words(check, event)
        now = [_words(check, each) for each in after]
        self.broken = (self.broken[0] + bool(before), self.broken[1] + any(now))
        if mended is None:
            return None
        self.changed += 1
        self.made.update(mended.made)
        told = [
            (each.label, tuple(differences(event, each)), words)
            for each, words in zip(after, now, strict=True)
        ]
        return Change(event_id, event.label, told)


def differences(before: Event, after: Event) -> Iterator[str]:
    """What is different, a line each: ``- total: "39.50"``, ``+ revenue: 39.5``."""
    if after.label != before.label or after.name != before.name:
        yield (
            f"{before.label} -> {after.label}"
            if after.label != before.label
            else (f"{before.name} -> {after.name}")
        )
    for bag in ("properties", "traits"):
        old, new = _flat(getattr(before, bag)), _flat(getattr(after, bag))
        for path in dict.fromkeys((*old, *new)):
            if old.get(path) != new.get(path):
                if path in old:
                    yield f"- {path}: {old[path]}"
                if path in new:
                    yield f"+ {path}: {new[path]}"


def _flat(values: Any, path: str = "") -> dict[str, str]:
    """Values by their paths, as JSON."""
    if isinstance(values, Mapping) and values:
        inner = f"{path}." if path else ""
        return {
            name: text
            for key, value in values.items()
            for name, text in _flat(value, f"{inner}{key}").items()
        }
    text = msgspec.json.encode(values).decode()
    return {path: text[:_SHOWN]} if path else {}


def _words(check: Check | None, event: Event) -> tuple[str, ...]:
    return tuple(map(str, check(event))) if check is not None else ()
