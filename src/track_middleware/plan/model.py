"""The tracking plan: which events and properties may exist, per platform.

No I/O happens here. ``load`` makes plans of files; ``Plan.check`` is compiled at its first call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .compiled import Check
from .parts import BASES, KINDS, MODES, NOTHING, TYPES, Basis, Event, Mode, Property, Violation

__all__ = [
    "BASES", "KINDS", "MODES", "NOTHING", "TYPES", "Basis", "Event", "Mode", "Plan", "Property",
    "Violation",
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """A tracking plan. ``events`` are by their labels: a track event's name, else ``Page``,
    ``Screen``, ``Identify``, ``Group``, ``Alias``.

    ``mode`` is that of events that say none, ``unknown`` that of events that the plan does not
    know. ``common`` is a JSON Schema of every message. ``source`` keeps what an imported file says
    besides.
    """

    name: str
    version: str = ""
    events: Mapping[str, Event] = field(default_factory=dict)
    mode: Mode = "warn"
    unknown: Mode = "warn"
    description: str = ""
    common: Mapping[str, Any] | None = None
    source: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def mode_of(self, label: str) -> Mode:
        """What becomes of an event of this label that breaks the plan."""
        event = self.events.get(label)
        return self.unknown if event is None else event.mode or self.mode

    def check(self, event: Mapping[str, Any]) -> tuple[Violation, ...]:
        """How a message, as it is on the wire, breaks the plan; empty: not at all."""
        return self.checker(event)

    @cached_property
    def checker(self) -> Check:
        """The plan, compiled; PlanError when a schema of it cannot be."""
        return Check(self.events, self.common)
