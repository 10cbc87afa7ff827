"""Appends events to files, a line each, once each.

A batch is one write to a file opened with O_APPEND, mode 0600, under its lock. Whoever is killed
between the write and the ledger's note of it sends the batch again: the ids at the file's end are
known, and their lines are left out. A line that was cut off by a crash was never noted as written;
it is removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import OrderedDict
from collections.abc import Iterator
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
    """Nobody answered; ``reason`` says why, without keys or URLs."""

    reason: str


class FileTransport:
    """Appends calls whose URL is ``file:///…``."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], OrderedDict[str, None]] = {}

    def __call__(self, call: Call) -> Answer | Silence:
        path = unquote(urlsplit(call.url).path)
        try:
            with _opened(path) as fd:
                self._append(fd, path, call)
        except BlockingIOError:
            return Silence("the file is locked by another process")
        except OSError as error:
            return Silence(f"cannot write the file: {error.strerror}")
        return Answer(200, {"date": formatdate(usegmt=True)})

    def _append(self, fd: int, path: str, call: Call) -> None:
        size = _mended(fd)
        known = self._ids(fd, path, size)
        lines = zip(call.ids, call.body.splitlines(keepends=True), strict=True)
        new = [(each, line) for each, line in lines if each not in known]
        body = b"".join([line for _, line in new])
        if body and os.write(fd, body) != len(body):
            os.ftruncate(fd, size)
            raise OSError(errno.ENOSPC, "the disk took only a part of it")
        for each, _ in new:
            known[each] = None
        while len(known) > REMEMBERED:
            known.popitem(last=False)

    def _ids(self, fd: int, path: str, size: int) -> OrderedDict[str, None]:
        """The ids at the file's end; read once for each file, also when a new one took its name."""
        identity = (path, os.fstat(fd).st_ino)
        if identity not in self._known:
            self._known = {key: ids for key, ids in self._known.items() if key[0] != path}
            self._known[identity] = OrderedDict.fromkeys(_last_ids(fd, size))
        return self._known[identity]


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


def _last_ids(fd: int, size: int) -> list[str]:
    """The message ids of the last lines, in the file's order; other people's lines have none."""
    start, text = size, b""
    while start > 0 and text.count(b"\n") <= REMEMBERED:
        before = max(0, start - _BLOCK * 16)
        text = os.pread(fd, start - before, before) + text
        start = before
    lines = text.split(b"\n")
    whole = lines[1:] if start > 0 else lines
    return [each for line in whole[-REMEMBERED - 1 :] if (each := _id(line))]


def _id(line: bytes) -> str:
    try:
        return _line.decode(line).message_id
    except msgspec.DecodeError:
        return ""
