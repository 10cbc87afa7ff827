"""How PostgreSQL's log gets its events: unknown ids alone, by COPY, behind all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import NewRow
from ..database import Placed
from ..keys import keys_of
from .days import Days, make
from .dialect import statement

#: The types of the copied columns, in their order.
_TYPES = (
    "int4", "int8", "text", "text", "float8", "text", "text", "bytea", "bytea", "text", "int4",
    "bytea",
)  # fmt: skip


def append(db: Days, rows: Sequence[NewRow], placed: Placed) -> Mapping[str, int]:
    """``Database.append``."""
    fresh = _unknown(db, rows)
    if not fresh:
        return {}
    bodies = placed(fresh)  # before the log's end is taken, for which all hosts wait
    last, day = db.ran("log_next", {"count": len(fresh)}).fetchall()[0]
    make(db, day)
    first = last - len(fresh) + 1
    newest = max(row.accepted_at for row in fresh)
    db.ran("log_day_add", {"day": day, "first": first, "last": last, "newest": newest})
    with db.raw.cursor() as cursor, cursor.copy(statement("log_copy")) as copy:
        copy.set_types(_TYPES)
        for position, (row, body) in enumerate(zip(fresh, bodies, strict=True), first):
            copy.write_row(_values(day, position, row, body))
    return {row.event_id: position for position, row in enumerate(fresh, first)}


def _unknown(db: Days, rows: Sequence[NewRow]) -> Sequence[NewRow]:
    """Remembers the ids of these rows; the rows whose ids were not known before, each once."""
    if not rows:
        return rows
    ids = keys_of([row.event_id for row in rows])
    asked = {"ids": ids, "seen": [row.accepted_at for row in rows]}
    new = {key for (key,) in db.ran("known_add", asked)}
    if len(new) == len(rows):
        return rows
    first: dict[bytes, NewRow] = {}
    for place, row in enumerate(rows):
        first.setdefault(ids[16 * place : 16 * place + 16], row)
    return [row for key, row in first.items() if key in new]


def _values(day: int, position: int, row: NewRow, body: bytes) -> tuple[object, ...]:
    return (
        day, position, row.event_id, row.order_key, row.accepted_at, row.kind, row.label, body,
        row.derived, row.bot, row.derived_version, row.repaired,
    )  # fmt: skip
