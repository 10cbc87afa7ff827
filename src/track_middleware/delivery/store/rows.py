"""What the ledger's values are as a statement's parameters."""

from __future__ import annotations

from collections.abc import Sequence

from . import DeadLetter, Job, NewRow, Outcome


def log_values(
    rows: Sequence[NewRow], bodies: Sequence[bytes]
) -> tuple[str, list[tuple[object, ...]]]:
    """The statement that appends these rows with these bodies, and its parameters.

    Python's sqlite3 looks for an adapter of each ``bytes`` and each None (not of a ``bytearray``),
    which takes longer than all the rest of an insertion.
    """
    bare: list[tuple[object, ...]] = [
        (row.event_id, row.order_key, row.accepted_at, row.kind, row.label, bytearray(body))
        for row, body in zip(rows, bodies, strict=True)
    ]
    if not any(row.derived or row.bot or row.repaired or row.derived_version for row in rows):
        return "log_append_bare", bare
    derived = [(row.derived, row.bot, row.derived_version, row.repaired) for row in rows]
    return "log_append", [(*one, *other) for one, other in zip(bare, derived, strict=True)]


def row_values(job: Job, each: Outcome) -> tuple[object, ...]:
    """Of ``delivery_keep``."""
    return (
        job.id, each.position, each.event_id, each.order_key, each.state, each.attempts, each.due,
        each.reason,
    )  # fmt: skip


def letter_values(each: DeadLetter) -> tuple[object, ...]:
    """Of ``dead_add``."""
    return (
        each.stage, each.destination, each.event_id, each.label, each.time, each.reason, each.body,
    )  # fmt: skip
