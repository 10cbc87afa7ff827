"""Events as Parquet: the schema (docs/warehouse.md), and files written a group of rows at a time.

pyarrow is imported with the first use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Self

import msgspec

from ..destinations.table import COLUMNS, LOADED, Column, Row
from ..errors import TrackError
from .shelf import Shelf

#: The version of the files' shape. A column that comes later is a new one at the end.
FORMAT = 1

#: A column's type, by its kind, in Arrow's words. A UUID is its text, which every engine reads.
TYPES: Mapping[str, str] = {
    "uuid": "string", "time": "timestamp[ms, tz=UTC]", "number": "int32", "text": "string",
    "json": "string",
}  # fmt: skip

#: Rows of a file that are compressed together, and bytes of rows that wait for that, of all files.
GROUP = 65_536
WAITING = 32 * 2**20

#: Rows that are held as Python values.
_LOOSE = 4_000

_encode = msgspec.json.Encoder().encode

Columns = tuple[Column, ...]
ALL: Columns = (*COLUMNS, LOADED)


class NoArrowError(TrackError):
    """pyarrow is missing: pip install 'track-middleware[parquet]'"""


def schema() -> Any:
    """Every column with its type; a column that is never empty takes no null."""
    pyarrow = arrow()
    types = {
        "string": pyarrow.string(), "int32": pyarrow.int32(),
        "timestamp[ms, tz=UTC]": pyarrow.timestamp("ms", "UTC"),
    }  # fmt: skip
    fields = [
        pyarrow.field(each.name, types[TYPES[each.kind]], nullable=not each.always) for each in ALL
    ]
    return pyarrow.schema(fields, metadata={"track_middleware": f"format {FORMAT}"})


def arrow() -> Any:
    """pyarrow, with its Parquet part; NoArrowError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise NoArrowError(NoArrowError.__doc__ or "") from error
    return pyarrow


class Files:
    """Files that are being written, each made by its first row. ``rows``: so many are in each;
    ``waiting``: so many bytes of rows are not written yet, the last few rows left out. They are
    whole after a ``with`` block that ends well, and else only closed.

    What waits in memory is bounded whatever is written: ``WAITING`` bytes, ``_LOOSE`` rows.
    """

    def __init__(self, shelf: Shelf, *, loaded: str) -> None:
        self._pyarrow = arrow()
        self._shelf = shelf
        self._loaded = loaded
        self._schema = schema()
        self._open: dict[str, tuple[BinaryIO, Any]] = {}
        self._loose: defaultdict[str, list[Row]] = defaultdict(list)
        self._tables: defaultdict[str, list[Any]] = defaultdict(list)
        self._held: dict[str, int] = {}
        self.rows: defaultdict[str, int] = defaultdict(int)
        self.waiting = 0

    def add(self, name: str, row: Row) -> None:
        """One more row of a file."""
        self._loose[name].append(row)
        self.rows[name] += 1

    def turn(self) -> None:
        """Call after each few rows: what waits too long, or takes too much room, is written."""
        if sum(map(len, self._loose.values())) >= _LOOSE:
            self._settle()
        for name, rows in list(self._held.items()):
            if self.waiting >= WAITING or rows >= GROUP:
                self._write(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self._drop()

    def close(self) -> Sequence[str]:
        """Everything is written; the files' names."""
        self._settle()
        for name in self.rows:
            self._write(name)
            file, writer = self._open[name]
            writer.close()
            self._shelf.close(file)
        return list(self.rows)

    def _drop(self) -> None:
        for file, writer in self._open.values():
            writer.close()
            file.close()

    def _settle(self) -> None:
        for name, rows in self._loose.items():
            made = table(self._pyarrow, self._schema, rows, self._loaded)
            self._tables[name].append(made)
            self._held[name] = self._held.get(name, 0) + len(rows)
            self.waiting += made.nbytes
        self._loose.clear()

    def _write(self, name: str) -> None:
        if self._held.pop(name, 0) == 0:
            return
        whole = self._pyarrow.concat_tables(self._tables.pop(name))
        self.waiting -= whole.nbytes
        if name not in self._open:
            file = self._shelf.open(name)
            self._open[name] = (file, writer(self._pyarrow, file, self._schema))
        self._open[name][1].write_table(whole, row_group_size=GROUP)


def writer(pyarrow: Any, file: BinaryIO, schema: Any) -> Any:
    """What writes a file of this schema."""
    return pyarrow.parquet.ParquetWriter(file, schema, compression="zstd", version="2.6")


def table(pyarrow: Any, schema: Any, rows: Sequence[Row], loaded: str) -> Any:
    """Rows as Arrow holds them."""
    arrays = [_array(pyarrow, each, rows, loaded) for each in ALL]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def _array(pyarrow: Any, column: Column, rows: Sequence[Row], loaded: str) -> Any:
    if column is LOADED:
        values: Iterator[Any] = (loaded for _ in rows)
    elif column.kind == "json":
        values = (
            _encode(row[column.name]).decode() if column.name in row else None for row in rows
        )
    else:
        values = (row.get(column.name) for row in rows)
    if column.kind == "time":
        texts = pyarrow.array(values, pyarrow.string())
        return texts.cast(pyarrow.timestamp("ms", "UTC"))
    return pyarrow.array(values, pyarrow.int32() if column.kind == "number" else pyarrow.string())
