"""What an import found, counted as it goes by: lines, page views, visitors, sessions, channels.

Counts stay small whatever is imported. No I/O happens here.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from ..event import Event, iso
from .pages import View, channel

#: So many lines that cannot be read are shown.
SHOWN = 5


class Distinct:
    """How many different ids there were: exactly up to ``most``, beyond that to about 1 %.

    Of ids that are digests the smallest ``most`` are kept; how close they lie together says how
    many there are (Bar-Yossef and others, Counting distinct elements in a data stream, 2002).
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._kept: set[int] = set()
        self._largest: list[int] = []

    def add(self, digest: str) -> bool:
        """One more id, a UUID made of a digest; whether it is not among those that are kept."""
        value = int(digest[:8] + digest[9:13], 16)
        if value in self._kept:
            return False
        if self.is_estimate and value > -self._largest[0]:
            return True
        self._kept.add(value)
        heapq.heappush(self._largest, -value)
        if len(self._kept) > self._most:
            self._kept.discard(-heapq.heappop(self._largest))
        return True

    @property
    def is_estimate(self) -> bool:
        """Whether there are more than are kept."""
        return len(self._kept) == self._most

    @property
    def number(self) -> int:
        """How many there were."""
        if not self.is_estimate:
            return len(self._kept)
        return round((self._most - 1) * 2**48 / -self._largest[0])


@dataclass(slots=True)
class Tally:
    """Of one import; times are epoch seconds. ``pages``, ``visitors``, ``sessions`` and
    ``channels`` (of sessions, by their first page) are people's, ``bots`` page views by class."""

    lines: int = 0
    malformed: int = 0
    shown: list[str] = field(default_factory=list)
    events: int = 0
    pages: int = 0
    visitors: Distinct = field(default_factory=Distinct)
    sessions: Distinct = field(default_factory=Distinct)
    channels: Counter[str] = field(default_factory=Counter)
    bots: Counter[str] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None

    def flaw(self, name: str, number: int, why: object) -> None:
        """A line that cannot be read."""
        self.malformed += 1
        if len(self.shown) < SHOWN:
            self.shown.append(f"{name}, line {number}: {why}")

    @property
    def is_readable(self) -> bool:
        """Whether the format is the right one: logs have broken lines, but not one in
        twenty."""
        return self.malformed * 20 <= self.lines

    def event(self, time: float) -> None:
        """One more event, of this time."""
        self.events += 1
        self.first = time if self.first is None or time < self.first else self.first
        self.last = time if self.last is None or time > self.last else self.last

    def view(self, view: View, event: Event, session: str, *, begins: bool) -> None:
        """One more page view; ``begins``: a session, with it."""
        self.event(view.hit.time)
        if view.bot is not None:
            self.bots[view.bot] += 1
            return
        self.pages += 1
        if begins:
            self.visitors.add(event.anonymous_id or "")
            if self.sessions.add(session):
                self.channels[channel(event.context)] += 1

    def told(self) -> dict[str, object]:
        """As JSON."""
        return {
            "lines": self.lines,
            "malformed": self.malformed,
            "examples": self.shown,
            "events": self.events,
            "pages": self.pages,
            "visitors": self.visitors.number,
            "sessions": self.sessions.number,
            "channels": dict(self.channels.most_common()),
            "bots": dict(self.bots.most_common()),
            "first": None if self.first is None else iso(self.first),
            "last": None if self.last is None else iso(self.last),
        }
