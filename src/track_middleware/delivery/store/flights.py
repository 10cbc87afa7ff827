"""What a job learns: notes of calls which must not be repeated, and rows that are due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import shards
from .database import Database
from .jobs import Flight, Job, Learnt, Outcome, SharedJob

#: A row that is due later than this from now was written by a clock that was wrong, in seconds.
_NEVER = 2 * 86_400.0


def note(db: Database, job: Job, flights: Sequence[Flight]) -> None:
    """Writes what is known of these now; of one event's the last counts. Call inside ``batch``."""
    latest = {(each.position, each.road): each.taken for each in flights}
    kept = [(job.id, *key, taken) for key, taken in latest.items()]
    db.change_each("flight_keep", [values for values in kept if values[-1] is not None])
    db.change_each("flight_back", [values[:-1] for values in kept if values[-1] is None])


def learn(db: Database, job: Job, position: int, learnt: Learnt) -> None:
    """Moves a job behind a position, knowing more than before. Call inside ``batch``, and ``last``
    as its last step."""
    if not isinstance(job, SharedJob):
        db.change("job_move", {**_values(job, learnt), "position": position})
    if learnt.doubtful:
        db.change("counter_add", ("doubtful", learnt.doubtful))
    note(db, job, learnt.flights)


def last(db: Database, job: Job, position: int, learnt: Learnt) -> None:
    """Moves a shared job: its row is what its workers wait for each other for, until the
    transaction's end."""
    if isinstance(job, SharedJob):
        shards.move(db, job, position)
        db.change("job_move", {**_values(job, learnt), "position": None})
        shards.follow(db, job)


def _values(job: Job, learnt: Learnt) -> dict[str, Any]:
    return {
        "job": job.id, "delivered": learnt.delivered, "doubtful": learnt.doubtful,
        "cut": learnt.cut, "answer": learnt.answer, "at": learnt.at, "rate": learnt.rate,
        "pace": learnt.pace,
    }  # fmt: skip


def unknown(db: Database, job: Job) -> int:
    """How many events left of which nobody knows whether they were taken."""
    return int(db.value(*_of("flights_unknown", job)))


def decide(db: Database, job: Job, *, repeat: bool) -> None:
    """What of them nobody knows: they may be sent again, or were taken. Call inside ``batch``."""
    db.change(*_of("flights_unlearn" if repeat else "flights_assume", job))


def end(db: Database, job: Job) -> None:
    """Drops the notes of events that are behind the job and do not wait. Call inside ``batch``."""
    if db.value("flight_first", (job.id,)) is not None:
        db.change("flights_over", {"job": job.id})


def roads(db: Database, job: Job) -> dict[int, frozenset[bytes]]:
    """Every road that is noted, by position."""
    found: dict[int, frozenset[bytes]] = {}
    for position, road in db.all("flights", (job.id,)):
        found[position] = found.get(position, frozenset()) | {road}
    return found


def due(db: Database, job: Job, now: float, limit: int) -> Sequence[Outcome]:
    """``Ledger.due``: key by key, so that what waits behind is not read before its turn."""
    values: dict[str, Any] = {"job": job.id, "now": now, "never": now + _NEVER, "limit": limit}
    query = "delivery_due_keys"
    if isinstance(job, SharedJob):
        query, values["shards"] = "shards_due_keys", db.listed(job.held)
    found: list[Outcome] = []
    for (order_key,) in db.all(query, values):
        if len(found) >= limit:
            break
        rows = db.all("delivery_of_key", (job.id, order_key, limit - len(found)))
        found.extend(Outcome(*row) for row in rows)
    return sorted(found, key=lambda row: row.position)


def next_due(db: Database, job: Job) -> float | None:
    """``Ledger.next_due``."""
    due: float | None = db.value(*_of("delivery_next", job))
    return due


def _of(query: str, job: Job) -> tuple[str, tuple[object, ...]]:
    """A query about a job's rows with its values; of a shared one, about its own shards alone."""
    if isinstance(job, SharedJob):
        return f"{query}_shards", (job.id, list(job.held))
    return query, (job.id,)
