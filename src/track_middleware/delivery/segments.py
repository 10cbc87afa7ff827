"""The worker's side of the spool: finding segments, reading frames, sealing and removing.

Whatever bytes a segment holds, a damaged frame costs itself only. A segment whose lock can be taken
has no writer any more; in any other one an unterminated tail may still become a frame.
"""

from __future__ import annotations

import os
import re
import time
from binascii import hexlify
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from types import MappingProxyType
from typing import NamedTuple
from zlib import crc32

from .files import HIDDEN, lock_taken, unlock
from .framing import body_of
from .spool import FOLDER, LONGEST, VERSION

OPEN = ".open"
SEALED = ".sealed"

#: The file whose modification time says: end every window that was opened before.
FLUSH = "flush"

_PREFIX = f"v{VERSION}-"
_BACKFILL = re.compile(rf"{_PREFIX}b(\d+)-")
#: What one reading takes, and so one transaction of the drain: some two thousand events.
_CHUNK = 2**20
#: No frame is longer; what looks so is damage and is passed over in chunks.
_LONGEST_LINE = LONGEST + 64
#: A hidden file of this age, in seconds, is a dead process's leftover.
_LEFTOVER_AGE = 3600


class Reading(NamedTuple):
    """Frames' JSON in their order, where to read on, and how many lines were no frames."""

    frames: list[bytes]
    offset: int
    torn: int


@dataclass(frozen=True, slots=True)
class Size:
    """A segment as seen without opening it. ``name`` is the same open and sealed."""

    name: str
    length: int
    sealed: bool


class Segment:
    """One process's frames. ``name`` stays the same when the file is sealed.

    The caller closes it. The bytes of a frame may be read again from the same offset at any time,
    until ``remove``.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self._finished = False
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def finished(self) -> bool:
        """Whether nobody will write here again. Once True, it stays so."""
        if not self._finished:
            self._finished = lock_taken(self._fd)
        return self._finished

    @property
    def length(self) -> int:
        """Bytes in the segment at this moment."""
        return os.fstat(self._fd).st_size

    def read(self, offset: int, limit: int) -> Reading:
        """Up to ``limit`` frames from an offset that an earlier reading gave (or 0).

        One call reads a bounded piece: no frames and a higher offset means read on; the same
        offset means that there is nothing more for now.
        """
        finished = self.finished  # asked first: what is read afterwards is then all there is
        chunk, at_end = self._piece(offset)
        stop = len(chunk) if at_end and finished else chunk.rfind(b"\n") + 1
        if not stop and len(chunk) >= _LONGEST_LINE:
            return Reading([], offset + len(chunk), 1)
        return _frames(chunk[:stop], offset, limit)

    def done(self, offset: int) -> bool:
        """Whether everything up to the end, which cannot move any more, lies before ``offset``."""
        return self.finished and offset >= self.length

    def seal(self) -> None:
        """Names a dead process's segment as finished. Only for a finished one."""
        sealed = self.path.with_suffix(SEALED)
        if self.path != sealed:
            with suppress(FileNotFoundError):  # its writer did it just now
                self.path.rename(sealed)
            self.path = sealed

    def remove(self) -> None:
        """Removes a finished segment; the caller has stored every frame safely."""
        # The writer may rename it in between, from the first name to the second.
        self.path.with_suffix(OPEN).unlink(missing_ok=True)
        self.path.with_suffix(SEALED).unlink(missing_ok=True)

    def close(self) -> None:
        """Lets go of the file, and of its lock also where a forked child shares it."""
        if self._finished:
            unlock(self._fd)
        os.close(self._fd)

    def _piece(self, offset: int) -> tuple[bytes, bool]:
        """Bytes from ``offset`` with at least one newline, where there is one near enough."""
        size = _CHUNK
        while True:
            chunk = os.pread(self._fd, size, offset)
            at_end = len(chunk) < size
            if at_end or b"\n" in chunk or size >= _LONGEST_LINE:
                return chunk, at_end
            size = min(size * 4, _LONGEST_LINE)


@contextmanager
def open_all(data_dir: Path) -> Iterator[list[Segment]]:
    """Every segment of our version, oldest first; those of dead processes are sealed.

    Segments of other versions are left alone. All are closed at the end.
    """
    opened: list[Segment] = []
    try:
        for path in _paths(data_dir):
            with suppress(OSError):  # renamed since, or unreadable: the next pass tries again
                opened.append(Segment(path.stem, path))
        for segment in opened:
            if segment.path.suffix == OPEN and segment.finished:
                segment.seal()
        yield opened
    finally:
        for segment in opened:
            segment.close()


def sizes(data_dir: Path) -> list[Size]:
    """All segments of our version as they lie there, without opening one."""
    return [
        Size(path.stem, status.st_size, path.suffix == SEALED) for path, status in _seen(data_dir)
    ]


def unread(data_dir: Path, offsets: Mapping[str, int]) -> Iterator[bytes]:
    """The JSON of every whole frame behind these offsets, read without a lock or a change."""
    for path, _ in _seen(data_dir):
        for name in (path, path.with_suffix(SEALED)):  # it may be sealed meanwhile
            with suppress(FileNotFoundError), name.open("rb") as file:
                file.seek(offsets.get(path.stem, 0))
                bodies = (body_of(line.rstrip(b"\n")) for line in file if line != b"\n")
                yield from (body for body in bodies if body is not None)
                break


def blank(
    data_dir: Path, offsets: Mapping[str, int], *, done: Mapping[str, int] = MappingProxyType({})
) -> None:
    """Overwrites what was stored of each segment with newlines, which readers skip; its writer
    appends meanwhile. Only what is on the store's disk itself. ``done``: what has been before."""
    for path, _ in _seen(data_dir):
        for name in (path, path.with_suffix(SEALED)):
            with suppress(FileNotFoundError), name.open("r+b", buffering=0) as file:
                at, end = done.get(path.stem, 0), offsets.get(path.stem, 0)
                file.seek(at)
                while at < end:
                    at += file.write(b"\n" * min(end - at, _CHUNK))
                os.fsync(file)
                break


def mark(backfill: int) -> str:
    """What stands in the names of a backfill's segments."""
    return f"b{backfill}-"


def backfill_of(name: str) -> int | None:
    """The backfill whose events a segment of this name holds; None for the live site's."""
    found = _BACKFILL.match(name)
    return int(found[1]) if found else None


def is_there(data_dir: Path, name: str) -> bool:
    """Whether a segment still lies there; one that is being sealed never seems to be gone."""
    folder = data_dir / FOLDER
    return (folder / f"{name}{OPEN}").exists() or (folder / f"{name}{SEALED}").exists()


def strangers(data_dir: Path) -> list[str]:
    """Names of segments of versions that this release does not read."""
    folder = data_dir / FOLDER
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix in (OPEN, SEALED) and not path.name.startswith((_PREFIX, HIDDEN))
    )


def sweep(data_dir: Path) -> None:
    """Removes what processes left that died while they made a segment."""
    for path in (data_dir / FOLDER).glob(f"{HIDDEN}v*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _LEFTOVER_AGE:
                path.unlink()


def _paths(data_dir: Path) -> list[Path]:
    """The segments, oldest first, each under the name that it has by now."""
    return [path for path, _ in _seen(data_dir)]


def _seen(data_dir: Path) -> list[tuple[Path, os.stat_result]]:
    dated = {}
    for path in (data_dir / FOLDER).glob(f"{_PREFIX}*"):
        if path.suffix in (OPEN, SEALED) and (found := _found(path)):
            dated[path.stem] = found
    return sorted(dated.values(), key=lambda each: (each[1].st_mtime_ns, each[0]))


def _found(path: Path) -> tuple[Path, os.stat_result] | None:
    """A listed segment, which may have been sealed or removed since."""
    for name in (path, path.with_suffix(SEALED)):
        with suppress(FileNotFoundError):
            return name, name.stat()
    return None


def _frames(chunk: bytes, offset: int, limit: int) -> Reading:
    # All at once, where between two frames there is nothing and none is damaged: nearly always. An
    # earlier reading may have had the first frame's first newline, or this one has the next's.
    parts, first = chunk.split(b"\n"), chunk.startswith(b"\n")
    lines, gaps = parts[first::2], parts[not first :: 2]
    if not lines[-1]:
        del lines[-1]
    if len(lines) <= limit and not b"".join(gaps):
        bodies = [line[9:] for line in lines]
        sums = hexlify(pack(f">{len(bodies)}I", *map(crc32, bodies)), b" ", 4)
        if b"%b " % sums == b"".join([line[:9] for line in lines]):
            return Reading(bodies, offset + len(chunk), 0)
    return _frames_singly(chunk, offset, limit)


def _frames_singly(chunk: bytes, offset: int, limit: int) -> Reading:
    frames: list[bytes] = []
    torn = 0
    for line in chunk.split(b"\n"):
        if len(frames) >= limit:
            return Reading(frames, offset, torn)
        offset += len(line) + 1
        if line:
            body = body_of(line)
            if body is None:
                torn += 1
            else:
                frames.append(body)
    # The piece after the last newline has none of its own.
    return Reading(frames, offset - 1, torn)
