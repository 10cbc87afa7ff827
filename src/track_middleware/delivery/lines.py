"""Appends events to files, a line each, once each.

A batch is one write to a file opened with O_APPEND, mode 0600, under its lock. Whoever is killed
between the write and the ledger's note of it sends the batch again: the ids at the file's end are
known, and their lines are left out. So are those of lines that another worker wrote since, however
many: whoever was stopped for a while may have been replaced. A line that was cut off by a crash was
never noted as written; it is removed. All of this holds over files that were finished meanwhile.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from itertools import chain
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from ..destinations import Answer, Call
from .rotation import finish, finished, rotation
from .splice import UNREADABLE

#: How many ids of a file's end are remembered: several times the largest batch.
REMEMBERED = 4_000

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody answered; ``reason`` says why, without keys or URLs.

    ``sent``: some of the call may have reached the other side, so that it may have been taken.
    """

    reason: str
    sent: bool = True


class FileTransport:
    """Appends calls whose URL is ``file:///…``; their headers say when a file is finished."""

    def __init__(self) -> None:
        self._files: dict[Path, _File] = {}

    def __call__(self, call: Call) -> Answer | Silence:
        path = Path(unquote(urlsplit(call.url).path))
        try:
            with _opened(path) as fd:
                self._append(fd, path, call)
        except BlockingIOError:
            return Silence("the file is locked by another process", sent=False)
        except OSError as error:
            return Silence(f"cannot write the file: {error.strerror}", sent=False)
        return Answer(200, {"date": formatdate(usegmt=True)})

    def close(self) -> None:
        """Nothing is open between calls."""

    def _append(self, fd: int, path: Path, call: Call) -> None:
        """Writes the lines that are not there yet, into a new file where this one is finished."""
        size = _mended(fd)
        file, known = self._known(fd, path, size, call)
        lines = zip(call.ids, call.body.splitlines(keepends=True), strict=True)
        body = b"".join([line for each, line in lines if each not in known])
        rotate = rotation(call.headers)
        if body and rotate and rotate.is_due(os.fstat(fd), len(body)):
            finish(path, os.fstat(fd))
            with _opened(path) as fresh:
                file.grown(fresh, _written(fresh, body, size=0))
        else:
            file.grown(fd, _written(fd, body, size=size))
        file.remember(call.ids)

    def _known(self, fd: int, path: Path, size: int, call: Call) -> tuple[_File, set[str]]:
        """What is known of the file, and which of the call's ids stand in it. The file's end is
        read when it is new to us, or another by now."""
        wanted = frozenset(call.ids)
        before = finished(path) if rotation(call.headers) else []
        file = self._files.get(path)
        since = _since(file, fd, size, before) if file else None
        if file is None or since is None:
            file = self._files[path] = _File()
            file.remember(_last_ids(fd, size, before))
            return file, set(wanted & file.known)
        known = set(wanted & file.known)
        for each in since:
            known |= wanted.intersection(each)
        return file, known


class _File:
    """A file as it was left: which one, its size then, and the ids at its end."""

    def __init__(self) -> None:
        self.inode = 0
        self.size = 0
        self._order: deque[str] = deque()
        self.known: set[str] = set()

    def grown(self, fd: int, size: int) -> None:
        """Notes how a file was left."""
        self.inode, self.size = os.fstat(fd).st_ino, size

    def remember(self, ids: Iterable[str]) -> None:
        for each in ids:
            if each not in self.known:
                self.known.add(each)
                self._order.append(each)
        while len(self._order) > REMEMBERED:
            self.known.discard(self._order.popleft())


def _since(file: _File, fd: int, size: int, before: Sequence[Path]) -> list[Iterator[str]] | None:
    """The ids of the lines that others wrote since a file was left, over all that were finished
    meanwhile; None when it is not among them."""
    if file.inode == os.fstat(fd).st_ino:
        return [_ids(fd, file.size, size)] if file.size <= size else None
    found = [_ids(fd, 0, size)]
    for path in reversed(before):
        if path.stat().st_ino == file.inode:
            return [*found, _ids_of(path, file.size)]
        found.append(_ids_of(path, 0))
    return None


def _last_ids(fd: int, size: int, before: Sequence[Path]) -> Iterator[str]:
    """The ids of the last lines, as many as are remembered, also of finished files."""
    runs = [list(_ids(fd, _tail(fd, size), size))]
    for path in reversed(before):
        if sum(map(len, runs)) >= REMEMBERED:
            break
        runs.append(list(_ids_of(path)))
    return chain.from_iterable(reversed(runs))


def _written(fd: int, body: bytes, *, size: int) -> int:
    """The file's size after a batch was appended, or not at all."""
    if body and os.write(fd, body) != len(body):
        os.ftruncate(fd, size)
        raise OSError(errno.ENOSPC, "the disk took only a part of it")
    return size + len(body)


class _Line(msgspec.Struct, rename="camel"):
    message_id: str


_line = msgspec.json.Decoder(_Line)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino != os.fstat(fd).st_ino:
            raise BlockingIOError  # somebody has finished it between opening and locking
        yield fd
    finally:
        os.close(fd)


def _mended(fd: int) -> int:
    """The file's size after a line without an end was removed."""
    stat = os.fstat(fd)
    if stat.st_size == 0 or os.pread(fd, 1, stat.st_size - 1) == b"\n":
        return stat.st_size
    end = _last_newline(fd, stat.st_size) + 1
    os.ftruncate(fd, end)
    os.utime(fd, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # when its last line came
    return end


def _last_newline(fd: int, end: int) -> int:
    """Where the last newline stands, -1 when there is none."""
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline
        end = start
    return -1


def _tail(fd: int, size: int) -> int:
    """Where the last lines begin, as many as are remembered."""
    start, newlines = size, 0
    while start > 0 and newlines <= REMEMBERED:
        before = max(0, start - _BLOCK * 16)
        newlines += os.pread(fd, start - before, before).count(b"\n")
        start = before
    return start


def _ids_of(path: Path, start: int | None = None) -> Iterator[str]:
    """The message ids of a finished file from an offset on; of its last lines without one."""
    with path.open("rb", buffering=0) as file:
        fd, size = file.fileno(), path.stat().st_size
        yield from _ids(fd, _tail(fd, size) if start is None else start, size)


def _ids(fd: int, start: int, end: int) -> Iterator[str]:
    """The message ids of the lines between two offsets; other people's lines have none."""
    rest = b""
    while start < end:
        piece = os.pread(fd, min(_BLOCK * 16, end - start), start)
        if not piece:
            return  # shortened meanwhile, by somebody who asks nobody
        start += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(None, map(_id, lines))


def _id(line: bytes) -> str:
    try:
        return _line.decode(line).message_id
    except UNREADABLE:
        return ""
