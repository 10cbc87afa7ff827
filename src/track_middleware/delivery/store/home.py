"""Where the bodies of a store's events are at home: in the log itself, or at a broker.

The ledger says it once the first body was put there, so that nobody takes notes for bodies who does
not know of the broker.
"""

from __future__ import annotations

from collections.abc import Callable

from ...errors import StoreError
from .database import Database

#: How what stands in a row instead of a body begins (``sealing.py``). No JSON does, and no place in
#: a pack (``packs.py``).
MARK = b"\x03"

#: What makes a connection to the ledger one to the whole store (``brokers.around``).
Around = Callable[[Database], Database]


def is_note(value: bytes) -> bool:
    """Whether a row's body is elsewhere."""
    return value[:1] == MARK


def alone(ledger: Database) -> Database:
    """A store that has its bodies itself."""
    return ledger


def check(ledger: Database, broker: str) -> None:
    """StoreError when a ledger's bodies are elsewhere than at this broker ("": in the log)."""
    found = ledger.value("broker")
    if found not in (None, broker):
        raise StoreError(
            f"the bodies of the events in {ledger.name} are at {found}; set store to that broker, "
            "with this as its ledger"
        )
