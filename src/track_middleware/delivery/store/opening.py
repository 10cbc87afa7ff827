"""Which engine keeps a store, by its URL, and where it is by now if it was moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ...errors import StoreError
from ..lease import LOCK
from . import brokers, moved, sqlite
from .bodies import Held
from .connection import CACHE
from .home import Around, alone
from .postgresql.address import address, is_postgresql
from .recent import Recent
from .whole import Store


def opened(
    url: str,
    data_dir: Path,
    *,
    now: Callable[[], float] = time.time,
    cache: int = CACHE,
    serves: bool = False,
) -> Store:
    """The store that a ``store`` setting names, made when it is missing. ``cache`` is in KiB, where
    the engine has one here; ``serves``: what is stored is read at once. StoreError when it
    cannot be used, or is just being moved."""
    url = present(url, data_dir)
    if moved.is_moving(data_dir):
        raise StoreError(f"the store {_called(url, data_dir)} is being moved; wait for its end")
    ledger, broker, around = _parts(url)
    if is_postgresql(ledger):
        from .postgresql import opening  # with psycopg, which only sites that ask for it have

        return opening.opened(ledger, data_dir, now=now, broker=broker, around=around)
    return sqlite.open(
        sqlite.path_of(ledger, data_dir),
        now=now,
        cache=cache,
        recent=Recent() if serves else None,
        broker=broker,
        around=around,
    )


def to_read(url: str, data_dir: Path) -> Store | None:
    """The store, to read from; None before somebody has made it, or brought it to this release.
    StoreError when it cannot be read."""
    ledger, broker, around = _parts(present(url, data_dir))
    if is_postgresql(ledger):
        from .postgresql import opening

        return opening.to_read(ledger, data_dir, broker=broker, around=around)
    return sqlite.to_read(sqlite.path_of(ledger, data_dir), broker=broker, around=around)


def is_there(url: str, data_dir: Path) -> bool:
    """Whether somebody has made the store, as far as can be told without asking a server."""
    ledger = brokers.ledger_of(present(url, data_dir))
    return is_postgresql(ledger) or sqlite.path_of(ledger, data_dir).exists()


def shown(url: str, data_dir: Path) -> str:
    """How the store is called where people read it: without a password."""
    return _called(present(url, data_dir), data_dir)


def watched(url: str, data_dir: Path) -> moved.Watch:
    """Tells whether the store is still where it is now."""
    return moved.Watch(data_dir, key(present(url, data_dir), data_dir))


def touched(url: str, data_dir: Path) -> list[Path]:
    """The files that the data folder's worker writes to every second."""
    ledger = brokers.ledger_of(present(url, data_dir))
    if is_postgresql(ledger):
        return [data_dir / LOCK]
    path = sqlite.path_of(ledger, data_dir)
    return [path, path.with_name(f"{path.name}-wal")]


def at_broker(url: str, data_dir: Path) -> Held | None:
    """What the broker says that keeps the bodies of a store's events; None where none does.
    StoreError when it cannot be asked."""
    url = present(url, data_dir)
    if not brokers.is_broker(url):
        return None
    with closing(brokers.bodies(brokers.broker(url))) as bodies:
        return bodies.held()


def make_at_broker(url: str, data_dir: Path, *, keep_days: int) -> None:
    """Makes the log at the broker, where one keeps the bodies. StoreError when it cannot."""
    url = present(url, data_dir)
    if brokers.is_broker(url):
        with closing(brokers.bodies(brokers.broker(url))) as bodies:
            bodies.make(keep_days)


def check(url: str) -> None:
    """StoreError for a URL that no engine of this release can use."""
    _called(url, Path())


def present(url: str, data_dir: Path) -> str:
    """The URL of where the store is by now."""
    return moved.target(data_dir, key(url, data_dir)) or url


def key(url: str, data_dir: Path) -> str:
    """What a store is called in the note of where it went, wherever one stands."""
    if brokers.is_broker(url):
        broker = brokers.broker(url)
        return f"{broker.name}, ledger {key(broker.ledger, data_dir)}"
    if is_postgresql(url):
        return address(url).shown
    return str(sqlite.path_of(url, data_dir).absolute())


def _called(url: str, data_dir: Path) -> str:
    if brokers.is_broker(url):
        broker = brokers.broker(url)
        return f"{broker.shown}, ledger {_called(broker.ledger, data_dir)}"
    return address(url).shown if is_postgresql(url) else str(sqlite.path_of(url, data_dir))


def _parts(url: str) -> tuple[str, str, Around]:
    """A URL's ledger, where the bodies of its events are ("": in the ledger), and what makes a
    connection to the ledger one to all of the store."""
    if not brokers.is_broker(url):
        return url, "", alone
    broker = brokers.broker(url)
    return broker.ledger, broker.name, brokers.around(broker)
