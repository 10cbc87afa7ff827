"""Who drains and delivers: one worker per data folder, elected by a lease in the ledger.

The lease's generation decides, changed by compare-and-swap only. A free file lock merely lets a
candidate try at once, because its last holder is gone. A lease is stale when its renewal counter
stood still for ``STALE`` seconds of the candidate's own monotonic clock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

#: A holder that has not renewed for so many seconds is hung or gone.
STALE = 5.0

#: A holder renews this often, in seconds.
RENEW = 1.0

#: The file that the holder keeps locked; its modification time is the last sign of life.
LOCK = "worker.lock"


def sign_of_life(data_dir: Path) -> int:
    """When a holder last renewed, in nanoseconds of the file system's clock; 0 when none has."""
    try:
        return (data_dir / LOCK).stat().st_mtime_ns
    except OSError:
        return 0


class LeaseRow(Protocol):
    """The lease as a store keeps it."""

    def read(self) -> tuple[int, int]:
        """The generation, and how often its holder has renewed it."""
        ...

    def take(self, generation: int, owner: str) -> int | None:
        """The next generation, if ``generation`` is still the present one; else None."""
        ...

    def renew(self, generation: int) -> bool:
        """A sign of life; False when a later generation exists."""
        ...


class Fenced(Protocol):
    """A connection to the store."""

    def holds(self) -> bool:
        """Whether no later generation exists of the lease that it is fenced to."""
        ...


class Lease:
    """One candidate. Call ``acquire`` until it succeeds, then ``keep`` about once a second."""

    def __init__(
        self, row: LeaseRow, lock: Path, *, owner: str, monotonic: Callable[[], float]
    ) -> None:
        self._row = row
        self._lock = lock
        self._owner = owner
        self._monotonic = monotonic
        self._fd: int | None = None
        self._seen: tuple[int, int] | None = None
        self._since = 0.0
        self._renewed = 0.0
        self.generation: int | None = None

    def acquire(self) -> bool:
        """Tries to become the holder; never waits."""
        seen = self._row.read()
        if not (self._locked() or self._stale(seen)):
            return False
        self.generation = self._row.take(seen[0], self._owner)
        self._seen = None
        self._renewed = self._monotonic()
        return self.generation is not None

    def keep(self) -> bool:
        """Renews the lease when it is time to; False when another holds it by now."""
        if self.generation is None:
            return False
        now = self._monotonic()
        if now - self._renewed < RENEW:
            return True
        self._renewed = now
        self._locked()
        if not self._row.renew(self.generation):
            self.generation = None
            return False
        if self._fd is not None:
            os.utime(self._fd)
        return True

    def is_held(self, store: Fenced, generation: int | None) -> bool:
        """Whether this candidate still holds the lease that it got as ``generation``, and any
        thread's own connection what it is fenced to. A thread of a former tenure is told no."""
        return self.generation == generation is not None and store.holds()

    def release(self) -> None:
        """Lets the next candidate try at once."""
        self.generation = None
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _stale(self, seen: tuple[int, int]) -> bool:
        if seen != self._seen:
            self._seen, self._since = seen, self._monotonic()
        return self._monotonic() - self._since >= STALE

    def _locked(self) -> bool:
        """Whether this process has the file lock; it never waits for it."""
        if self._fd is not None:
            return True
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True
