"""Appends events to files, a line each, once each.

A batch is one write to a file opened with O_APPEND, mode 0600, under its lock. Whoever is killed
between the write and the ledger's note of it sends the batch again: the ids at the file's end are
known, and their lines are left out. So are those of lines that another worker wrote since, however
many: whoever was stopped for a while may have been replaced. A line that was cut off by a crash was
never noted as written; it is removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

import msgspec

from ..destinations import Answer, Call

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
    """Appends calls whose URL is ``file:///…``."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    def __call__(self, call: Call) -> Answer | Silence:
        path = unquote(urlsplit(call.url).path)
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

    def _append(self, fd: int, path: str, call: Call) -> None:
        size = _mended(fd)
        file = self._file(fd, path, size)
        wanted = frozenset(call.ids)
        known = wanted & file.known | wanted.intersection(_ids(fd, file.size, size))
        lines = zip(call.ids, call.body.splitlines(keepends=True), strict=True)
        new = [(each, line) for each, line in lines if each not in known]
        body = b"".join([line for _, line in new])
        if body and os.write(fd, body) != len(body):
            os.ftruncate(fd, size)
            raise OSError(errno.ENOSPC, "the disk took only a part of it")
        file.size = size + len(body)
        file.remember(call.ids)

    def _file(self, fd: int, path: str, size: int) -> _File:
        """What is known of the file; its end is read when it is new, or another by now."""
        inode, file = os.fstat(fd).st_ino, self._files.get(path)
        if file is None or file.inode != inode or file.size > size:
            file = self._files[path] = _File(inode, size)
            file.remember(_ids(fd, _tail(fd, size), size))
        return file


class _File:
    """A file as it was left: its size then, and the ids at its end."""

    def __init__(self, inode: int, size: int) -> None:
        self.inode = inode
        self.size = size
        self._order: deque[str] = deque()
        self.known: set[str] = set()

    def remember(self, ids: Iterable[str]) -> None:
        for each in ids:
            if each not in self.known:
                self.known.add(each)
                self._order.append(each)
        while len(self._order) > REMEMBERED:
            self.known.discard(self._order.popleft())


class _Line(msgspec.Struct, rename="camel"):
    message_id: str


_line = msgspec.json.Decoder(_Line)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield fd
    finally:
        os.close(fd)


def _mended(fd: int) -> int:
    """The file's size after a line without an end was removed."""
    size = os.fstat(fd).st_size
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n":
        return size
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            os.ftruncate(fd, start + newline + 1)
            return start + newline + 1
        end = start
    os.ftruncate(fd, 0)
    return 0


def _tail(fd: int, size: int) -> int:
    """Where the last lines begin, as many as are remembered."""
    start, newlines = size, 0
    while start > 0 and newlines <= REMEMBERED:
        before = max(0, start - _BLOCK * 16)
        newlines += os.pread(fd, start - before, before).count(b"\n")
        start = before
    return start


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
    except msgspec.DecodeError:
        return ""
