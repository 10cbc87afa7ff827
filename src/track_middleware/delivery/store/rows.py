"""What the ledger's values are as a statement's parameters."""

from __future__ import annotations

from . import DeadLetter, Job, Outcome


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
