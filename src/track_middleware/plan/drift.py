"""Where platforms have drifted apart: what one fills and another does not, or otherwise. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

from .compiled import KNOWN
from .model import Plan
from .observed import OTHERS, UNNAMED, Cell, Observed
from .versions import numbers

#: So many events of a platform, or of a version, are needed to conclude anything.
ENOUGH = 5

#: A property that so many events have is always there; one that fewer than ``RARELY`` have, is not.
MOSTLY, RARELY = 0.8, 0.2

#: Seconds without an event after which it counts as dead; before, it has only not been seen.
DEAD = 7 * 86400.0

#: Seconds that a platform sends nothing before it has stopped.
_SILENT = 86400.0

#: Two names that are less alike than this, 0 to 1, are one only if no other pair could be meant.
_ALIKE = 0.5

#: So many names, and characters of a name, are compared: anybody can send more.
_LOOKED = 50

#: Of two platforms that differ the one is told of that is harder to have right.
_ORDER = ("ios", "android", "web", "backfill", "server")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that has drifted. ``kind``: ``renamed`` (``other`` is its name elsewhere),
    ``missing``, ``types``, ``version`` (it came or went with a release), ``stopped``,
    ``unplanned``, ``dead`` (planned, and nobody has sent it for ``DEAD``), ``unseen`` (planned, and
    not among what was looked at, or not for so long)."""

    kind: str
    event: str
    platform: str
    words: str
    property: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Days:
    """Which events are new and which are dead, by the days on which there were any."""

    new: Mapping[str, str]
    dead: Mapping[str, str]


def days(counts: Mapping[tuple[str, str], int], *, since: str) -> Days:
    """Of numbers by day and event: ``new`` are events whose first day is ``since`` or later,
    ``dead`` those whose last day is before; each with that day. Nothing is new on a log that begins
    then."""
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for day, label in counts:
        first[label] = min(first.get(label, day), day)
        last[label] = max(last.get(label, day), day)
    begins = min(first.values(), default=since) < since
    return Days(
        {name: day for name, day in sorted(first.items()) if begins and day >= since},
        {name: day for name, day in sorted(last.items()) if day < since},
    )


@dataclass(frozen=True, slots=True)
class Past:
    """What all days of the log say, each as 2026-05-04: ``last`` is each event's last day,
    ``begins`` the first of any; what had its last day before ``edge`` is dead."""

    last: Mapping[str, str]
    begins: str
    edge: str
    today: str

    def of(self, label: str) -> tuple[str, str]:
        """Whether an event that was not among what was looked at is ``dead`` or ``unseen``, and the
        words for it."""
        day = self.last.get(label, "")
        since = day or self.begins
        kind = "dead" if since and since < self.edge else "unseen"
        if not day:
            return kind, f"never seen, from {since} on" if since else "not seen yet"
        age = (date.fromisoformat(self.today) - date.fromisoformat(day)).days
        ago = {0: "today", 1: "yesterday"}.get(age, f"{age} days ago")
        return kind, f"last seen {ago}" if age < 1 else f"not seen since {day}, {ago}"


def past(counts: Mapping[tuple[str, str], int], *, day: Callable[[float], str], now: float) -> Past:
    """The days of numbers by day and event; ``day`` names a moment's, ``now`` is epoch seconds."""
    last: dict[str, str] = {}
    for at, label in counts:
        last[label] = max(last.get(label, at), at)
    begins = min((at for at, _ in counts), default="")
    return Past(last, begins, day(now - DEAD), day(now))


def findings(
    observed: Observed, *, past: Past, plan: Plan | None = None, since: float, until: float
) -> list[Finding]:
    """Everything that has drifted, by event; ``since`` and ``until`` are what was looked at, in
    epoch seconds."""
    found: list[Finding] = []
    for event, cells in observed.events().items():
        if event == OTHERS:
            continue
        cells = {name: cell for name, cell in cells.items() if name not in (UNNAMED, OTHERS)}
        sure = {name: cell for name, cell in cells.items() if cell.span.count >= ENOUGH}
        found += _apart(event, sure)
        found += _types(event, cells)
        for platform, cell in sure.items():
            found += _releases(event, platform, cell)
        found += _stopped(event, sure, since, until)
        if plan is not None:
            found += _unplanned(event, cells, plan)
    if plan is not None:
        found += _absent(observed, plan, past, until - since)
    return found


def _apart(event: str, cells: Mapping[str, Cell]) -> Iterator[Finding]:
    """What is always there on other platforms, and not on this one; under another name, if one
    stands there that no other platform knows."""
    told: set[tuple[str, str]] = set()
    for platform in sorted(cells, key=_last_word):
        cell = cells[platform]
        others = {name: other for name, other in cells.items() if name != platform}
        lacks = [name for name in _always(others) if cell.share(name) < RARELY]
        own = [
            name
            for name in cell.properties
            if cell.share(name) >= MOSTLY and not any(o.share(name) > 0 for o in others.values())
        ]
        pairs = dict(_pairs(lacks, own, cell, others))
        for name in lacks:
            where = ", ".join(sorted(each for each in others if others[each].share(name) >= MOSTLY))
            if name in pairs and (pairs[name], name) in told:
                continue  # of two platforms each says it of the other
            if name in pairs:
                told.add((name, pairs[name]))
                words = f"{platform} says {pairs[name]!r} where {where} says {name!r}"
                yield Finding("renamed", event, platform, words, name, pairs[name])
            else:
                words = f"{where} fills {name!r}, {platform} {cell.share(name):.0%} of the time"
                yield Finding("missing", event, platform, words, name)


def _last_word(platform: str) -> tuple[int, str]:
    return (_ORDER.index(platform) if platform in _ORDER else 0), platform


def _always(cells: Mapping[str, Cell]) -> list[str]:
    """Properties that most of these platforms always fill."""
    named = dict.fromkeys(name for cell in cells.values() for name in cell.properties)
    return [
        name
        for name in named
        if name != OTHERS
        and sum(cell.share(name) >= MOSTLY for cell in cells.values()) * 2 > len(cells)
    ]


def _pairs(
    lacks: Sequence[str], own: Sequence[str], cell: Cell, others: Mapping[str, Cell]
) -> Iterator[tuple[str, str]]:
    """Which name stands for which: the pairs that are most alike first, each name once."""
    types = {name: _kinds(*(o.properties[name] for o in others.values() if name in o.properties))
             for name in lacks}  # fmt: skip
    both = [
        (
            SequenceMatcher(None, name[:_LOOKED].lower(), other[:_LOOKED].lower()).ratio(),
            name,
            other,
        )
        for name in lacks[:_LOOKED]
        for other in own[:_LOOKED]
    ]
    only = len(lacks) == len(own) == 1
    left, free = set(lacks), set(own)
    for alike, name, other in sorted(both, reverse=True):
        is_like = alike >= _ALIKE or (only and types[name] & _kinds(cell.properties[other]))
        if is_like and name in left and other in free:
            left.remove(name)
            free.remove(other)
            yield name, other


def _kinds(*filled: object) -> set[str]:
    """The types of some properties, where a whole number is a number."""
    found = {kind for each in filled for kind in getattr(each, "types", ())}
    return {"number" if kind == "integer" else kind for kind in found}


def _types(event: str, cells: Mapping[str, Cell]) -> Iterator[Finding]:
    """A property that has one type here and another there."""
    for name in dict.fromkeys(name for cell in cells.values() for name in cell.properties):
        told: dict[str, set[str]] = {
            platform: _kinds(cell.properties[name])
            for platform, cell in cells.items()
            if name in cell.properties and name != OTHERS
        }
        every = set().union(*told.values()) if told else set()
        if len(every) < 2:
            continue
        usual = Counter(kind for kinds in told.values() for kind in kinds).most_common(1)[0][0]
        odd = [platform for platform, kinds in told.items() if kinds != {usual}]
        words = "; ".join(f"{each}: {', '.join(sorted(kinds))}" for each, kinds in told.items())
        yield Finding("types", event, ", ".join(odd), f"{name!r} is {words}", name)


def _releases(event: str, platform: str, cell: Cell) -> Iterator[Finding]:
    """A property that came or went with a release of the app."""
    known = [each for each in cell.versions if cell.versions[each].count >= ENOUGH]
    known = sorted((each for each in known if numbers(each)), key=lambda each: numbers(each) or ())
    for name, filled in cell.properties.items():
        shares = [filled.versions[each] / cell.versions[each].count for each in known]
        for place in range(1, len(known)):
            before, after = shares[place - 1], shares[place]
            if before >= MOSTLY and after < RARELY:
                words = f"{name!r} is gone since {platform} {known[place]}"
            elif before < RARELY and after >= MOSTLY:
                words = f"{name!r} is there since {platform} {known[place]}"
            else:
                continue
            yield Finding("version", event, platform, words, name)


def _stopped(
    event: str, cells: Mapping[str, Cell], since: float, until: float
) -> Iterator[Finding]:
    """An event that one platform no longer sends, in the last third and at least for a day, and
    another does."""
    edge = until - max((until - since) / 3, _SILENT)
    still = [name for name, cell in cells.items() if cell.span.last >= edge]
    for platform, cell in cells.items():
        if cell.span.last < edge and still:
            words = f"{platform} has stopped sending it, {', '.join(sorted(still))} has not"
            yield Finding("stopped", event, platform, words)


def _unplanned(event: str, cells: Mapping[str, Cell], plan: Plan) -> Iterator[Finding]:
    planned = plan.events.get(event)
    if planned is None:
        if event not in KNOWN:
            where = ", ".join(cells)
            yield Finding("unplanned", event, where, f"the plan does not know it; {where} sends it")
        return
    for platform, cell in cells.items():
        if planned.platforms and platform not in planned.platforms and platform != "backfill":
            words = f"{platform} sends it, and is none of {', '.join(planned.platforms)}"
            yield Finding("unplanned", event, platform, words)
        named = {each.name for each in planned.properties}
        for name in cell.properties if named else ():
            if name not in named and name != OTHERS:
                words = f"the plan does not know {name!r}, which {platform} fills"
                yield Finding("unplanned", event, platform, words, name)


def _absent(observed: Observed, plan: Plan, past: Past, looked_at: float) -> Iterator[Finding]:
    """Planned events that nobody, or one of their platforms, sends. Of single platforms no more is
    known than what was looked at, which may be minutes."""
    seen = observed.events()
    for label, event in plan.events.items():
        cells = seen.get(label, {})
        if not cells:
            kind, words = past.of(label)
            yield Finding(kind, label, ", ".join(event.platforms), words)
            continue
        is_long = looked_at > DEAD - 1 and past.begins <= past.edge
        kind, here, there = (
            ("dead", "does not send it", "does") if is_long
            else ("unseen", "has not sent it of late", "has")
        )  # fmt: skip
        for platform in (name for name in event.platforms if name not in cells):
            words = f"{platform} {here}, {', '.join(sorted(cells))} {there}"
            yield Finding(kind, label, platform, words)
