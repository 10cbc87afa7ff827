"""Rows of CSV, TSV and JSONL files, plain or gzipped, in UTF-8.

The place behind a row is the offset of the next one, so that nothing before it is parsed again; in
a gzipped file it counts what is unpacked.
"""

from __future__ import annotations

import csv
import gzip
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from ..rows import Row
from ..source import AT_ONCE, Piece, SourceError

_BOM = b"\xef\xbb\xbf"

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(\.\d{1,15})?")
_WORDS = {"": None, "true": True, "false": False, "True": True, "False": False, "NULL": None}

_DELIMITERS = (",", ";", "\t", "|")

_rows = msgspec.json.Decoder(dict[str, Any])


class Lines(ABC):
    """A file's rows by their offsets; what is common to both kinds."""

    columns: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = _open(path)
            self._start = len(_BOM) if self._file.read(len(_BOM)) == _BOM else 0
            self._file.seek(self._start)
        except OSError as error:
            raise SourceError("source", f"{path}: {error.strerror or error}") from error

    def total(self, place: Any) -> int | None:
        """As ``Source``: nobody knows without reading them."""
        return None

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """As ``Source``; the place is an offset in bytes."""
        try:
            self._file.seek(self._start if place is None else int(place))
            rows = self._rows_from_here()
            while piece := list(islice(rows, size)):
                yield Piece([row for row, _ in piece], piece[-1][1])
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise SourceError("source", f"{self._path}: {error}") from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @abstractmethod
    def _rows_from_here(self) -> Iterator[tuple[Row, int]]:
        """Each row, and the offset behind it, from where the file is read next."""


class Jsonl(Lines):
    """One JSON object in a line."""

    def _rows_from_here(self) -> Iterator[tuple[Row, int]]:
        offset = self._file.tell()
        for line in self._file:
            offset += len(line)
            if line.strip():
                try:
                    yield _rows.decode(line), offset
                except msgspec.DecodeError as error:
                    raise SourceError(
                        "source", f"{self._path}, the line before byte {offset}: {error}"
                    ) from error


class Csv(Lines):
    """A first row of names, then values. A number, true and false are what they look like, but for
    a number with leading zeros; an empty value is none. ``keys``: columns that stay text."""

    def __init__(self, path: Path, delimiter: str | None, keys: Sequence[str]) -> None:
        super().__init__(path)
        self._keys = frozenset(keys)
        head = self._file.readline()
        self._file.seek(self._start)
        try:
            text = head.decode()
            self._delimiter = delimiter or max(_DELIMITERS, key=text.count)
            reader = csv.reader(self._lines(), delimiter=self._delimiter)
            self.columns = next(reader, [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise SourceError("source", f"{path}: {error}") from error
        self._start = self._offset

    def _rows_from_here(self) -> Iterator[tuple[Row, int]]:
        names, keys = self.columns, self._keys
        for values in csv.reader(self._lines(), delimiter=self._delimiter):
            if not values:
                continue
            if len(values) != len(names):
                problem = f"the row before byte {self._offset} has {len(values)} values"
                raise SourceError("source", f"{self._path}: {problem}, not {len(names)}")
            row = {
                name: (value or None) if name in keys else _value(value)
                for name, value in zip(names, values, strict=True)
            }
            yield row, self._offset

    def _lines(self) -> Iterator[str]:
        """Lines for the reader, which takes no more of them than its row has."""
        self._offset = self._file.tell()
        for line in self._file:
            self._offset += len(line)
            yield line.decode()


def opened(path: Path, suffix: str, id_column: str) -> Lines:
    """The rows of a file, by its name's end."""
    if suffix in (".jsonl", ".ndjson"):
        return Jsonl(path)
    return Csv(path, "\t" if suffix == ".tsv" else None, (id_column,))


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _value(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    return float(text) if found[1] else int(text)
