"""What a web process needs of the tracking plan: which names are the server's, which events a
contract needs, and, in development, what breaks the plan at the call.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ..errors import EventError
from ..event import Last, Sink, decode_entry, encoded

if TYPE_CHECKING:
    from ..plan.model import Plan

logger = logging.getLogger("track_middleware")

#: Why the door refuses a key metric of a browser or an app.
SERVERS_OWN = "only the server may send this event"


@dataclass(frozen=True, slots=True)
class Planned:
    """``server_only``: events that no browser and no app may send. ``contracts``: those that are
    kept whatever the consent. ``checks``: what each verb's event is checked by; None in
    production, where the worker does it."""

    server_only: frozenset[str] = frozenset()
    contracts: frozenset[str] = frozenset()
    checks: Plan | None = None

    def checked(self, sink: Sink) -> Sink:
        """The sink, which in development first looks whether an event breaks the plan: by the
        plan's mode that is logged, or raised at the call as an EventError."""
        if self.checks is None:
            return sink

        def first(entries: Sequence[Last]) -> bool:
            for entry in entries:
                self._look(entry)
            return sink(entries)

        return first

    def _look(self, given: Last) -> None:
        entry = decode_entry(encoded(given))
        # What we say by ourselves (a sign-in) is no call of anybody's.
        if self.checks is None or entry.event is None or entry.how is not None:
            return
        found = self.checks.check(msgspec.to_builtins(entry.event))
        if not found:
            return
        text = f"{entry.event.label!r} breaks the tracking plan: {'; '.join(map(str, found))}"
        if self.checks.mode_of(entry.event.label) != "warn":
            raise EventError(text)
        logger.warning("%s", text)


#: Without a plan.
NOTHING = Planned()


def of(plan: Plan, *, debug: bool) -> Planned:
    """What is needed of a plan."""
    events = plan.events.values()
    return Planned(
        frozenset(event.name for event in events if event.server_only),
        frozenset(event.name for event in events if event.basis == "contract"),
        plan if debug else None,
    )
