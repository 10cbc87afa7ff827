"""How often what was not kept, by reason: one preallocated file per process, summed by readers.

Counting never fails: where the file cannot be made, the numbers wait in memory until it can.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ..errors import SpoolError
from ..event import UNREADABLE
from .files import close_own, create_locked, identity_of, lock_taken, replace_file, unlock

#: Folder of the counters inside the data folder.
FOLDER = "counters"

#: Every reason. A new one goes to the end: its place is its slot in every file ever written.
REASONS = (
    "consent",        # nothing was permitted
    "excluded",       # a path that is never tracked
    "spool_full",     # the disk, or the file's limit, is full
    "spool_error",    # the spool's folder or disk failed
    "disk_low",       # less free than ``min_free``
    "not_json",       # a property that is no JSON value: stringified, or refused
    "trouble",        # an error of ours, kept away from the response
    "bot",            # kept out of a destination
    "door_refused",   # refused by the collector
    "torn",           # damaged lines of the spool
    "too_long",       # an entry beyond the spool's limit
    "not_an_entry",   # a whole frame that holds no entry
    "duplicate",      # an event that is already known
    "before_send",    # dropped by the hook
    "rate_limited",   # answered 429 by the collector
    "dead_dropped",   # dead letters beyond the cap
    "doubtful",       # sent without an answer where the vendor has no ids
    "half_late",      # a browser's half whose page nobody knows
    "other_host",     # a beacon whose token another host made
    "aborted",        # a transaction that was rolled back
    "mistake",        # a call whose event could not be built
    "browser_dropped",  # given up by a browser whose queue was full or too old
    "erased",         # of somebody who was erased
    "plan_warned",    # it broke the plan and went on
    "plan_quarantined",  # it broke the plan and waits among the dead letters
    "plan_refused",   # it broke the plan and was not kept
    "enricher_timeout",  # an event that went on without an enricher that took too long
    "history_late",   # an event that was told nothing of its person's past: it came too late
    "repaired",       # an event that repairs have changed: it is kept as it was beside that
)  # fmt: skip

_SLOT = {reason: number for number, reason in enumerate(REASONS)}
_SLOTS = 128
_LENGTH = _SLOTS * 8
_PREFIX = "v1-"
_FOLDED = "folded.json"


class Folded(msgspec.Struct):
    """What dead processes counted. ``names``: their files, which may not be removed yet."""

    totals: dict[str, int]
    names: list[str]


class Counters:
    """This process's numbers. Safe for threads, signals and forks; a child counts its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._begin_anew()
        _remember(self)

    def add(self, reason: str, n: int = 1) -> None:
        """Counts ``n`` more; KeyError when the reason is none of ``REASONS``."""
        slot = _SLOT[reason]
        if self._pid != os.getpid():
            self._begin_anew()
        with self._lock:
            if self._fd < 0:
                self._open()
            self._slots[slot] += n

    def prepare(self) -> None:
        """Makes this process's file, while there is still room for it. Never raises."""
        if self._pid != os.getpid():
            self._begin_anew()
        with self._lock:
            if self._fd < 0:
                self._open()

    def _begin_anew(self) -> None:
        """In memory, with a lock of its own. What a parent had open is closed, never unlocked."""
        inherited, ours = getattr(self, "_fd", -1), getattr(self, "_identity", None)
        self._pid = os.getpid()
        self._lock = threading.RLock()  # a signal's handler may count in the middle of a count
        self._slots = memoryview(bytearray(_LENGTH)).cast("Q")
        self._fd = -1
        if inherited >= 0 and ours:
            close_own(inherited, {ours})

    def _open(self) -> None:
        try:
            name = f"{_PREFIX}{os.urandom(8).hex()}"
            fd = create_locked(self.folder, name, _preallocated)
        except (OSError, SpoolError):
            return
        slots = memoryview(mmap.mmap(fd, _LENGTH)).cast("Q")
        slots[:] = self._slots
        self._slots, self._fd, self._identity = slots, fd, identity_of(fd)


def totals(folder: Path) -> dict[str, int]:
    """The numbers of all processes, dead and alive, by reason; zeros are left out."""
    files = {path.name: _numbers(path) for path in _files(folder)}  # before what was folded
    folded = _folded(folder)
    return _sum(folded.totals, *(files[name] for name in files if name not in folded.names))


def fold(folder: Path) -> dict[str, int]:
    """Puts dead processes' numbers into one file and removes theirs; returns them.

    One process at a time (the worker). A crash at any point counts nothing twice: the sum names
    the files that it holds, in the same write, until they are gone. OSError when the disk is full;
    nothing has changed then.
    """
    folded = _folded(folder)
    for name in folded.names:
        (folder / name).unlink(missing_ok=True)
    dead = [path for path in _files(folder) if _is_dead(path)]
    numbers = _sum(*(_numbers(path) for path in dead))
    if dead:
        result = Folded(_sum(folded.totals, numbers), [path.name for path in dead])
        replace_file(folder / _FOLDED, msgspec.json.encode(result))
        for path in dead:
            path.unlink(missing_ok=True)
    return numbers


def _preallocated(fd: int) -> None:
    # Written, not only sized: a mapping whose disk cannot give a block ends in SIGBUS.
    os.write(fd, bytes(_LENGTH))


def _files(folder: Path) -> Iterator[Path]:
    return folder.glob(f"{_PREFIX}*")


def _numbers(path: Path) -> dict[str, int]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    slots = struct.unpack(f"={len(content) // 8}Q", content[: len(content) // 8 * 8])
    return {reason: number for reason, number in zip(REASONS, slots, strict=False) if number}


def _folded(folder: Path) -> Folded:
    try:
        return msgspec.json.decode((folder / _FOLDED).read_bytes(), type=Folded)
    except (FileNotFoundError, *UNREADABLE):
        return Folded({}, [])


def _is_dead(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not lock_taken(fd):
            return False
        unlock(fd)
        return True
    finally:
        os.close(fd)


def _sum(*parts: Mapping[str, int]) -> dict[str, int]:
    whole: dict[str, int] = {}
    for part in parts:
        for reason, number in part.items():
            whole[reason] = whole.get(reason, 0) + number
    return whole


_all: weakref.WeakSet[Counters] = weakref.WeakSet()
_hooked: list[bool] = []


def _remember(counters: Counters) -> None:
    if not _hooked:
        _hooked.append(True)
        os.register_at_fork(after_in_child=_all_anew)
    _all.add(counters)


def _all_anew() -> None:
    for counters in list(_all):
        counters._begin_anew()
