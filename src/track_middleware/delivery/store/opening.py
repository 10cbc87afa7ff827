"""Which engine keeps a store, by its URL."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..lease import LOCK
from . import sqlite
from .connection import CACHE
from .postgresql.address import address, is_postgresql
from .whole import Store


def opened(
    url: str, data_dir: Path, *, now: Callable[[], float] = time.time, cache: int = CACHE
) -> Store:
    """The store that a ``store`` setting names, made when it is missing. ``cache`` is in KiB, where
    the engine has one here. StoreError when it cannot be used."""
    if is_postgresql(url):
        from .postgresql import opening  # with psycopg, which only sites that ask for it have

        return opening.opened(url, data_dir, now=now)
    return sqlite.open(sqlite.path_of(url, data_dir), now=now, cache=cache)


def to_read(url: str, data_dir: Path) -> Store | None:
    """The store, to read from; None before somebody has made it, or brought it to this release.
    StoreError when it cannot be read."""
    if is_postgresql(url):
        from .postgresql import opening

        return opening.to_read(url, data_dir)
    return sqlite.to_read(sqlite.path_of(url, data_dir))


def is_there(url: str, data_dir: Path) -> bool:
    """Whether somebody has made the store, as far as can be told without asking a server."""
    return is_postgresql(url) or sqlite.path_of(url, data_dir).exists()


def shown(url: str, data_dir: Path) -> str:
    """How the store is called where people read it: without a password."""
    return address(url).shown if is_postgresql(url) else str(sqlite.path_of(url, data_dir))


def touched(url: str, data_dir: Path) -> list[Path]:
    """The files that the data folder's worker writes to every second."""
    if is_postgresql(url):
        return [data_dir / LOCK]
    path = sqlite.path_of(url, data_dir)
    return [path, path.with_name(f"{path.name}-wal")]


def check(url: str) -> None:
    """StoreError for a URL that no engine of this release can use."""
    if is_postgresql(url):
        address(url)
    else:
        sqlite.path_of(url, Path())
