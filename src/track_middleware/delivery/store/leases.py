"""The lease's row in SQLite."""

from __future__ import annotations

from .connection import Connection


class SqliteLease:
    """Reads, takes and renews the lease by compare-and-swap on its generation."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def read(self) -> tuple[int, int]:
        """The generation, and how often its holder has renewed it."""
        generation, renewals = self._db.all("lease_read")[0]
        return generation, renewals

    def take(self, generation: int, owner: str) -> int | None:
        """The next generation, if ``generation`` is still the present one; else None."""
        with self._db.batch():
            taken = self._db.change("lease_take", (owner, generation))
        return generation + 1 if taken else None

    def renew(self, generation: int) -> bool:
        """A sign of life; False when a later generation exists."""
        with self._db.batch():
            return self._db.change("lease_renew", (generation,)) == 1
