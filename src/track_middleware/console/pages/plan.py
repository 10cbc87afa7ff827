"""Plan: what broke it, where platforms have drifted apart, and what events cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ...delivery import counters, parts
from ...delivery.store.letters import Choice
from ...delivery.store.whole import Store
from ...history.cost import Costs, costs
from ...history.observing import observed
from ...plan import drift
from ...plan.cost import By, Halving, halving
from ...plan.observed import Observed
from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..table import Cell, Column, Table

#: The newest events that are looked at, and the most that one may ask for.
EVENTS, MOST = 1000, 20_000

#: Letters whose reasons are counted.
_LETTERS = 500

#: Events by day and name.
Counts = Mapping[tuple[str, str], int]

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


def shown(query: Query, reads: Reads) -> Shown:
    """The plan held against the newest events."""
    plan = reads.plan
    number = query.number("events", EVENTS, low=100, high=MOST)
    by: By = "bytes" if query.text("by") == "bytes" else "rows"
    store = reads.store
    counted = Counter(counters.totals(reads.data_dir / counters.FOLDER))
    counted.update(store.counters() if store is not None else {})
    context = {
        "plan": reads.settings.plan or "",
        "planned": len(plan.events) if plan is not None else 0,
        "counted": {words: counted[name] for name, words in _COUNTED.items() if counted[name]},
        "number": number,
        "by": by,
        "halving": {},
    }
    if store is None:
        return Shown(context)
    after = max(0, store.end() - number)
    seen = observed(store, after=after)
    counts = store.event_counts()
    spent = costs(store, reads.routes, after=after, now=reads.now)
    context["halving"] = _halvings(spent, reads, by)
    tables = {
        "violations": Table("Violations", _VIOLATIONS, _violations(store)),
        "drift": _matrix(seen),
        "findings": Table(
            "Drift", _FINDINGS, _findings(seen, counts, reads), empty="Nothing has drifted."
        ),
        "days": Table(
            "New and dead events",
            _DAYS,
            _days(counts, reads),
            note="New: first seen within 7 days. Dead: not seen for 7 days.",
        ),
        "cost": Table("Cost", _COSTS, _costly(spent, by)),
    }
    return Shown(context, tables)


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


def _costly(spent: Costs, by: By) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for place, every in spent.places.items():
        total = sum(cost.of(by) for cost in every.values()) or 1.0
        for label, cost in sorted(every.items(), key=lambda each: (-each[1].of(by), each[0])):
            rows.append([
                place, label, cost.events, round(cost.of("rows")), round(cost.of("bytes")),
                cost.of(by) / total,
            ])  # fmt: skip
    return rows


def _halvings(spent: Costs, reads: Reads, by: By) -> dict[str, Halving]:
    """What would halve each place's cost, where anything can."""
    plan = reads.plan
    kept = [
        name
        for name, each in (plan.events.items() if plan is not None else ())
        if each.server_only or each.basis == "contract"
    ]
    found = {place: halving(every, by=by, kept=kept) for place, every in spent.places.items()}
    return {place: how for place, how in found.items() if how.drop}


PAGE = Page("plan", "Plan", shown)
