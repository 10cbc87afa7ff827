"""How SQLite's log gets its events: unknown ids alone, in a few statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from . import NewRow
from .database import Placed
from .keys import keys_of
from .rows import log_values


class Connection(Protocol):
    """What of a connection is needed here."""

    def all(self, name: str, values: Any = ()) -> list[Any]: ...

    def value(self, name: str, values: Any = ()) -> Any: ...

    def change(self, name: str, values: Any = ()) -> int: ...

    def change_many(self, name: str, rows: Sequence[Sequence[Any]]) -> None: ...


def append(db: Connection, rows: Sequence[NewRow], placed: Placed) -> Mapping[str, int]:
    """``Database.append``."""
    fresh = _unknown(db, rows)
    if not fresh:
        return {}
    first = int(db.value("log_end")) + 1
    db.change_many(*log_values(fresh, placed(fresh)))
    places = range(first, first + len(fresh))
    return dict(zip([row.event_id for row in fresh], places, strict=True))


def _unknown(db: Connection, rows: Sequence[NewRow]) -> Sequence[NewRow]:
    """Remembers the ids of these rows; the rows whose ids were not known before, each once."""
    if not rows:
        return rows
    last = db.value("known_last") or 0
    ids = keys_of([row.event_id for row in rows])
    # One statement costs far less than one for each. SQLite reads whole numbers sooner.
    seen = msgspec.json.encode([int(row.accepted_at) for row in rows]).decode()
    if db.change("known_add", {"ids": ids, "seen": seen}) == len(rows):
        return rows
    keys = [ids[place : place + 16] for place in range(0, len(ids), 16)]
    new = {key for (key,) in db.all("known_since", (last,))}
    first: dict[bytes, NewRow] = {}
    for key, row in zip(keys, rows, strict=True):
        first.setdefault(key, row)
    return [row for key, row in first.items() if key in new]
