"""Loss meter: pages served to people against pages confirmed by a browser, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...delivery.store.rollups import Cell, ViewRows
from ..losses import Loss, blockers, loss, summed
from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..span import LENGTHS, Span, span
from ..table import Cell as Said
from ..table import Column, Table

#: Rows of a table by browser, system, page or country.
_ROWS = 50

_PARTS = {"browser": "Browser", "system": "System", "page": "Page", "country": "Country"}

_DAYS = (
    Column("day", "Day"),
    Column("served", "Served", "number"),
    Column("confirmed", "Confirmed", "number"),
    Column("left", "Left before the script", "number"),
    Column("silent", "No JavaScript, or blocked", "number"),
    Column("odd", "Like a program", "number"),
    Column("share", "Lost", "share"),
)


def shown(query: Query, reads: Reads) -> Shown:
    """What the rollups say of some days."""
    days = span(query, now=reads.now, time_zone=reads.settings.time_zone)
    if reads.store is None:
        return Shown({"days": days, "loss": None, "lengths": LENGTHS, "behind": 0}, {})
    views = reads.store.views
    cells, people = views.days("all", days.first, days.last), views.people(days.first, days.last)
    daily = [_of(cells.get(day), people.get(day, {})) for day in days.days]
    classes = summed(people.values())
    # Days are few visitors: the whole span tells the causes apart better than its days do.
    whole = loss(sum(e.served for e in daily), sum(e.confirmed for e in daily), classes)
    tables = {"days": _by_day(days, daily), "causes": _causes(whole)}
    tables |= {part: _by_part(views, part, title, days) for part, title in _PARTS.items()}
    tables["shared"] = _shared(reads.store.rollups(), days)
    context: dict[str, Any] = {
        "days": days,
        "loss": whole,
        "blockers": blockers(classes),
        "untagged": classes.get("untagged", 0),
        "series": _series(daily),
        "lengths": LENGTHS,
        "baits": bool(reads.settings.bait),
        "behind": views.end() - views.counted().position,
    }
    return Shown(context, tables)


def _of(cell: Cell | None, classes: dict[str, int]) -> Loss:
    return loss(cell.served, cell.confirmed, classes) if cell else Loss()


def _series(daily: Sequence[Loss]) -> dict[str, list[float]]:
    return {
        "confirmed": [each.confirmed for each in daily],
        "left before the script": [each.left for each in daily],
        "no JavaScript, or blocked": [each.silent for each in daily],
        "like a program": [each.odd for each in daily],
    }


def _by_day(days: Span, daily: Sequence[Loss]) -> Table:
    rows: list[list[Said]] = [
        [name, each.served, each.confirmed, each.left, each.silent, each.odd, each.share]
        for name, each in zip(days.names, daily, strict=True)
        if each.served
    ]
    return Table("By day", _DAYS, rows[::-1])


def _causes(whole: Loss) -> Table:
    columns = (
        Column("cause", "Cause"),
        Column("views", "Views", "number"),
        Column("share", "Of the served", "share"),
    )
    named = (
        ("confirmed by a browser", whole.confirmed),
        ("left before the script ran", whole.left),
        ("no JavaScript, or the script was blocked", whole.silent),
        ("like a program: asked as no browser does", whole.odd),
        ("unclear", whole.unclear),
    )
    rows: list[list[Said]] = [
        [name, number, number / whole.served if whole.served else None]
        for name, number in named
        if number or name != "unclear"
    ]
    return Table("What became of the pages that were served", columns, rows)


def _by_part(views: ViewRows, part: str, title: str, days: Span) -> Table:
    columns = (
        Column(part, title, "path" if part == "page" else "text"),
        Column("served", "Served", "number"),
        Column("confirmed", "Confirmed", "number"),
        Column("lost", "Not confirmed", "share"),
    )
    cells = views.top(part, days.first, days.last, by="served", limit=_ROWS)
    rows: list[list[Said]] = [
        [each.name, each.served, each.confirmed, 1 - each.confirmed / each.served]
        for each in cells
        if each.served
    ]
    return Table(f"By {title.lower()}", columns, rows)


def _shared(rollups: dict[tuple[str, str], int], days: Span) -> Table:
    columns = (
        Column("day", "Day"),
        Column("served", "Answers that a cache may keep", "number"),
        Column("told", "Views that browsers told of", "number"),
    )
    rows: list[list[Said]] = [
        [name, rollups.get((name, "served"), 0), rollups.get((name, "page.shared"), 0)]
        for name in reversed(days.names)
    ]
    return Table(
        "Through shared caches", columns, [row for row in rows if row[1] or row[2]],
        note="The server sees such a page once and a cache shows it to many: these views are the "
        "browser's alone, and stand in no other number of this page.",
        empty="No answer of these days may be kept by a shared cache.",
    )  # fmt: skip


PAGE = Page("loss", "Loss meter", shown)
