"""SQLite as the store: one WAL database in the data folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ...errors import StoreError
from . import home
from .connection import CACHE, Connection
from .gate import Gate
from .home import Around, alone
from .recent import Recent
from .whole import Store


def path_of(url: str, data_dir: Path) -> Path:
    """The file that a ``store`` setting names; empty means ``events.db`` in the data folder.

    ``sqlite:////absolute`` and ``sqlite:///relative`` as SQLAlchemy reads them. StoreError for
    another engine.
    """
    if not url:
        return data_dir / "events.db"
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    if scheme != "sqlite":
        raise StoreError(
            f"this release has no store of the kind {scheme}; use sqlite:///file, postgresql://…, "
            "nats://… or kafka://…"
        )
    if not rest.startswith("/") or rest == "/":
        raise StoreError(
            "the store names no file; write sqlite:///file or sqlite:////absolute/file"
        )
    return Path(rest[1:].replace("<data_dir>", str(data_dir)))


def open(
    place: Path | str,
    *,
    now: Callable[[], float] = time.time,
    read_only: bool = False,
    gate: Gate | None = None,
    cache: int = CACHE,
    recent: Recent | None = None,
    broker: str = "",
    around: Around = alone,
) -> Store:
    """The store at a path or ``sqlite:///`` URL, made when it is missing (not ``read_only``).

    StoreError when it cannot be used: no working locks, a newer release's schema, no permission.
    Connections of one process to one store should share a ``gate``. ``recent`` is as in ``Store``,
    ``broker`` and ``around`` are as ``home`` says.
    """
    path = place if isinstance(place, Path) else path_of(place, Path())
    connection = Connection(path, gate=gate or Gate(), read_only=read_only, cache=cache)
    with ExitStack() as unusable:
        unusable.callback(connection.close)
        home.check(connection, broker)
        unusable.pop_all()
    return Store(around(connection), now=now, recent=recent)


def to_read(path: Path, *, broker: str = "", around: Around = alone) -> Store | None:
    """The store, to read from; None before somebody has made it, or brought it to this release."""
    if not path.exists():
        return None
    connection = Connection(path, gate=Gate(), read_only=True)
    with ExitStack() as unusable:
        unusable.callback(connection.close)
        if not connection.is_made:
            return None
        home.check(connection, broker)
        unusable.pop_all()
    return Store(around(connection), now=time.time)
