"""The lines of files to import: plain, gzip, zip, or what comes in by standard input.

Nothing is held but one line. How far it has come is known in bytes of the file on disk, so that a
progress bar needs no look ahead.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, cast

from ..errors import TrackError

#: What is longer is no line of a log, and is passed over to its end.
LONGEST = 2**20

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


class Unreadable(TrackError):
    """A file that cannot be read, or ends in the middle."""


class Lines:
    """The lines of one file, ``-`` for ``standard_input``. ``done`` and ``size`` in bytes on disk;
    ``size`` is 0 where nobody knows. Unreadable when it cannot be opened, or read to its end."""

    def __init__(self, name: str, standard_input: BinaryIO) -> None:
        self.name = name
        self.size = 0
        self._input = standard_input
        self._raw: BinaryIO | None = None
        if name != "-":
            with self._opened() as file:
                self.size = os.fstat(file.fileno()).st_size

    @property
    def done(self) -> int:
        """How much of the file has been read."""
        try:
            return self._raw.tell() if self.size and self._raw is not None else 0
        except (OSError, ValueError):
            return self.size

    def __iter__(self) -> Iterator[bytes]:
        """Each line without its end; an overlong one as its beginning."""
        try:
            if self.name == "-":
                yield from self._of(self._input)
                return
            with self._opened() as self._raw:
                yield from self._of(self._raw)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise Unreadable(f"{self.name} cannot be read to its end: {error}") from error

    def _opened(self) -> BinaryIO:
        try:
            return open(self.name, "rb")
        except OSError as error:
            raise Unreadable(f"{self.name}: {error.strerror}") from error

    def _of(self, raw: BinaryIO) -> Iterator[bytes]:
        buffered = raw if hasattr(raw, "peek") else io.BufferedReader(cast(io.RawIOBase, raw))
        begin = cast(io.BufferedReader, buffered).peek(4)[:4]
        if begin.startswith(_ZIP):
            yield from self._zipped(buffered)
        elif begin.startswith(_GZIP):
            with gzip.GzipFile(fileobj=buffered) as plain:
                yield from self._of(cast(BinaryIO, plain))
        else:
            yield from _lines(buffered)

    def _zipped(self, archive: BinaryIO) -> Iterator[bytes]:
        """Of every file in an archive, in the order of their names: vendors name them by the
        hour."""
        with zipfile.ZipFile(archive) as members:
            for name in sorted(members.namelist()):
                if not name.endswith("/"):
                    with members.open(name) as member:
                        yield from self._of(cast(BinaryIO, member))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    for line in iter(partial(file.readline, LONGEST), b""):
        if len(line) == LONGEST and not line.endswith(b"\n"):
            for rest in iter(partial(file.readline, LONGEST), b""):
                if rest.endswith(b"\n"):
                    break
        yield line.rstrip(b"\r\n")
