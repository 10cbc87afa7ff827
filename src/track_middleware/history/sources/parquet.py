"""Rows of a Parquet file; pyarrow (the extra ``parquet``) is imported with the first one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..source import AT_ONCE, Piece, SourceError


class Parquet:
    """The place behind a row is its number; groups of rows before it are not read again."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            problem = "a Parquet file wants pyarrow: pip install 'track-middleware[parquet]'"
            raise SourceError("source", problem) from error
        self._path = path
        self._wrong: tuple[type[Exception], ...] = (OSError, pyarrow.ArrowException)
        try:
            self._file = parquet.ParquetFile(path)
        except self._wrong as error:
            raise SourceError("source", f"{path}: {error}") from error
        self.columns: Sequence[str] = list(self._file.schema_arrow.names)

    def total(self, place: Any) -> int | None:
        """As ``Source``: the file says."""
        return int(self._file.metadata.num_rows) - int(place or 0)

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """As ``Source``; the place is a number of rows."""
        behind = int(place or 0)
        groups, first = self._groups(behind)
        number = first
        try:
            for batch in self._file.iter_batches(batch_size=size, row_groups=groups):
                begin = max(0, min(batch.num_rows, behind - number))
                number += batch.num_rows
                if begin < batch.num_rows:
                    yield Piece(batch.slice(begin).to_pylist(), number)
        except self._wrong as error:
            raise SourceError("source", f"{self._path}: {error}") from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _groups(self, behind: int) -> tuple[list[int], int]:
        """The groups that hold rows behind this many, and how many rows lie before them."""
        before = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if before + rows > behind:
                return list(range(group, self._file.num_row_groups)), before
            before += rows
        return [], before
