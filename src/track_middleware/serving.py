"""What a process that serves the site says of itself to the site's own doctor."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

#: uWSGI's options that let Python's threads run (uwsgi-docs, "Things to know", "Python threads").
_THREADS = ("enable-threads", "threads", "gevent")

#: Folders of a data folder in which every process makes files of its own.
_WRITTEN = ("spool", "counters")


class Serving:
    """Made when the app is loaded, asked in whatever process serves it later."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._loaded_by = os.getpid()

    def __call__(self) -> dict[str, Any]:
        """``threads``: whether threads of ours run here; ``writable``: whether the data folder can
        be written; ``user`` and ``owner``: the numbers of this process's user and of the folder's.
        """
        there = nearest(self._data_dir)
        return {
            "pid": os.getpid(),
            "loadedBy": self._loaded_by,
            "user": os.geteuid(),
            "owner": _owner(there),
            "dataDir": str(self._data_dir),
            "writable": can_keep(self._data_dir),
            "threads": _have_threads(),
        }


def nearest(folder: Path) -> Path:
    """A folder, or of its parents the first that is there; one that may not be looked into counts
    as not there."""
    while not os.path.exists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def can_keep(data_dir: Path) -> bool:
    """Whether this process can keep events in a data folder. Another user's verb, or a master that
    gave its user up, may have made what lies in it."""
    inside = [data_dir / name for name in _WRITTEN]
    return can_write(nearest(data_dir)) and all(
        can_write(each) for each in inside if os.path.exists(each)
    )


def can_write(folder: Path) -> bool:
    """Whether this process may make files in a folder."""
    effective = os.access in os.supports_effective_ids
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def _owner(folder: Path) -> int | None:
    try:
        return folder.stat().st_uid
    except OSError:
        return None


def _have_threads() -> bool:
    uwsgi = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", None)
    return not isinstance(options, dict) or any(name in options for name in _THREADS)
