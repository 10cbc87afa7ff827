"""Delivery: how far each destination is, what it answers, and what it refused."""

from __future__ import annotations

from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..table import Column, Table

_DESTINATIONS = (
    Column("name", "Destination"),
    Column("lag", "Events behind", "number"),
    Column("lagSeconds", "Behind for", "seconds"),
    Column("rate", "A minute", "number"),
    Column("delivered", "Delivered", "number"),
)


def shown(query: Query, reads: Reads) -> Shown:
    """Each destination as ``status`` tells it."""
    rows = [[each[column.name] for column in _DESTINATIONS] for each in reads.facts["destinations"]]
    table = Table("Destinations", _DESTINATIONS, rows, empty="No destination is set.")
    return Shown({}, {"destinations": table})


PAGE = Page("delivery", "Delivery", shown)
