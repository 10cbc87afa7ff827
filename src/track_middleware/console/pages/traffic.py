"""Traffic: visitors, sessions and views, where they came from, and which programs read along."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...delivery.store.rollups import Cell, ViewRows
from ...delivery.viewed import names
from ...enrichment import hosts
from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..span import LENGTHS, Span, span
from ..table import Cell as Said
from ..table import Column, Kind, Table

_ROWS = 50

#: What classes of programs are (``enrichment/bots.py``).
_CLASSES = {
    "live": "AI assistant, for a person who asked",
    "search": "AI search",
    "crawl": "AI training and general crawling",
    "automation": "driven browser",
    "doctor": "our own doctor's visits",
}


def shown(query: Query, reads: Reads) -> Shown:
    """What the rollups say of some days."""
    days = span(query, now=reads.now, time_zone=reads.settings.time_zone)
    context: dict[str, Any] = {"days": days, "lengths": LENGTHS, "totals": None, "behind": 0}
    if reads.store is None:
        return Shown(context, {})
    views = reads.store.views
    cells, people = views.days("all", days.first, days.last), views.people(days.first, days.last)
    visitors = [people.get(day, {}).get("visitors", 0) for day in days.days]
    daily = [cells.get(day, _NONE) for day in days.days]
    context |= {
        "totals": {
            "visitors": views.visitor_count(days.first, days.last),
            "sessions": sum(each.sessions for each in daily),
            "views": sum(each.views for each in daily),
        },
        "series": {"visitors": visitors, "sessions": [each.sessions for each in daily],
                   "views": [each.views for each in daily]},
        "behind": views.end() - views.counted().position,
    }  # fmt: skip
    return Shown(context, _tables(views, days, visitors, daily))


_NONE = Cell("", 0, 0, 0, 0)


def _tables(
    views: ViewRows, days: Span, visitors: list[int], daily: list[Cell]
) -> dict[str, Table]:
    return {
        "days": _by_day(days, visitors, daily),
        "channels": _sessions(views, days, "channel", "Channel", "Channels"),
        "sources": _sources(views, days),
        "campaigns": _campaigns(views, days),
        "landing": _sessions(views, days, "landing", "Page", "Landing pages", "path"),
        "pages": _pages(views, days),
        "programs": _programs(views, days),
    }


def _by_day(days: Span, visitors: list[int], daily: list[Cell]) -> Table:
    columns = (
        Column("day", "Day"),
        Column("visitors", "Visitors", "number"),
        Column("sessions", "Sessions", "number"),
        Column("views", "Views", "number"),
    )
    rows: list[list[Said]] = [
        [name, seen, each.sessions, each.views]
        for name, seen, each in zip(days.names, visitors, daily, strict=True)
        if seen or each.views
    ]
    return Table("By day", columns, rows[::-1])


def _sessions(
    views: ViewRows, days: Span, part: str, head: str, title: str, kind: Kind = "text"
) -> Table:
    columns = (Column(part, head, kind), Column("sessions", "Sessions", "number"))
    cells = views.top(part, days.first, days.last, by="sessions", limit=_ROWS)
    return Table(title, columns, [[each.name, each.sessions] for each in cells if each.sessions])


def _sources(views: ViewRows, days: Span) -> Table:
    """Sources by their sessions; one that is written in several ways is one."""
    cells = views.top("source", days.first, days.last, by="sessions", limit=4 * _ROWS)
    found: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for each in cells:
        name = _source(each.name)
        found[shown.setdefault(name.casefold(), name)] += each.sessions
    columns = (Column("source", "Source"), Column("sessions", "Sessions", "number"))
    rows = [each for each in found.most_common(_ROWS) if each[1]]
    return Table("Sources", columns, rows)


def _source(named: str) -> str:
    """What a source is called whatever a campaign's address calls it: ``google`` is Google, where a
    referrer says so, too."""
    known = hosts.of_name(named)
    return known.name if known is not None else named


def _campaigns(views: ViewRows, days: Span) -> Table:
    """Each campaign with the sessions that came with it, and those of visitors whom it brought
    first."""
    columns = (
        Column("source", "Source"),
        Column("medium", "Medium"),
        Column("campaign", "Campaign"),
        Column("last", "Sessions, last touch", "number"),
        Column("first", "Sessions, first touch", "number"),
    )
    found: dict[tuple[str, ...], list[int]] = {}
    for at, part in enumerate(("campaign", "first")):
        for each in views.top(part, days.first, days.last, by="sessions", limit=4 * _ROWS):
            if each.sessions:
                source, *rest = _apart(each.name, 3)
                found.setdefault((_source(source), *rest), [0, 0])[at] += each.sessions
    most = sorted(found.items(), key=lambda item: (-max(item[1]), item[0]))[:_ROWS]
    rows: list[list[Said]] = [[*named, *counts] for named, counts in most]
    return Table(
        "Campaigns", columns, rows,
        note="Last touch: the session came with it. First touch: its visitor once did.",
        empty="No session of these days came with a campaign.",
    )  # fmt: skip


def _pages(views: ViewRows, days: Span) -> Table:
    columns = (Column("page", "Page", "path"), Column("views", "Views", "number"))
    cells = views.top("page", days.first, days.last, by="views", limit=_ROWS)
    return Table("Pages", columns, [[each.name, each.views] for each in cells])


def _programs(views: ViewRows, days: Span) -> Table:
    columns = (
        Column("class", "Class"),
        Column("program", "Program"),
        Column("views", "Views", "number"),
    )
    rows: list[list[Said]] = []
    for each in views.top("bot", days.first, days.last, by="views", limit=_ROWS):
        kind, name = _apart(each.name, 2)
        rows.append([_CLASSES.get(kind, kind), name, each.views])
    return Table(
        "AI assistants and crawlers", columns, rows,
        note="Programs that say what they are. They stand in no other number of this page.",
        empty="No program was seen on these days.",
    )  # fmt: skip


def _apart(name: str, count: int) -> list[str]:
    """The parts of a cell's name; of the one that stands for all others, itself."""
    return names(name) if name.startswith("[") else [name] + [""] * (count - 1)


PAGE = Page("traffic", "Traffic", shown)
