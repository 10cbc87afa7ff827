"""Opens a PostgreSQL store for a data folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from .. import home
from ..home import Around, alone
from ..whole import Store
from .address import address, folder_of
from .connection import Connection


def opened(
    url: str,
    data_dir: Path,
    *,
    now: Callable[[], float] = time.time,
    broker: str = "",
    around: Around = alone,
) -> Store:
    """The store of a URL; its schema is made when it is first used. StoreError for a URL that
    cannot be read. ``broker`` and ``around`` are as ``home`` says."""
    connection = Connection(address(url), folder_of(data_dir), broker=broker)
    return Store(around(connection), now=now)


def to_read(url: str, data_dir: Path, *, broker: str = "", around: Around = alone) -> Store | None:
    """The store, to read from; None before somebody has made it, or brought it to this release.
    StoreError when it cannot be reached. No data folder is made for it."""
    folder = folder_of(data_dir) if data_dir.is_dir() else ""
    connection = Connection(address(url), folder, read_only=True, broker=broker)
    with ExitStack() as unmade:
        unmade.callback(connection.close)
        if not connection.is_made:
            return None
        home.check(connection, broker)
        unmade.pop_all()
    return Store(around(connection), now=time.time)
