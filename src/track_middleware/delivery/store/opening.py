"""Which engine keeps a store, by its URL."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from . import sqlite
from .connection import CACHE
from .whole import Store


def opened(
    url: str, data_dir: Path, *, now: Callable[[], float] = time.time, cache: int = CACHE
) -> Store:
    """The store that a ``store`` setting names, made when it is missing. ``cache`` is in KiB.
    StoreError when it cannot be used."""
    return sqlite.open(sqlite.path_of(url, data_dir), now=now, cache=cache)


def to_read(url: str, data_dir: Path) -> Store | None:
    """The store, to read from; None before somebody has made it, or brought it to this release.
    StoreError when it cannot be read."""
    return sqlite.to_read(sqlite.path_of(url, data_dir))


def is_there(url: str, data_dir: Path) -> bool:
    """Whether somebody has made the store, as far as can be told without asking a server."""
    return sqlite.path_of(url, data_dir).exists()


def shown(url: str, data_dir: Path) -> str:
    """How the store is called where people read it."""
    return str(sqlite.path_of(url, data_dir))


def touched(url: str, data_dir: Path) -> list[Path]:
    """The files that the data folder's worker writes to every second."""
    path = sqlite.path_of(url, data_dir)
    return [path, path.with_name(f"{path.name}-wal")]


def check(url: str) -> None:
    """StoreError for a URL that no engine of this release can use."""
    sqlite.path_of(url, Path())
