"""Whether a connection keeps its session: a pooler between may lend it to others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg

from ....errors import StoreError

_PID = b"SELECT pg_backend_pid()"

#: So often two connections are compared: a busy pool may lend out a third one's session instead.
_TIMES = 5


def check(
    raw: psycopg.Connection[Any], connected: Callable[[], psycopg.Connection[Any]], *, shown: str
) -> None:
    """StoreError where a pooler gives this connection's session to another between transactions, as
    PgBouncer does with ``pool_mode=transaction``: settings, locks and prepared statements would be
    somebody else's. ``connected`` makes another connection."""
    if _pid(raw) == raw.info.backend_pid:
        return  # nobody is between: a pooler has numbers of its own for its connections
    with closing(connected()) as other:
        if any(_pid(raw) == _pid(other) for _ in range(_TIMES)):
            raise StoreError(
                f"the store {shown} is reached through a pooler that lends a session to others "
                "between transactions; connect to PostgreSQL itself, or to a database of the "
                "pooler's with pool_mode=session"
            )


def _pid(raw: psycopg.Connection[Any]) -> int:
    found = raw.execute(_PID).fetchone()
    return int(found[0]) if found else 0
