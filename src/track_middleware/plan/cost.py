"""What events cost in rows and bytes, and what would halve that. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

#: By what something is costly: what most vendors bill, or what a store and a network carry.
By = Literal["rows", "bytes"]

#: Events that others stand on, or that are told once: leaving some of them out breaks the rest.
NEEDED = frozenset(("Identify", "Group", "Alias", "Consent Changed"))

#: Properties whose bytes are told of one event, and are kept of one.
_SHOWN, _MOST = 5, 200

_OTHERS = "…"


class Cost(msgspec.Struct):
    """What one event costs at one place: how many were there, how many rows they make, and the
    bytes of those that were measured."""

    events: int = 0
    measured: int = 0
    measured_rows: int = 0
    measured_bytes: int = 0

    def add(self, events: int) -> None:
        """So many more, which are not measured."""
        self.events += events

    def measure(self, events: int, rows: int, size: int) -> None:
        """Of those that were added, so many make these rows and bytes."""
        self.measured += events
        self.measured_rows += rows
        self.measured_bytes += size

    def join(self, other: Cost) -> None:
        """Another's events too."""
        self.events += other.events
        self.measured += other.measured
        self.measured_rows += other.measured_rows
        self.measured_bytes += other.measured_bytes

    def of(self, by: By) -> float:
        """The rows or bytes of all, by what those that were measured have."""
        if not self.measured:
            return 0.0
        one = self.measured_rows if by == "rows" else self.measured_bytes
        return one * self.events / self.measured


class Sizes(msgspec.Struct):
    """How many bytes each property of so many of an event takes, names included."""

    events: int = 0
    bytes: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, properties: Mapping[str, msgspec.Raw]) -> None:
        """One more event's."""
        self.events += 1
        for name, raw in properties.items():
            known = name if name in self.bytes or len(self.bytes) < _MOST else _OTHERS
            size = len(name.encode("utf-8", "replace")) + len(bytes(raw)) + 4
            self.bytes[known] = self.bytes.get(known, 0) + size

    def largest(self) -> dict[str, float]:
        """Those that take most: bytes for each event of this name, on average."""
        every = sorted(self.bytes.items(), key=lambda each: (-each[1], each[0]))
        return {name: round(size / self.events, 1) for name, size in every[:_SHOWN]}


class Halving(msgspec.Struct, frozen=True):
    """What would halve a place's cost. ``drop``: events without which ``drop_leaves`` (0 to 1) is
    left. ``sample``: events of which only so many visitors' are needed for half; None where the
    rest, which must stay, is more than half."""

    by: By
    drop: Sequence[str]
    drop_leaves: float
    sample: Mapping[str, float] | None


def halving(costs: Mapping[str, Cost], *, by: By, kept: Collection[str] = ()) -> Halving:
    """What would halve the cost of some events at one place. ``kept``: events that must stay, as
    key metrics do."""
    sizes = {name: cost.of(by) for name, cost in costs.items()}
    total = sum(sizes.values())
    free = sorted(
        (name for name in sizes if name not in kept and name not in NEEDED and sizes[name] > 0),
        key=lambda name: (-sizes[name], name),
    )
    chosen = _least(free, sizes, total / 2)
    gone = sum(sizes[name] for name in chosen)
    leaves = 1 - gone / total if total else 1.0
    if not chosen or gone < total / 2:
        return Halving(by, chosen, round(leaves, 4), None)
    share = (gone - total / 2) / gone
    return Halving(by, chosen, round(leaves, 4), dict.fromkeys(chosen, _rounded_down(share)))


def _least(names: Iterable[str], sizes: Mapping[str, float], wanted: float) -> list[str]:
    """The largest ones until there is enough, the last of them no larger than it need be."""
    left = list(names)
    chosen: list[str] = []
    had = 0.0
    while left and had < wanted:
        enough = [name for name in left if had + sizes[name] >= wanted]
        name = enough[-1] if enough else left[0]
        chosen.append(name)
        left.remove(name)
        had += sizes[name]
    return chosen


def _rounded_down(share: float) -> float:
    return int(share * 100) / 100
