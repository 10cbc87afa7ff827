"""The leases' rows: who drains a data folder and, where several workers share a store, who serves
what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .database import Database


class LeaseRow:
    """Reads, takes and renews a lease of a store by compare-and-swap on its generation."""

    def __init__(self, connection: Database, name: str) -> None:
        self._db = connection
        self._name = name

    def read(self) -> tuple[int, int]:
        """The generation, and how often its holder has renewed it."""
        rows = self._db.all("lease_read", (self._name,))
        return (rows[0][0], rows[0][1]) if rows else (0, 0)

    def take(self, generation: int, owner: str) -> int | None:
        """The next generation, if ``generation`` is still the present one; else None."""
        with self._db.aside():
            self._db.change("lease_make", (self._name,))
            taken = self._db.change("lease_take", (owner, self._name, generation))
        return generation + 1 if taken else None

    def renew(self, generation: int) -> bool:
        """A sign of life; False when a later generation exists."""
        with self._db.aside():
            return self._db.change("lease_renew", (self._name, generation)) == 1

    def give_back(self, generation: int) -> None:
        """The next candidate need not wait."""
        with self._db.aside():
            self._db.change("lease_give_back", (self._name, generation))


class Standing(NamedTuple):
    """How a lease stands: its generation, how often its holder has renewed it, and who that is (""
    where nobody has it)."""

    generation: int
    renewals: int
    owner: str


class Leases:
    """Many leases of a store at once."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def renew(self, held: Mapping[str, int]) -> None:
        """A sign of life for each of these generations that is still the present one."""
        if held:
            with self._db.aside():
                self._db.change_each("lease_renew", list(held.items()))

    def standing(self, names: Iterable[str]) -> Mapping[str, Standing]:
        """The leases that somebody holds, and those of these names that were ever held."""
        rows = self._db.all("leases", (self._db.listed(names),))
        return {name: Standing(*rest) for name, *rest in rows}
