"""One connection to PostgreSQL: statements, transactions, fence; made anew when it was lost."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg

from ....errors import StoreError
from .. import Deposed, NewRow, home
from ..database import Fence, Placed, with_bodies
from ..gate import Gate
from ..locks import Locks
from . import appending, days, pooler, schema, values
from .address import Address
from .dialect import parameters, pattern, statement
from .locks import SessionLocks

#: Seconds: to connect; for somebody else's lock; for one statement. A transaction whose client is
#: silent for so long is undone, and the server asks a silent client whether it is there, which ends
#: its session and locks: a host that went down keeps nobody waiting.
_CONNECT = 5
_LOCK = 20
_STATEMENT = 120
_SILENT = 30

_SET_UP = f"""
SET search_path TO {{schema}};
SET track.folder = '{{folder}}';
SET lock_timeout = '{_LOCK}s';
SET statement_timeout = '{_STATEMENT}s';
SET idle_in_transaction_session_timeout = '{_SILENT}s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET client_min_messages = 'warning';
"""

#: How a transaction begins: nothing beside it, others of its kind beside it, anything beside it.
#: Whoever has waited for a lock sees what its holder has written, whatever the server's default.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_ALONE = f"{_BEGIN}; SELECT pg_advisory_xact_lock({{key}})"
_SHARED = f"{_BEGIN}; SELECT pg_advisory_xact_lock_shared({{key}})"
_ASIDE = _BEGIN

#: What may hold something of persons; an erasure takes it out there.
PERSONAL = (
    "log", "page", "waiting", "delivery", "flight", "dead", "known", "choice", "choice_record",
    "merge", "merge_told", "visitor_join", "history", "counted_session", "rollup_visitor",
    "rollup_session", "job", "erasure",
)  # fmt: skip

#: What says that a value is at fault, not the server: a text that is longer than an index takes.
_TOO_MUCH = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)


class Unkeepable(StoreError, ValueError):
    """A value that PostgreSQL cannot hold: the drain buries its event, and goes on."""


class Connection:
    """A ``Database`` in PostgreSQL, for the data folder of this name.

    It connects when it is first used, and again when the server has gone away between two
    transactions: a server that is down costs an operation, not the worker.
    """

    def __init__(
        self, address: Address, folder: str, *, read_only: bool = False, broker: str = ""
    ) -> None:
        self.address = address
        self.name = address.shown
        self.folder = folder
        self.is_shared = True
        self.drains = f"drain {folder}"
        self.gate = Gate()
        self.fences: tuple[Fence, ...] = ()
        self._read_only = read_only
        self._broker = broker
        self._raw: psycopg.Connection[Any] | None = None
        self._end: weakref.finalize[..., Connection] | None = None
        self._is_inside = False
        self.days: set[int] = set()

    def sibling(self) -> Connection:
        """Another connection to the same store, with the same fences, for another thread."""
        made = Connection(self.address, self.folder, read_only=self._read_only, broker=self._broker)
        made.fences = self.fences
        return made

    @property
    def locks(self) -> Locks:
        """Of this connection's session, whichever it is by then."""
        return SessionLocks(lambda: self.raw, self.told)

    @property
    def is_made(self) -> bool:
        """Whether all of this release's schema is there."""
        with self.told("read"):
            return schema.version(self.raw, self.address.schema) >= schema.LATEST

    @property
    def raw(self) -> psycopg.Connection[Any]:
        """The connection itself, made where there is none."""
        if self._raw is None or (self._raw.closed and not self._is_inside):
            self._raw = self._connected()
            if self._end is not None:
                self._end.detach()  # of one that was lost
            # A forgotten one is closed without psycopg's warning; never at a forked child's exit.
            self._end = weakref.finalize(self, self._raw.close)
            self._end.atexit = False
            self._prepare(self._raw)
        return self._raw

    def all(self, name: str, values: Any = ()) -> list[Any]:
        """Every row of a named query."""
        with self.told("read"):
            return self.ran(name, values).fetchall()

    def value(self, name: str, values: Any = ()) -> Any:
        """The first column of a named query's first row, None without one."""
        rows = self.all(name, values)
        return rows[0][0] if rows else None

    def change(self, name: str, values: Any = ()) -> int:
        """Runs a named statement; how many rows it changed. Call inside a transaction."""
        return self.ran(name, values).rowcount

    def change_each(self, name: str, rows: Iterable[Sequence[Any]]) -> int:
        """Runs a named statement for each row; how many rows it changed. Call inside a
        transaction."""
        given = [parameters(name, row) for row in rows]
        if not given:
            return 0
        if len(given) == 1:
            return self.change(name, given[0])
        with self.raw.cursor() as cursor:
            cursor.executemany(statement(name), given)
            return cursor.rowcount

    def ran(self, name: str, values: Any = ()) -> psycopg.Cursor[Any]:
        """A cursor that has run a named statement; psycopg's own errors."""
        return self.raw.execute(statement(name), parameters(name, values), binary=True)

    def listed(self, values: Iterable[int] | Iterable[float] | Iterable[str]) -> Any:
        """Values as an array."""
        return list(values)

    def globs(self, values: Iterable[str]) -> Any:
        """Globs as an array of regular expressions."""
        return [pattern(each) for each in values]

    def append(self, rows: Sequence[NewRow], *, placed: Placed = with_bodies) -> Mapping[str, int]:
        return appending.append(self, rows, placed)

    def forget_whole(self, before: float, served: int, destinations: Sequence[str]) -> bool:
        """Drops the partitions of days that are over and served. Call inside ``batch``."""
        days.ahead(self)
        days.forget(self, before, served, destinations)
        if self.value("counters_many"):
            self.change("counters_fold")
        return False

    def ready(self) -> None:
        """Nothing: all of it is here."""

    let_go = ready

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction beside which no other runs but one over leases."""
        with self._transaction(_ALONE):
            yield

    @contextmanager
    def job_batch(self) -> Iterator[None]:
        """One transaction beside those of other jobs."""
        with self._transaction(_SHARED):
            yield

    @contextmanager
    def aside(self) -> Iterator[None]:
        """One transaction that waits for nobody but whoever changes the same lease."""
        with self._transaction(_ASIDE):
            yield

    def pack(self, before: float) -> bool:
        return False  # PostgreSQL compresses what is long by itself

    def unpack(self, positions: Sequence[int], *, gone: Iterable[str] = ()) -> None:
        pass

    def noted(self, keys: Sequence[str]) -> tuple[int, Sequence[tuple[int, int]]]:
        return 0, ()

    def overwrite_freed(self) -> None:
        """Nothing: PostgreSQL gives removed rows' places away when it vacuums."""

    def rewrite(self) -> None:
        """Vacuums, so that removed rows' places are free. Backups and the server's own WAL are its
        operator's."""
        with self.told("vacuumed"):
            raw = self.raw
            raw.execute("SET statement_timeout = 0")
            try:
                raw.execute(f"VACUUM {', '.join(PERSONAL)}".encode())
            finally:
                with suppress(psycopg.Error):
                    raw.execute(f"SET statement_timeout = '{_STATEMENT}s'".encode())

    def empty_wal(self) -> bool:
        """True: the WAL is the server's."""
        return True

    def sync(self) -> None:
        """Nothing: a commit is on the server's disk."""

    def close(self) -> None:
        """Closes the connection; an open transaction is undone."""
        if self._raw is not None:
            self._raw.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        if self._is_inside:
            yield
            return
        with self.told("written"):
            raw = self.raw
            self._is_inside, done = True, False
            try:
                self._begin(raw, begin)
                yield
                raw.execute("COMMIT")
                done = True
            finally:
                self._is_inside = False
                if not done:
                    self._undo(raw)

    def _undo(self, raw: psycopg.Connection[Any]) -> None:
        with suppress(psycopg.Error):
            raw.execute("ROLLBACK")
        self.days.clear()  # a partition may be gone with the transaction

    def _begin(self, raw: psycopg.Connection[Any], begin: str) -> None:
        """One round trip: the transaction, its lock and, where there are fences, whether they hold;
        that stays so until the end."""
        key = f"hashtext('track {self.address.schema}')"
        raw.execute(begin.format(key=key).encode())
        if self.fences:
            fences = dict(self.fences)
            if dict(self.all("leases_keep", (list(fences),))) != fences:
                raise Deposed("another worker has taken over what this one did")

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """PostgreSQL's errors as the store's, outside a transaction as at its end."""
        try:
            yield
        except psycopg.Error as error:
            words = error.diag.message_primary or str(error).strip().partition("\n")[0]
            kind = Unkeepable if isinstance(error, _TOO_MUCH) else StoreError
            raise kind(f"the store {self.name} cannot be {what}: {words}") from error

    def _connected(self) -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(
                self.address.conninfo,
                autocommit=True,
                connect_timeout=_CONNECT,
                application_name="track-middleware",
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=_LOCK * 1000,
            )
        except psycopg.Error as error:
            said = str(error).strip().rpartition("FATAL:")[2].partition("\n")[0].strip()
            raise StoreError(f"the store {self.name} cannot be reached: {said}") from error

    def _prepare(self, raw: psycopg.Connection[Any]) -> None:
        self.days.clear()
        with ExitStack() as unprepared:
            unprepared.callback(raw.close)
            pooler.check(raw, self._connected, shown=self.name)
            values.adapt(raw)
            given = {"schema": self.address.schema, "folder": self.folder}
            raw.execute(_SET_UP.format(**given).encode())
            if not self._read_only:
                schema.upgrade(raw, self.address.schema, shown=self.name)
                days.ahead(self)
                home.check(self, self._broker)
            unprepared.pop_all()
