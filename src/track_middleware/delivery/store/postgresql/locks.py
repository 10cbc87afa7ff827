"""What workers do not do at the same time: advisory locks of a session, which fall with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import psycopg

#: Seconds that ``alone`` waits; meanwhile nobody comes into ``together``. Less than whoever wants
#: to waits for a lock.
_ALONE = 15

_KEY = "hashtextextended('track ' || current_schema() || ' ' || {name}, 0)"
_JOIN = f"SELECT pg_advisory_lock_shared({_KEY.format(name='%s')})".encode()
_LEAVE = b"SELECT pg_advisory_unlock_all()"
_TAKE = (
    "SELECT name FROM unnest(%s::text[]) AS name"
    f" WHERE pg_try_advisory_lock({_KEY.format(name='name')})"
).encode()
_WAIT = f"SELECT pg_advisory_xact_lock({_KEY.format(name='%s')})".encode()


class SessionLocks:
    """``Locks`` of the session that ``raw`` gives; ``told`` tells PostgreSQL's errors as the
    store's."""

    def __init__(
        self,
        raw: Callable[[], psycopg.Connection[Any]],
        told: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._raw = raw
        self._told = told

    @contextmanager
    def together(self, name: str) -> Iterator[None]:
        with self._told("locked"):
            raw = self._raw()
            raw.execute(_JOIN, [name])
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # a lost session has let go of everything
                raw.execute(_LEAVE)

    def alone(self, name: str) -> bool:
        with self._told("locked"), suppress(psycopg.errors.LockNotAvailable):
            raw = self._raw()
            with raw.transaction():
                raw.execute(f"SET LOCAL lock_timeout = '{_ALONE}s'".encode())
                raw.execute(_WAIT, [name])
            return True
        return False

    def taken(self, names: Collection[str]) -> Sequence[str]:
        with self._told("locked"):
            return [name for (name,) in self._raw().execute(_TAKE, [list(names)])]
