"""One SQLite connection: its file, schema, transactions and fence."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from ...errors import StoreError
from . import Deposed, NewRow, appending, packs, schema, volume
from .database import Fence, Placed, with_bodies
from .gate import Gate
from .locks import Locks, Threads
from .statements import SQL

#: How long one waits for another's transaction before the store counts as stuck, in seconds.
PATIENCE = 20.0

#: KiB of pages that a connection keeps: the drain's looks up ids all over the store, the others
#: read the log from front to back.
CACHE = 8192
SMALL_CACHE = 2048

#: Bytes of a new store's page: half the calls of the system that SQLite's own 4096 cost.
_PAGE = 8192

#: Pages that the WAL holds when a commit moves them into the store itself. The drain does so for
#: every segment that it removes, which is sooner.
_WAL_PAGES = 4000

#: Rows of one INSERT: SQLite has much to do once per statement.
_BLOCK = 50


class Connection:
    """A connection that one thread uses at a time.

    ``gate`` is shared by the connections of one process, so that they queue for SQLite's one
    writer instead of polling for it. ``cache`` is in KiB; the rest is as ``Database`` says.
    """

    def __init__(
        self, path: Path, *, gate: Gate, read_only: bool = False, cache: int = CACHE
    ) -> None:
        self.path = path
        self.name = str(path)
        self.is_shared = False
        self.drains = "worker"
        self.gate = gate
        self.locks: Locks = Threads()
        self.fences: tuple[Fence, ...] = ()
        self._raw = _opened(path, read_only=read_only)
        self._raw.execute(f"PRAGMA cache_size = -{cache}")
        # A forgotten one is closed without Python 3.13's warning; never at a forked child's exit.
        weakref.finalize(self, self._raw.close).atexit = False

    def sibling(self) -> Connection:
        """Another connection to the same store, with the same fences, for another thread."""
        made = Connection(self.path, gate=self.gate, cache=SMALL_CACHE)
        made.fences, made.locks = self.fences, self.locks
        return made

    @property
    def is_made(self) -> bool:
        """Whether all of this release's schema is there; another process may be making it."""
        try:
            return schema.version(self._raw) >= schema.LATEST
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path} cannot be read: {error}") from error

    def all(self, name: str, values: Any = ()) -> list[Any]:
        """Every row of a named query."""
        try:
            return self._raw.execute(SQL[name], values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path} cannot be read: {error}") from error

    def value(self, name: str, values: Any = ()) -> Any:
        """The first column of a named query's first row, None without one."""
        rows = self.all(name, values)
        return rows[0][0] if rows else None

    def change(self, name: str, values: Any = ()) -> int:
        """Runs a named statement; how many rows it changed. Call inside ``batch``."""
        return self._raw.execute(SQL[name], values).rowcount

    def change_each(self, name: str, rows: Iterable[Sequence[Any]]) -> int:
        """Runs a named statement for each row; how many rows it changed. Call inside ``batch``."""
        return self._raw.executemany(SQL[name], rows).rowcount

    def change_many(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a named INSERT … VALUES (?, …) for many rows, a block of them at a time. Call inside
        ``batch``."""
        whole = len(rows) - len(rows) % _BLOCK
        for start in range(0, whole, _BLOCK):
            values = list(chain.from_iterable(rows[start : start + _BLOCK]))
            self._raw.execute(_block(name), values)
        self._raw.executemany(SQL[name], rows[whole:])

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction; inside another it is part of that one. StoreError when it failed."""
        if self._raw.in_transaction:
            yield
            return
        with self.gate:
            try:
                self._raw.execute("BEGIN IMMEDIATE")
                self._check_fence()
                yield
                self._raw.execute("COMMIT")
            except sqlite3.Error as error:
                raise StoreError(f"the store {self.path} cannot be written: {error}") from error
            finally:
                if self._raw.in_transaction:
                    self._raw.execute("ROLLBACK")

    #: SQLite has one writer.
    job_batch = aside = batch

    def listed(self, values: Iterable[int] | Iterable[float] | Iterable[str]) -> str:
        """Values as a JSON list."""
        return msgspec.json.encode(list(values)).decode()

    globs = listed

    def pack(self, before: float) -> bool:
        with self.batch():
            return packs.pack(self, before)

    def unpack(self, positions: Sequence[int], *, gone: Iterable[str] = ()) -> None:
        packs.unpack(self, positions, gone)

    def noted(self, keys: Sequence[str]) -> tuple[int, Sequence[tuple[int, int]]]:
        return packs.noted(self, keys)

    def forget_whole(self, before: float, served: int, destinations: Sequence[str]) -> bool:
        return packs.forget(self, before, served, destinations)  # what is not packed goes singly

    def ready(self) -> None:
        """Nothing: all of it is here."""

    let_go = ready

    def append(self, rows: Sequence[NewRow], *, placed: Placed = with_bodies) -> Mapping[str, int]:
        return appending.append(self, rows, placed)

    def overwrite_freed(self) -> None:
        """From now on, what this connection removes is overwritten. Call outside ``batch``."""
        self._raw.execute("PRAGMA secure_delete = ON")

    def rewrite(self) -> None:
        """Writes the whole file anew: with an ``empty_wal``, nothing of a row that was removed is
        left. Waits for its turn; StoreError when it cannot be done."""
        with self.gate:
            try:  # in memory the copy could be larger than the machine
                self._raw.execute("PRAGMA temp_store = FILE")
                self._raw.execute("VACUUM")
            except sqlite3.Error as error:
                raise StoreError(f"the store {self.path} cannot be rewritten: {error}") from error
            finally:
                self._raw.execute("PRAGMA temp_store = MEMORY")

    def sync(self) -> None:
        """Puts everything committed on the disk itself, so that its source may be removed."""
        self._raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
        # A reader may keep the checkpoint from the WAL's end. SQLite holds no locks on that file.
        with suppress(FileNotFoundError):
            fd = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def empty_wal(self) -> bool:
        """Cuts the WAL to nothing, with what it held of removed rows; False where somebody is in
        the way, and nobody is waited for."""
        try:
            self._raw.execute("PRAGMA busy_timeout = 0")
            return not self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:
            return False
        finally:
            self._raw.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")

    def close(self) -> None:
        """Closes the connection; an open transaction is undone."""
        self._raw.close()

    def _check_fence(self) -> None:
        for lease, generation in self.fences:
            if self.value("lease_read", (lease,)) != generation:
                raise Deposed("another worker has taken over this store")


@cache
def _block(name: str) -> str:
    """A named INSERT … VALUES (?, …) for a block of rows."""
    head, values = SQL[name].rsplit("VALUES", 1)
    return f"{head}VALUES {','.join([values] * _BLOCK)}"


def _opened(path: Path, *, read_only: bool) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    if not read_only:
        volume.make(path)
    try:
        raw = sqlite3.connect(
            f"{uri}?mode=ro" if read_only else uri, uri=True, timeout=PATIENCE,
            isolation_level=None, check_same_thread=False,
        )  # fmt: skip
    except sqlite3.Error as error:
        raise StoreError(f"the store {path} cannot be opened: {error}") from error
    with ExitStack() as unprepared:
        unprepared.callback(raw.close)
        _prepare(raw, path, read_only=read_only)
        unprepared.pop_all()
    return raw


def _prepare(raw: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    try:
        raw.execute("PRAGMA temp_store = MEMORY")
        packs.Unpacking(raw).register()
        if not read_only:
            _set_up(raw, path)
            schema.upgrade(raw, path)
        elif 0 < schema.version(raw) < schema.LATEST:
            raise StoreError(f"the store {path} is of an older release until its worker starts")
    except sqlite3.Error as error:
        raise StoreError(f"the store {path} cannot be used: {error}") from error


def _set_up(raw: sqlite3.Connection, path: Path) -> None:
    """What is set of a store that is written."""
    raw.execute(f"PRAGMA page_size = {_PAGE}")  # changes nothing where there are pages
    if raw.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError(f"{path.parent} is on a volume where SQLite cannot keep its WAL")
    raw.execute("PRAGMA synchronous = NORMAL")
    raw.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
