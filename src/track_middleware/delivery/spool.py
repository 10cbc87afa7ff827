"""The append side of the spool: one file per process, one write per call, no lock.

A frame is ``\\n``, eight hex digits of the CRC-32 of its JSON, a space, the JSON, ``\\n``. What
``append`` said True to is in the operating system's hands; ``segments`` reads it back.
"""

from __future__ import annotations

import errno
import os
import threading
import weakref
from binascii import crc32, hexlify
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import SpoolError
from ..event import Last, encoded, lenient_encoder
from ..forks import OWN
from ..forks import pid as _getpid
from ..settings import free_bytes
from .files import close_own, create_locked, identity_of
from .framing import frame, incomplete, number

#: Version of names and frames; a reader leaves versions alone that it does not know.
VERSION = 1

#: Folder of the segments inside the data folder.
FOLDER = "spool"

#: A segment is followed by the next one when it has this many bytes.
SEGMENT_BYTES = 4 * 2**20

#: Longest JSON of one entry; a longer one is refused as ``too_long``.
LONGEST = 2 * 2**20

# How often, in bytes and in seconds, free disk and the segment itself are looked at.
_LOOK_BYTES = 2**20
_LOOK_SECONDS = 1.0

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NEWLINE = 10  # as a number it is found five times as fast
_NO_JSON = (TypeError, ValueError, OverflowError, RecursionError)

_encode, _write = lenient_encoder.encode, os.write


class _Live:
    """The segment that this process writes. Its descriptor's number never changes."""

    __slots__ = ("fd", "full", "identity", "look_at", "looked_at", "low", "path", "rest")

    def __init__(self, fd: int, path: Path) -> None:
        self.fd = fd
        self.path = path
        self.identity = identity_of(fd)
        self.rest = 0
        self.looked_at = self.look_at = 0.0
        self.low = False
        self.full = False


class Spool:
    """Where a process puts its entries, safe for threads, forks, signals and greenlets.

    ``now`` is any clock in seconds; ``min_free`` the setting of that name; ``count`` is told every
    refusal as (reason, entries); ``on_first`` is called once per process, before its first frame
    is written. ``reason`` is the last refusal's. ``mark`` stands in the names of its segments.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        now: Callable[[], float],
        min_free: str = "",
        on_first: Callable[[], object] = lambda: None,
        count: Callable[[str, int], object] = lambda reason, n: None,
        segment_bytes: int = SEGMENT_BYTES,
        mark: str = "",
    ) -> None:
        self.folder = data_dir / FOLDER
        self.reason = ""
        self._name = f"v{VERSION}-{mark}"
        self._now = now
        self._min_free = min_free
        self._on_first = on_first
        self._count = count
        self._segment_bytes = segment_bytes
        # Keyed by process id: a forked child finds nothing of its own and begins anew.
        self._live: dict[int, _Live] = {}
        self._making: dict[int, tuple[int, int]] = {}
        self._first_told = 0
        self._rotating = threading.Lock()
        _spools.add(self)

    def append(self, entries: Sequence[Last]) -> bool:
        """True when every entry is kept; False: at least the last is not, and ``reason`` says why.
        Never raises for what disk or entries are like."""
        try:
            entry = entries[0]
            body = entry if type(entry) is bytes else _encode(entry)
        except _NO_JSON:
            return self._refused("not_json", len(entries))
        except IndexError:
            return True
        if len(entries) != 1 or _NEWLINE in body or len(body) > LONGEST:
            frames = self.encode(entries)
            return frames is not None and self.write(frames)
        # As ``framing.framed`` makes it, without a call: this is all that a request waits for.
        return self.write(b"".join((b"\n", hexlify(crc32(body).to_bytes(4)), b" ", body, b"\n")))

    def keep(self, body: bytes) -> bool:
        """As ``append``, of one entry that is JSON already."""
        if _NEWLINE in body or len(body) > LONGEST:
            return self.append((body,))
        return self.write(b"".join((b"\n", hexlify(crc32(body).to_bytes(4)), b" ", body, b"\n")))

    def encode(self, entries: Sequence[Last]) -> bytes | None:
        """The frames of entries for a later ``write``; None: refused, as by ``append``."""
        try:
            bodies = [encoded(entry) for entry in entries]
        except _NO_JSON:
            self._refused("not_json", len(entries))
            return None
        if any(len(body) > LONGEST for body in bodies):
            self._refused("too_long", len(bodies))
            return None
        return b"".join(map(frame, bodies))

    def write(self, frames: bytes) -> bool:
        """Appends what ``encode`` made, by one write of the system."""
        live = self._live.get(OWN[0]) or self._live.get(_getpid()) or self._begin()
        if live is None:
            return self._refused(self.reason, number(frames))
        if live.rest <= 0 or not live.looked_at <= self._now() < live.look_at:
            self._look(live, self._now())
        if live.low:
            return self._refused("disk_low", number(frames))
        try:
            written = _write(live.fd, frames)
        except OSError as error:
            return self._failed(live, frames, error)
        live.rest -= written
        return written == len(frames) or self._write_again(live, frames, written)

    def close(self) -> None:
        """Ends this process's segment; only when no other thread may append any more."""
        live = self._live.pop(_getpid(), None)
        if live is not None:
            close_own(live.fd, {live.identity})
            _seal(live.path)

    def _begin(self) -> _Live | None:
        """This process's segment, made now. Of several threads at once the first one's stays."""
        pid = _getpid()
        self._leave_inherited(pid)
        try:
            mine = self._create()
        except (OSError, SpoolError) as error:
            self.reason = _reason(error)
            return None
        live = self._live.setdefault(pid, mine)  # atomic, also under a signal handler
        self._making.pop(mine.fd, None)
        if live is not mine:
            os.close(mine.fd)
            mine.path.unlink(missing_ok=True)
        elif self._first_told != pid:
            self._first_told = pid
            self._on_first()
        return live

    def _create(self) -> _Live:
        name = f"{self._name}{os.urandom(8).hex()}.open"
        return _Live(create_locked(self.folder, name, self._note_making), self.folder / name)

    def _note_making(self, fd: int) -> None:
        self._making[fd] = identity_of(fd)

    def _look(self, live: _Live, moment: float) -> None:
        """The rare look, by one thread: is the segment in place, is it full, is there room?"""
        if not self._rotating.acquire(blocking=False):
            return
        try:
            live.looked_at, live.look_at = moment, moment + _LOOK_SECONDS
            live.rest = min(_LOOK_BYTES, self._segment_bytes)
            self._look_at_segment(live)
            live.low = self._disk_is_low()
        except OSError:
            return  # the write that follows says what is wrong
        finally:
            self._rotating.release()

    def _look_at_segment(self, live: _Live) -> None:
        status = os.fstat(live.fd)
        if (status.st_dev, status.st_ino) != live.identity:
            self._renumber(live)
        elif status.st_nlink == 0 or status.st_size >= self._segment_bytes or live.full:
            self._rotate(live)
        else:
            live.rest = min(live.rest, self._segment_bytes - status.st_size)

    def _disk_is_low(self) -> bool:
        disk = os.statvfs(self.folder)
        least = free_bytes(self._min_free, total=disk.f_blocks * disk.f_frsize)
        return disk.f_bavail * disk.f_frsize < least

    def _renumber(self, live: _Live) -> None:
        """Our number is another file's: somebody closed every descriptor, as daemons do."""
        try:
            following = self._create()
        except SpoolError:
            live.fd = -1
            return
        live.fd, live.path, live.identity = following.fd, following.path, following.identity
        self._making.pop(following.fd, None)

    def _rotate(self, live: _Live) -> None:
        """Puts the next segment under the same number: another thread may be about to write.

        The former one's lock vanishes with the last write that is still under way, because the
        lock belongs to the open file, not to its number. The caller holds ``_rotating``.
        """
        try:
            following = self._create()
        except (OSError, SpoolError):
            return  # the present segment grows on; a later look tries again
        try:
            os.dup2(following.fd, live.fd, inheritable=False)
        finally:
            self._making.pop(following.fd, None)
            os.close(following.fd)
        former, live.path, live.identity = live.path, following.path, following.identity
        live.full = False
        _seal(former)

    def _write_again(self, live: _Live, frames: bytes, written: int) -> bool:
        """After a short write: the frames it left incomplete, as new ones, once.

        A write that lacks only its final newline is whole for every reader.
        """
        frames = incomplete(frames, written)
        if not frames:
            return True
        try:
            written = _write(live.fd, frames)
        except OSError as error:
            return self._failed(live, frames, error)
        rest = incomplete(frames, written)
        return not rest or self._refused("spool_full", number(rest))

    def _failed(self, live: _Live, frames: bytes, error: OSError) -> bool:
        if error.errno == errno.EFBIG:
            live.full, live.rest = True, 0  # the limit is one file's: the next one has room
        if error.errno == errno.EBADF:
            self._live.pop(_getpid(), None)
            return self.write(frames)  # somebody closed every descriptor, as daemons do
        return self._refused(_reason(error), number(frames))

    def _refused(self, reason: str, entries: int) -> bool:
        self.reason = reason
        self._count(reason, entries)
        return False

    def _leave_inherited(self, pid: int) -> None:
        """Closes, never unlocks, what came from another process."""
        inherited = [(owner, live) for owner, live in list(self._live.items()) if owner != pid]
        if not inherited:
            return
        ours = {live.identity for _, live in inherited} | set(self._making.values())
        for fd in {live.fd for _, live in inherited} | set(self._making):
            close_own(fd, ours)
        self._making.clear()
        for owner, _ in inherited:
            del self._live[owner]

    def _forked(self) -> None:
        self._rotating = threading.Lock()
        self._leave_inherited(_getpid())


def _reason(error: Exception) -> str:
    return "spool_full" if getattr(error, "errno", None) in _FULL else "spool_error"


def _seal(path: Path) -> None:
    with suppress(OSError):  # a worker has done it, or will
        path.rename(path.with_suffix(".sealed"))


_spools: weakref.WeakSet[Spool] = weakref.WeakSet()


def _leave_all() -> None:
    for spool in list(_spools):
        spool._forked()


os.register_at_fork(after_in_child=_leave_all)
