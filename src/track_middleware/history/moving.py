"""Moves a live installation's store from SQLite into PostgreSQL: nothing is lost, nothing repeated.

The worker ends its tenure when it is asked to (what is on its way is answered and noted), and
nothing else writes while the rows are copied; the site's processes go on appending to the spool.
The switch is one note in the data folder. A call that was cut off before it leaves the former store
as it was, and the next one goes on.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..delivery.lease import LOCK, Lease
from ..delivery.store import moved, opening, packs
from ..delivery.store.postgresql.address import address, folder_of, is_postgresql
from ..delivery.store.sqlite import open as open_sqlite
from ..delivery.store.sqlite import path_of
from ..errors import StoreError

#: How long the worker may take to end what is on its way, in seconds.
PATIENCE = 120.0
_TRY = 0.1

#: What a moved store's tables are called, so that nobody writes to them by mistake.
_FORMER = "former_"


def move(
    url: str,
    data_dir: Path,
    to: str,
    *,
    progress: Callable[[int], object],
    patience: float = PATIENCE,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Moves the store that a ``store`` setting names; how many events. StoreError when it cannot be
    moved, which leaves it as it was."""
    present = opening.present(url, data_dir)
    if not is_postgresql(to):
        raise StoreError("a store can be moved to postgresql://… only")
    if is_postgresql(present):
        moved.end(data_dir)  # a call that was killed behind its note has not said so
        raise StoreError(f"the store is in PostgreSQL already: {address(present).shown}")
    path = path_of(present, data_dir)
    if not path.exists():
        raise StoreError(f"there is no store yet at {path}; set store to the new URL instead")
    address(to)
    resumed = moved.begin(data_dir)
    try:
        with _at_rest(path, data_dir, patience=patience, monotonic=monotonic) as generation:
            return _copied(path, data_dir, to, generation, resumed=resumed, progress=progress)
    finally:
        moved.end(data_dir)


@contextmanager
def _at_rest(
    path: Path, data_dir: Path, *, patience: float, monotonic: Callable[[], float]
) -> Iterator[int]:
    """The store's lease, once its worker has let go; its generation."""
    with closing(open_sqlite(path)) as store:
        lease = Lease(store.lease, data_dir / LOCK, owner="migrate", monotonic=monotonic)
        deadline = monotonic() + patience
        try:
            while not lease.acquire():
                if monotonic() >= deadline:
                    raise StoreError("the worker has not ended what it is at; try again later")
                time.sleep(_TRY)
            assert lease.generation is not None
            yield lease.generation
        finally:
            lease.release()


def _copied(
    path: Path,
    data_dir: Path,
    to: str,
    generation: int,
    *,
    resumed: bool,
    progress: Callable[[int], object],
) -> int:
    from ..delivery.store.postgresql.connection import Connection
    from ..delivery.store.postgresql.copying import Copy

    def alive(done: int) -> None:
        moved.touch(data_dir)
        progress(done)

    with (
        closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as source,
        closing(Connection(address(to), folder_of(data_dir))) as target,
        target.told("filled"),
    ):
        packs.Unpacking(source).register()
        source.execute("BEGIN IMMEDIATE")
        copy = Copy(source, target, generation)
        copy.begin(resumed=resumed)
        events = copy.run(alive)
        moved.note(data_dir, former=opening.key(str(path), data_dir), url=to)
        for (table,) in source.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            source.execute(f"ALTER TABLE {table} RENAME TO {_FORMER}{table}")
        source.execute("COMMIT")
        return events
