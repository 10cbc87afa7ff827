"""Taking erased persons out of exported files: each file that holds one is written anew.

Who was erased is known by keyed hashes, so nobody has to say whom to look for, and doing it again
finds nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ..delivery.erasing import NEVER
from ..delivery.persons import Held, Names
from ..delivery.store.persons import Persons
from ..delivery.tombstones import Tombstones
from .parquet import arrow, writer
from .shelf import Shelf
from .warehouse import part

#: Rows that are looked at at once.
_AT_ONCE = 4096

#: What says whose a row is.
_TELLING = ("timestamp", "anonymous_id", "user_id", "previous_id", "context")

_GONE = "no file of it holds anything of the person any more"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file that was looked at: how many rows it had, and how many were an erased person's."""

    name: str
    rows: int
    gone: int


def rewritten(
    shelf: Shelf, store: str, *, graves: Tombstones, dry: bool = False
) -> Iterator[Rewritten]:
    """Each file of a store; those with rows of erased persons are replaced by files without them,
    or removed where nothing is left. ``dry``: they are only told."""
    pyarrow = arrow()
    for name in shelf.names():
        if name.endswith(".parquet") and f"-{store}-" in name:
            yield _one(pyarrow, shelf, name, store, graves, dry=dry)


def _one(
    pyarrow: Any, shelf: Shelf, name: str, store: str, graves: Tombstones, *, dry: bool
) -> Rewritten:
    with shelf.read(name) as raw:
        file = pyarrow.parquet.ParquetFile(raw)
        gone = _gone(file, graves)
        found = Rewritten(name, file.metadata.num_rows, len(gone))
        if not gone or dry:
            return found
        if found.gone < found.rows:
            _write(pyarrow, shelf, file, part(name, store), gone)
    if found.gone < found.rows:
        shelf.move(part(name, store), name)
    else:
        shelf.remove(name)
    return found


def _gone(file: Any, graves: Tombstones) -> frozenset[int]:
    """The indices of erased persons' rows."""
    found: set[int] = set()
    first = 0
    for batch in file.iter_batches(batch_size=_AT_ONCE, columns=list(_TELLING)):
        held = [_held(*each) for each in zip(*(_values(batch, n) for n in _TELLING), strict=True)]
        found.update(first + index for index in graves.erased(held))
        first += batch.num_rows
    return frozenset(found)


def _values(batch: Any, name: str) -> Sequence[Any]:
    column = batch.column(name)
    if name == "timestamp":
        column = column.cast("int64")
    values: Sequence[Any] = column.to_pylist()
    return values


def _held(
    at: int, visitor: str | None, user: str | None, previous: str | None, context: str | None
) -> Held:
    beside = msgspec.Raw(context.encode() if context else b"")
    return Held(at=at / 1000, event=Names(user, visitor, previous, context=beside))


def _write(pyarrow: Any, shelf: Shelf, file: Any, name: str, gone: frozenset[int]) -> None:
    with closing(shelf.open(name)) as new:
        made = writer(pyarrow, new, file.schema_arrow)
        with closing(made):
            _copy(pyarrow, file, made, gone)
        shelf.close(new)


def _copy(pyarrow: Any, file: Any, made: Any, gone: frozenset[int]) -> None:
    first = 0
    for number in range(file.num_row_groups):
        rows = file.read_row_group(number)
        kept = [first + index not in gone for index in range(rows.num_rows)]
        made.write_table(rows.filter(pyarrow.array(kept)))
        first += rows.num_rows


def answered(persons: Persons, system: str, *, began: float, now: float) -> int:
    """Erasures that were asked for before the files were written anew are done there; how many
    were not yet."""
    done = 0
    for erasure in persons.erasures():
        for each in persons.answers(erasure.id):
            if each.system == system and each.state == "not asked" and erasure.asked <= began:
                told = replace(each, state="done", words=_GONE, at=now, due=NEVER)
                persons.answer(erasure.id, told)
                done += 1
    return done
