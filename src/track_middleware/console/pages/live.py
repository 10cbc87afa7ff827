"""Live: events as they come, both halves of a page view, and what each destination made of them."""

from __future__ import annotations

from collections.abc import Sequence

from ..feed import PLATFORMS, Feed, Row, filter_of
from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..table import Column, Table
from ..text import readable

#: Rows of the page; the script keeps no more either.
ROWS = 100

_COLUMNS = (
    Column("position", "Position", "number"),
    Column("at", "Time", "time"),
    Column("type", "Kind"),
    Column("event", "Event"),
    Column("anonymousId", "Visitor"),
    Column("userId", "User"),
    Column("path", "Path"),
    Column("platform", "Platform"),
    Column("bot", "Bot"),
    Column("channel", "Channel"),
    Column("serverHalf", "Server's half"),
    Column("browserHalf", "Browser's half"),
    Column("simulated", "Simulated"),
    Column("destinations", "Destinations"),
)


def shown(query: Query, reads: Reads) -> Shown:
    """The newest events that the filter lets through, and one of them whole where it is asked."""
    store, wanted = reads.store, filter_of(query, reads.visitor)
    feed = Feed(store, reads.routes) if store is not None else None
    rows = feed.newest(wanted, ROWS) if feed else []
    position = query.number("event", 0)
    one = feed.at(position) if feed and position else None
    kept = query.address({"after": feed.end() if feed else 0}, without=("event",))
    context = {
        "rows": rows,
        "stream": f"stream{kept}",
        "platforms": ("", *PLATFORMS),
        "destinations": ("", *[route.name for route in reads.routes]),
        "visitor": reads.visitor,
        "one": one,
        "one_text": readable(one.whole) if one else "",
        "has_gone": bool(position) and one is None,
    }
    return Shown(context, {"events": Table("Events", _COLUMNS, [_cells(row) for row in rows])})


def _cells(row: Row) -> Sequence[str | int | float | bool | None]:
    told = "; ".join(
        f"{each.name}: {each.fate}{f' ({each.words})' if each.words else ''}"
        for each in row.destinations
    )
    return (
        row.position, row.at, row.kind, row.name, row.visitor, row.user, row.path, row.platform,
        row.bot, row.channel, row.server_half, row.browser_half, row.simulated, told,
    )  # fmt: skip


PAGE = Page("live", "Live", shown)
