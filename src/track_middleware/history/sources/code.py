"""Rows of what an app's own code gives: a Django queryset, a SQLAlchemy select, any iterable.

No framework is imported here: a face finds its own models.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import Any

from ..source import AT_ONCE, Models, Piece, Source, SourceError
from .paged import place_of


def opened(named: str, id_column: str, *, models: Models | None) -> Source:
    """The source of a dotted path: what it names, or what the function that it names returns.

    ``models`` is asked first, for a model or its queryset.
    """
    found = models(named) if models else None
    if found is None:
        found = _resolved(named)
    make = found if callable(found) and not hasattr(found, "values") else None
    if make is not None:
        found = make()
    if hasattr(found, "values") and hasattr(found, "order_by") and hasattr(found, "iterator"):
        return Queryset(found, id_column)
    if isinstance(found, tuple) and len(found) == 2 and hasattr(found[1], "subquery"):
        return Select(*found, id_column)
    if isinstance(found, Iterable) and not isinstance(found, (str, bytes, Mapping)):
        return Rows(found if make is None else make)
    raise SourceError(
        "source",
        f"{named} is no queryset, no (engine, select) and no iterable of rows, and returns none",
    )


class Queryset:
    """A Django queryset, in the order of the id."""

    def __init__(self, queryset: Any, id_column: str) -> None:
        self._id = id_column
        if queryset.query.is_sliced:
            raise SourceError("source", "a queryset that is cut already cannot be put into order")
        chosen = getattr(queryset, "_fields", None)  # by ``values()``, which a second one forgets
        rows = queryset.values() if chosen is None else queryset
        concrete = [each.attname for each in queryset.model._meta.concrete_fields]
        named = concrete if chosen is None else rows.query.values_select
        self.columns: Sequence[str] = [*named, *rows.query.annotations]
        _check_id(id_column, self.columns)
        self._all = rows.order_by(id_column)

    def total(self, place: Any) -> int | None:
        """As ``Source``: the database counts."""
        return int(self._behind(place).count())

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """As ``Source``; the place is the last row's id. Each piece is a query of its own."""
        while rows := list(self._behind(place)[:size]):
            place = place_of(rows, self._id)
            yield Piece(rows, place)

    def close(self) -> None:
        """Nothing: connections are Django's."""

    def _behind(self, place: Any) -> Any:
        return self._all if place is None else self._all.filter(**{f"{self._id}__gt": place})


class Select:
    """A SQLAlchemy select on an engine, by a cursor on the server where the database has one."""

    def __init__(self, engine: Any, select: Any, id_column: str) -> None:
        self._id = id_column
        self._engine = engine
        self._rows = select.subquery("source")
        self.columns: Sequence[str] = list(self._rows.c.keys())
        _check_id(id_column, self.columns)

    def total(self, place: Any) -> int | None:
        """As ``Source``: the database counts."""
        from sqlalchemy import func, select

        with _told(), self._engine.connect() as connection:
            counted = select(func.count()).select_from(self._behind(place).subquery())
            return int(connection.execute(counted).scalar_one())

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """As ``Source``; the place is the last row's id."""
        with _told(), self._engine.connect() as connection:
            reading = connection.execution_options(yield_per=size)
            ordered = self._behind(place).order_by(self._rows.c[self._id])
            for part in reading.execute(ordered).mappings().partitions(size):
                rows = [dict(row) for row in part]
                yield Piece(rows, place_of(rows, self._id))

    def close(self) -> None:
        """Lets go of the engine's connections."""
        self._engine.dispose()

    def _behind(self, place: Any) -> Any:
        from sqlalchemy import select

        rows = select(self._rows)
        return rows if place is None else rows.where(self._rows.c[self._id] > place)


class Rows:
    """Any iterable of mappings, or what a function returns each time it is called: always the same
    rows in the same order. The place is a number of rows."""

    columns: Sequence[str] = ()

    def __init__(self, rows: Iterable[Any] | Callable[[], Iterable[Any]]) -> None:
        self._rows = rows

    def total(self, place: Any) -> int | None:
        """As ``Source``: where it has a length."""
        length = getattr(self._rows, "__len__", None)
        return None if length is None else int(length()) - int(place or 0)

    def pieces(self, place: Any, size: int = AT_ONCE) -> Iterator[Piece]:
        """As ``Source``."""
        behind = int(place or 0)
        rows = islice(self._rows() if callable(self._rows) else self._rows, behind, None)
        while piece := [dict(row) for row in islice(rows, size)]:
            behind += len(piece)
            yield Piece(piece, behind)

    def close(self) -> None:
        """Nothing is open."""


def _check_id(column: str, there: Sequence[str]) -> None:
    if column not in there:
        raise SourceError("--id", f"there is no column {column}; there are {', '.join(there)}")


@contextmanager
def _told() -> Iterator[None]:
    """What SQLAlchemy says of a database, without the statement and its values."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except DBAPIError as error:
        raise SourceError("source", str(error.orig)) from error
    except SQLAlchemyError as error:
        raise SourceError("source", str(error)) from error


def _resolved(named: str) -> Any:
    module, _, name = named.replace(":", ".").rpartition(".")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # as `python -m` does, and the console script does not
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SourceError("source", f"{named} cannot be imported: {error}") from error
