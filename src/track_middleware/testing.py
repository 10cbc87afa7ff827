"""For users' own tests: the events that a block of code would have sent.

``captured_events`` is a context manager; a pytest fixture of the same name stands ready wherever
this package is installed (``pytest_plugin``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import wiring
from .event import Entry, Event


class CapturedEvents(list[Event]):
    """The events accepted so far, in their order; grows while the block runs."""

    def named(self, *labels: str) -> list[Event]:
        """The events with one of these names; page views are called ``Page``."""
        return [event for event in self if event.label in labels]

    def take(self, entries: Sequence[Entry]) -> None:
        """Adds what was accepted."""
        self.extend(entry.event for entry in entries if entry.event is not None)


@contextmanager
def captured_events() -> Iterator[CapturedEvents]:
    """While the block runs, every event of this process is kept in memory and sent nowhere.

    Events of a transaction that is later rolled back are in it too.
    """
    events = CapturedEvents()
    with wiring.captured(events.take):
        yield events
