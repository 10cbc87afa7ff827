"""What every engine's connection can do: the seam under the store's rows.

Statements have names, the same for every engine (``queries.sql`` and its neighbours are written for
SQLite; ``postgresql/statements.sql`` holds what PostgreSQL says otherwise).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from . import NewRow
from .gate import Gate
from .locks import Locks

#: Makes of new rows what is written as their bodies.
Placed = Callable[[Sequence[NewRow]], Sequence[bytes]]


def with_bodies(rows: Sequence[NewRow]) -> Sequence[bytes]:
    """Their bodies."""
    return [row.body for row in rows]


class Fence(NamedTuple):
    """A lease, and the generation of it that a connection writes under."""

    lease: str
    generation: int


class Database(Protocol):
    """A connection that one thread uses at a time.

    With ``fences`` every transaction first checks that no later generation of any of these leases
    exists, and raises ``Deposed`` when one does. ``is_shared``: workers of several data folders use
    the store at once. ``drains`` is the lease of whoever drains this data folder; ``gate`` lets
    the threads of one process queue for an engine's only writer; ``locks`` keep workers apart for
    longer than a transaction.
    """

    name: str
    is_shared: bool
    drains: str
    gate: Gate
    fences: tuple[Fence, ...]

    @property
    def locks(self) -> Locks: ...

    def sibling(self) -> Database:
        """Another connection to the same store, with the same fences, for another thread."""
        ...

    def all(self, name: str, values: Any = ()) -> list[Any]:
        """Every row of a named query. StoreError when it cannot be read."""
        ...

    def value(self, name: str, values: Any = ()) -> Any:
        """The first column of a named query's first row, None without one."""
        ...

    def change(self, name: str, values: Any = ()) -> int:
        """Runs a named statement; how many rows it changed. Call inside a transaction."""
        ...

    def change_each(self, name: str, rows: Iterable[Sequence[Any]]) -> int:
        """Runs a named statement for each row; how many rows it changed. Call inside a
        transaction."""
        ...

    def listed(self, values: Iterable[int] | Iterable[float] | Iterable[str]) -> Any:
        """Values as the one parameter of ``IN (SELECT value FROM json_each(?))``."""
        ...

    def globs(self, values: Iterable[str]) -> Any:
        """Globs as the one parameter of a statement that matches them."""
        ...

    def append(self, rows: Sequence[NewRow], *, placed: Placed = with_bodies) -> Mapping[str, int]:
        """``Log.append``. The rows whose ids were not known are written, their bodies as ``placed``
        gives them. Call inside ``batch``, which may not be committed where this has failed."""
        ...

    def batch(self) -> AbstractContextManager[None]:
        """One transaction beside which nothing is written that it could see or change; inside
        another it is part of that one. StoreError when it failed."""
        ...

    def job_batch(self) -> AbstractContextManager[None]:
        """One transaction over rows of one job, which only its holder writes: an engine may let
        those of several jobs run at once. Otherwise as ``batch``."""
        ...

    def aside(self) -> AbstractContextManager[None]:
        """One transaction over leases, which need not wait for anybody's long one. Otherwise as
        ``batch``."""
        ...

    def forget_whole(self, before: float, served: int, destinations: Sequence[str]) -> bool:
        """Removes what an engine keeps together of the log (days, packs), where all of it may go:
        its events were accepted before a moment, lie up to the position ``served``, and none waits
        for these destinations. True when there may be more. Call inside ``batch``."""
        ...

    def ready(self) -> None:
        """StoreError when it is known that nothing can be appended now. Ask before ``batch``, which
        would keep others waiting for nothing."""
        ...

    def let_go(self) -> None:
        """Removes what is kept elsewhere than in the database and no row names any more. Call
        outside ``batch``."""
        ...

    def pack(self, before: float) -> bool:
        """Makes a few events small that were accepted before a moment, where the engine does not by
        itself; True when there may be more. They are read as they were."""
        ...

    def unpack(self, positions: Sequence[int], *, gone: Iterable[str] = ()) -> None:
        """Keeps these events by themselves again, so that nothing of one is left when it goes;
        ``gone`` are order keys whose events all go. Call inside ``batch``."""
        ...

    def noted(self, keys: Sequence[str]) -> tuple[int, Sequence[tuple[int, int]]]:
        """Up to which position it is noted in which parts of the log order keys have events (0:
        nowhere), and these parts of some keys, newest first: behind one position, up to another."""
        ...

    def overwrite_freed(self) -> None:
        """From now on, what this connection removes is overwritten, where the engine can. Call
        outside ``batch``."""
        ...

    def rewrite(self) -> None:
        """Leaves nothing of rows that were removed, as far as the engine can; StoreError when it
        cannot be done now."""
        ...

    def empty_wal(self) -> bool:
        """Cuts off a WAL that is a file of the store's; False where somebody is in the way."""
        ...

    def sync(self) -> None:
        """Puts everything committed on the disk itself, so that its source may be removed."""
        ...

    def close(self) -> None:
        """Closes the connection; an open transaction is undone."""
        ...
