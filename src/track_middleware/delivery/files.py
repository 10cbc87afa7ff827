"""Private folders and locked files: what spool, counters and settings share of the file system."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Container
from pathlib import Path

from ..errors import SpoolError

#: Names of files that are not in view yet begin so.
HIDDEN = "."

_ATTEMPTS = 3


def private_folder(path: Path) -> Path:
    """A folder that only its owner may enter, made where missing, its parents likewise."""
    if not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def create_locked(folder: Path, name: str, opened: Callable[[int], object]) -> int:
    """The descriptor of a new file that is already locked when others first see it.

    The file is made under a hidden name, locked by ``flock`` and renamed into view. ``opened`` is
    told the descriptor at once, so that a child forked meanwhile can close it. OSError as the
    system says; SpoolError when somebody keeps taking the hidden file away.
    """
    private_folder(folder)
    for _ in range(_ATTEMPTS):
        hidden = folder / (HIDDEN + name)
        fd = os.open(hidden, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            opened(fd)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(folder / name)
        except (BlockingIOError, FileNotFoundError):
            os.close(fd)  # a worker took it for a dead process's leftover
            hidden.unlink(missing_ok=True)
            continue
        except OSError:
            os.close(fd)
            hidden.unlink(missing_ok=True)
            raise
        return fd
    raise SpoolError(f"{folder}: new files are taken away while they are made")


def lock_taken(fd: int) -> bool:
    """Whether this descriptor now holds the file's lock: no process has it open for writing."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(fd: int) -> None:
    """Gives a lock back for every process that shares this open file."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def replace_file(path: Path, content: bytes) -> None:
    """Puts a whole new content (mode 0600) under a name; a crash leaves the old one or the new.

    OSError as the system says; the old content is then untouched.
    """
    hidden = path.with_name(f"{HIDDEN}{path.name}-{os.urandom(4).hex()}")
    fd = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            _write_all(fd, content)
        finally:
            os.close(fd)
        hidden.rename(path)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise


def _write_all(fd: int, content: bytes) -> None:
    while content:
        content = content[os.write(fd, content) :]


def identity_of(fd: int) -> tuple[int, int]:
    """Device and inode of an open file."""
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def close_own(fd: int, ours: Container[tuple[int, int]]) -> None:
    """Closes a descriptor if it still is one of these files (device and inode).

    Where somebody else closed it, its number may be another file's by now.
    """
    try:
        if identity_of(fd) in ours:
            os.close(fd)
    except OSError:
        return
