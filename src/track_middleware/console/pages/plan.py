"""Plan: what broke it, where platforms have drifted apart, and what events cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ...delivery import counters, looking, parts
from ...delivery.store.letters import Choice
from ...delivery.store.whole import Store
from ...history.cost import costs
from ...history.observing import observed
from ...plan import drift
from ...plan.cost import By, Cost, Halving, halving
from ...plan.observed import Observed
from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..span import named
from ..table import Cell, Column, Table

#: The newest events that are looked at where the worker has looked at none, and the most that one
#: may ask for.
EVENTS, MOST = 1000, 20_000

#: Days of which is told what the worker has looked at, and the most that one may ask for.
DAYS, MOST_DAYS = 7, 90

#: Letters whose reasons are counted.
_LETTERS = 500

#: Events by day and name.
Counts = Mapping[tuple[str, str], int]

#: What events cost, by place and name.
Spent = Mapping[str, Mapping[str, Cost]]

#: What is counted of the plan, and what happened to those events.
_COUNTED = {
    "plan_warned": "went on with a warning",
    "plan_quarantined": "wait among the dead letters",
    "plan_refused": "were refused",
}

_VIOLATIONS = (
    Column("event", "Event"),
    Column("reason", "Reason"),
    Column("letters", "Letters", "number"),
    Column("last", "Last", "time"),
)
_FINDINGS = (
    Column("kind", "Kind"),
    Column("event", "Event"),
    Column("platform", "Platform"),
    Column("property", "Property"),
    Column("words", "What is seen"),
)
_DAYS = (
    Column("event", "Event"),
    Column("state", "State"),
    Column("day", "First or last seen"),
)
_COSTS = (
    Column("place", "Place"),
    Column("event", "Event"),
    Column("events", "Events", "number"),
    Column("rows", "Rows", "number"),
    Column("bytes", "Bytes", "size"),
    Column("share", "Of the place", "share"),
)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a page is about: ``events`` that were looked at, what was seen of them, and what all of
    their days' cost by place and event."""

    events: int
    seen: Observed
    spent: Spent


def shown(query: Query, reads: Reads) -> Shown:
    """The plan held against what the worker has looked at of the last days, or where it is asked
    for, against the newest events."""
    plan = reads.plan
    number = query.number("events", 0, high=MOST)
    length = query.number("days", DAYS, low=1, high=MOST_DAYS)
    by: By = "bytes" if query.text("by") == "bytes" else "rows"
    store = reads.store
    counted = Counter(counters.totals(reads.data_dir / counters.FOLDER))
    counted.update(store.counters() if store is not None else {})
    context = {
        "plan": reads.settings.plan or "",
        "planned": len(plan.events) if plan is not None else 0,
        "counted": {words: counted[name] for name, words in _COUNTED.items() if counted[name]},
        "number": number,
        "length": length,
        "looked": 0,
        "by": by,
        "halving": {},
    }
    if store is None:
        return Shown(context)
    counts = store.event_counts()
    sight = None if number else _looked(store, length, reads, counts)
    if sight is None:
        sight = _scanned(store, reads, max(0, store.end() - (number or EVENTS)))
    context |= {"looked": sight.events, "halving": _halvings(sight.spent, reads, by)}
    return Shown(context, _tables(store, reads, sight, counts, by))


def _tables(store: Store, reads: Reads, sight: _Sight, counts: Counts, by: By) -> dict[str, Table]:
    return {
        "violations": Table("Violations", _VIOLATIONS, _violations(store)),
        "drift": _matrix(sight.seen),
        "findings": Table(
            "Drift", _FINDINGS, _findings(sight.seen, counts, reads), empty="Nothing has drifted."
        ),
        "days": Table(
            "New and dead events",
            _DAYS,
            _days(counts, reads),
            note="New: first seen within 7 days. Dead: not seen for 7 days.",
        ),
        "cost": Table("Cost", _COSTS, _costly(sight.spent, by)),
    }


def _looked(store: Store, length: int, reads: Reads, counts: Counts) -> _Sight | None:
    """What the worker has looked at of so many days; None where that is nothing."""
    first = parts.ordinals(reads.settings.time_zone)(reads.now) - (length - 1)
    found = looking.looks(store.looks.since(first))
    if not found:
        return None
    events = sum(look.events for _, _, look in found)
    spent = looking.spent(found, lambda day, label: counts.get((named(day), label), 0))
    return _Sight(events, looking.seen(found), spent)


def _scanned(store: Store, reads: Reads, after: int) -> _Sight:
    """What the events behind a position look like."""
    spent = costs(store, reads.routes, after=after, now=reads.now)
    return _Sight(store.end() - after, observed(store, after=after), spent.places)


def _violations(store: Store) -> list[list[Cell]]:
    """Reasons of the plan's newest letters, those that most have first."""
    counts: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], float] = {}
    for each in store.letters.chosen(Choice(stage="plan"), limit=_LETTERS):
        key = (each.label, each.reason)
        counts[key] += 1
        last[key] = max(last.get(key, 0.0), each.time)
    return [[*key, count, last[key]] for key, count in counts.most_common()]


def _matrix(seen: Observed) -> Table:
    """Events by platform; under each its properties, and how often each platform fills them."""
    platforms = seen.platforms()
    columns = (
        Column("event", "Event"),
        Column("property", "Property"),
        *[Column(f"platform:{name}", name) for name in platforms],
    )
    rows: list[list[Cell]] = []
    for event, cells in seen.events().items():
        rows.append([event, None, *[
            f"{cells[name].span.count:,}" if name in cells else None for name in platforms
        ]])  # fmt: skip
        names = dict.fromkeys(name for cell in cells.values() for name in cell.properties)
        rows += [
            [event, name, *[f"{cells[p].share(name):.0%}" if p in cells else None
                            for p in platforms]]
            for name in names
        ]  # fmt: skip
    return Table("Matrix", columns, rows, note="How many events, and how many of them say what.")


def _findings(seen: Observed, counts: Counts, reads: Reads) -> list[list[Cell]]:
    moments = [cell.span for cell in seen.cells.values()]
    since = min((span.first for span in moments), default=reads.now)
    day = parts.days(reads.settings.time_zone)
    past = drift.past(counts, day=day, now=reads.now)
    found = drift.findings(seen, past=past, plan=reads.plan, since=since, until=reads.now)
    return [[each.kind, each.event, each.platform, each.property, each.words] for each in found]


def _days(counts: Counts, reads: Reads) -> list[list[Cell]]:
    since = parts.days(reads.settings.time_zone)(reads.now - drift.DEAD)
    found = drift.days(counts, since=since)
    states = (("new", found.new), ("dead", found.dead))
    return [[name, state, day] for state, every in states for name, day in every.items()]


def _costly(spent: Spent, by: By) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for place, every in spent.items():
        total = sum(cost.of(by) for cost in every.values()) or 1.0
        for label, cost in sorted(every.items(), key=lambda each: (-each[1].of(by), each[0])):
            rows.append([
                place, label, cost.events, round(cost.of("rows")), round(cost.of("bytes")),
                cost.of(by) / total,
            ])  # fmt: skip
    return rows


def _halvings(spent: Spent, reads: Reads, by: By) -> dict[str, Halving]:
    """What would halve each place's cost, where anything can."""
    plan = reads.plan
    kept = [
        name
        for name, each in (plan.events.items() if plan is not None else ())
        if each.server_only or each.basis == "contract"
    ]
    found = {place: halving(every, by=by, kept=kept) for place, every in spent.items()}
    return {place: how for place, how in found.items() if how.drop}


PAGE = Page("plan", "Plan", shown)
