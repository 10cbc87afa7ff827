"""The log's partitions: one for each day on which events were stored, dropped as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import psycopg


class Days(Protocol):
    """What of a connection is needed here; ``days`` are those whose partitions are known to be
    there."""

    days: set[int]

    @property
    def raw(self) -> psycopg.Connection[Any]: ...

    def ran(self, name: str, values: Any = ()) -> psycopg.Cursor[Any]: ...


_TODAY = "SELECT (extract(epoch FROM now()) / 86400)::integer"

_IN_TURN = "SELECT pg_advisory_xact_lock(hashtext('track days ' || current_schema()))"


def ahead(db: Days) -> None:
    """Today's partition and tomorrow's are there from now on: making one waits for whoever reads
    the log, and keeps them waiting until the transaction's end."""
    found = db.raw.execute(_TODAY).fetchone()
    for day in (found[0], found[0] + 1) if found else ():
        make(db, day)


def make(db: Days, day: int) -> None:
    """A day's partition is there from now on. Call while holding the log's end."""
    if day in db.days:
        return
    there = db.raw.execute("SELECT to_regclass(%s) IS NOT NULL", [f"log_{day}"]).fetchone()
    if not (there and there[0]):
        with db.raw.transaction():
            db.raw.execute(_IN_TURN)
            part = f"log_{day} PARTITION OF log FOR VALUES IN ({day})"
            db.raw.execute(f"CREATE TABLE IF NOT EXISTS {part}".encode())
    db.days.add(day)


def forget(db: Days, before: float, served: int, destinations: Sequence[str]) -> None:
    """Drops the days whose events were all accepted before a moment, that lie up to the position
    ``served``, and of which nothing waits for these destinations. Call inside ``batch``."""
    for day, first, last in db.ran("log_days", {"before": before}).fetchall():
        asked = {"first": first, "last": last, "destinations": list(destinations)}
        if last > served or db.ran("log_day_waits", asked).fetchone():
            continue
        db.raw.execute(f"DROP TABLE IF EXISTS log_{day}".encode())
        db.ran("log_day_drop", (day,))
        db.days.discard(day)
