"""SQL around somebody's query: its rows in the order of their ids, from a place on. Text only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from ..rows import Row


def wrapped(sql: str) -> str:
    """A query that can stand between brackets, whatever comment it ends with."""
    return f"{sql.strip().rstrip(';').rstrip()}\n"


def quoted(name: str) -> str:
    """A column's name as SQL has it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def condition(column: str, place: Any, mark: str) -> str:
    """What leaves only the rows behind a place; ``mark`` stands for its value."""
    return "" if place is None else f" WHERE {quoted(column)} > {mark}"


def ordered(sql: str, where: str, column: str) -> str:
    """The rows in the order of a column."""
    return f"SELECT * FROM ({sql}) AS source{where} ORDER BY {quoted(column)}"


def counted(sql: str, where: str) -> str:
    """How many rows there are."""
    return f"SELECT COUNT(*) FROM ({sql}) AS source{where}"


def place_of(rows: Sequence[Row], column: str) -> Any:
    """The id of the last row that has one, as JSON keeps it; None where none has."""
    for row in reversed(rows):
        value = row.get(column)
        if isinstance(value, (date, Decimal, UUID)):
            return str(value)
        if value is not None:
            return value if isinstance(value, (int, float, str)) else str(value)
    return None
