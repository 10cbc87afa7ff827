"""Where a SQLite store can lie: in a file that is its owner's, on a volume whose locks work."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import StoreError

#: ``struct flock`` of Linux for a write lock on all of a file.
_WHOLE_FILE = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def make(path: Path) -> None:
    """Makes a store's file and its folder where there is none. StoreError where it cannot lie
    there."""
    try:
        _make_private(path)
        has_locks = locks_work(path.parent)
    except OSError as error:
        raise StoreError(f"the store {path} cannot be made: {error}") from error
    if not has_locks:
        raise StoreError(
            f"{path.parent} is on a volume without working file locks, on which SQLite loses "
            "data; set data_dir to a local disk"
        )


def _make_private(path: Path) -> None:
    """The store's file, for its owner only; SQLite gives its companions the same mode.

    One that is there is never opened: closing any descriptor of it would drop the locks of this
    process's other connections, and another process would remove their WAL
    (sqlite.org/howtocorrupt, 2.2).
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return


def locks_work(folder: Path, *, lock: Callable[..., Any] = fcntl.fcntl) -> bool:
    """Whether two holders of a lock in this folder exclude each other (``lock`` is fcntl's).

    On Linux a lock of the open file description conflicts with one of the process (fcntl(2),
    "Open file description locks"), so that one process can ask both sides. Elsewhere all that can
    be asked is whether a lock can be taken.
    """
    with tempfile.NamedTemporaryFile(dir=folder) as one, open(one.name, "rb+") as other:
        try:
            lock(one, fcntl.F_SETLK, _WHOLE_FILE)
        except OSError:
            return False
        if sys.platform != "linux":
            return True
        try:
            lock(other, fcntl.F_OFD_SETLK, _WHOLE_FILE)
        except OSError as error:
            return error.errno in (errno.EACCES, errno.EAGAIN)
    return False
