"""Moves a live installation's store from SQLite into PostgreSQL, or gives the bodies of its events
to a broker from now on: nothing is lost, nothing repeated.

The worker ends its tenure when it is asked to (what is on its way is answered and noted), and
nothing else writes while the rows are copied; the site's processes go on appending to the spool.
The switch is one note in the data folder. What goes to a broker keeps its ledger, or takes it along
into PostgreSQL; events that were stored before keep their bodies there. A call that was cut off
before it leaves the former store as it was, and the next one goes on.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..delivery.lease import LOCK, RENEW, Lease
from ..delivery.store import brokers, moved, opening, packs
from ..delivery.store.postgresql.address import address, folder_of, is_postgresql
from ..delivery.store.sqlite import open as open_sqlite
from ..delivery.store.sqlite import path_of
from ..delivery.store.whole import Store
from ..errors import StoreError

#: How long the worker may take to end what is on its way, in seconds.
PATIENCE = 120.0
_TRY = 0.1

#: In so many seconds every worker that runs gives a sign of life.
_SIGN = 2.5 * RENEW

#: What a moved store's tables are called, so that nobody writes to them by mistake.
_FORMER = "former_"


def move(
    url: str,
    data_dir: Path,
    to: str,
    *,
    progress: Callable[[int], object],
    keep_days: int = 90,
    patience: float = PATIENCE,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Moves the store that a ``store`` setting names; how many events. StoreError when it cannot be
    moved, which leaves it as it was."""
    present = opening.present(url, data_dir)
    ledger = _target(present, data_dir, to)
    resumed = moved.begin(data_dir)
    try:
        _make(to, keep_days=keep_days)
        if opening.key(ledger, data_dir) == opening.key(present, data_dir):
            rest = _rested(present, data_dir, patience=patience, monotonic=monotonic)
            with rest as store:
                store.keep_bodies_at(brokers.broker(to).name)
                moved.note(data_dir, former=opening.key(present, data_dir), url=to)
                return store.end()
        path = path_of(present, data_dir)
        with _at_rest(path, data_dir, patience=patience, monotonic=monotonic) as generation:
            return _copied(path, data_dir, to, generation, resumed=resumed, progress=progress)
    finally:
        moved.end(data_dir)


def _target(present: str, data_dir: Path, to: str) -> str:
    """The ledger of where a store goes, which is the store itself but for a broker. StoreError
    where it cannot go."""
    ledger = brokers.ledger_of(to)
    is_same = opening.key(ledger, data_dir) == opening.key(present, data_dir)
    is_moved = brokers.is_broker(present) or is_postgresql(present)
    if is_moved and not (is_same and brokers.is_broker(to)):
        moved.end(data_dir)  # a call that was killed behind its note has not said so
        where = "at a broker" if brokers.is_broker(present) else "in PostgreSQL"
        raise StoreError(f"the store is {where} already: {opening.shown(present, data_dir)}")
    if not (is_postgresql(ledger) or (is_same and brokers.is_broker(to))):
        raise StoreError("a store can be moved to postgresql://… or a broker (nats://…, kafka://…)")
    if not opening.is_there(present, data_dir):
        shown = opening.shown(present, data_dir)
        raise StoreError(f"there is no store yet at {shown}; set store to the new URL instead")
    if is_postgresql(ledger):
        address(ledger)
    return ledger


@contextmanager
def _rested(
    url: str, data_dir: Path, *, patience: float, monotonic: Callable[[], float]
) -> Iterator[Store]:
    """The store that stays the ledger, once its worker has let go and no other host's works."""
    is_shared = is_postgresql(url)
    store = _opened(url, data_dir) if is_shared else open_sqlite(path_of(url, data_dir))
    with (
        closing(store),
        _resting(store, data_dir, patience=patience, monotonic=monotonic),
    ):
        deadline = monotonic() + patience
        while is_shared and _others_work(store):
            if monotonic() >= deadline:
                raise StoreError("workers of other hosts are running: stop them, then call again")
        yield store


def _opened(url: str, data_dir: Path) -> Store:
    from ..delivery.store.postgresql.opening import opened  # though it is being moved

    return opened(url, data_dir)


def _others_work(store: Store) -> bool:
    """Whether anybody renews a lease but this process."""
    before = store.leases.standing(())
    time.sleep(_SIGN)
    return any(
        each != before.get(name) for name, each in store.leases.standing(()).items() if each.owner
    )


def _make(to: str, *, keep_days: int) -> None:
    """A broker's log is there from now on. StoreError while nobody has been told of it."""
    if brokers.is_broker(to):
        with closing(brokers.bodies(brokers.broker(to))) as bodies:
            bodies.make(keep_days)


@contextmanager
def _at_rest(
    path: Path, data_dir: Path, *, patience: float, monotonic: Callable[[], float]
) -> Iterator[int]:
    """The store's lease, once its worker has let go; its generation."""
    with (
        closing(open_sqlite(path)) as store,
        _resting(store, data_dir, patience=patience, monotonic=monotonic) as generation,
    ):
        yield generation


@contextmanager
def _resting(
    store: Store, data_dir: Path, *, patience: float, monotonic: Callable[[], float]
) -> Iterator[int]:
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
        _told(path),
        closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as source,
        closing(Connection(address(brokers.ledger_of(to)), folder_of(data_dir))) as target,
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


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite refuses is a StoreError: somebody else writes, the file or the disk is broken."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"the store {path} cannot be moved: {error}") from error
