"""Everything a data folder keeps, piece by piece, with whose each is. Reads only; flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import segments
from .persons import Gathering, Names, Subject, held, named, named_each
from .store.whole import Store

#: Where a row of the log, as ``persons.pieces`` gives it, has an event's body, and what repairs
#: made of it.
_BODY, _REPAIRED = 1, 5


class Piece(NamedTuple):
    """Something that is kept. ``where``: ``spool``, ``outbox``, ``waiting``, ``page``, ``log`` or
    ``dead``; ``key`` finds it there again, ``row`` is what lies there: a frame's JSON, or the
    columns of a row."""

    where: str
    key: Any
    names: list[Names]
    row: Any


#: Begins a reading of everything kept.
Read = Callable[[], Iterable[Piece]]


def kept(store: Store | None, data_dir: Path, *, outbox: Iterable[bytes] = ()) -> Iterator[Piece]:
    """Everything, what is not stored yet first, so that nothing slips by on its way.

    ``outbox``: frames' JSON that lies in the app's own database.
    """
    for frame in outbox:
        yield Piece("outbox", None, held(frame), frame)
    offsets = store.intake.offsets() if store else {}
    for frame in segments.unread(data_dir, offsets):
        yield Piece("spool", None, held(frame), frame)
    if store:
        yield from stored(store)


def stored(store: Store) -> Iterator[Piece]:
    """Everything in the store."""
    for table, read in _TABLES.items():
        for rows in store.persons.pieces(table):
            for row, names in zip(rows, read(rows), strict=True):
                yield Piece(table, row[0], names, row)


def body_of(piece: Piece) -> bytes:
    """The event of a piece of the log, as whoever reads the log gets it."""
    repaired = piece.row[_REPAIRED]
    return bytes(piece.row[_BODY] if repaired is None else repaired)


def gathered(read: Read, store: Store | None, given: str) -> Gathering:
    """Who an id is, found in everything kept: read twice, nothing of others is remembered."""
    found = Gathering(given)
    for piece in read():
        found.look(piece.names)
    if store:
        for name in ("user", "visitor"):
            subject = f"{name}:{given}"
            if store.persons.choices(subject) or store.histories.get([subject]):
                found.kinds.add(name)
        found.join(store.persons.joins())
        found.merged(store.merges.of(given))
    for piece in read():
        found.check(piece.names)
    return found


def belonging(read: Read, subject: Subject) -> Iterator[Piece]:
    """What of it is one person's."""
    return (piece for piece in read() if subject.owns(piece.names))


def _waiting(rows: list[Any]) -> list[list[Names]]:
    return [held(entry) for _, entry in rows]


def _pages(rows: list[Any]) -> list[list[Names]]:
    return [
        [*(_person(person) if person else ()), *(held(half) if half else ())]
        for _, person, half in rows
    ]


def _person(person: bytes) -> list[Names]:
    return held(b'{"person":%b}' % person)


def _log(rows: list[Any]) -> list[list[Names]]:
    found = named_each([row[_BODY] for row in rows])
    for names, row in zip(found, rows, strict=True):
        if row[_REPAIRED] is not None:  # the site's own hooks may have named somebody else in it
            names += named(row[_REPAIRED])
    return found


def _dead(rows: list[Any]) -> list[list[Names]]:
    # What the door and the plan keep is a frame, a destination's letter holds an event.
    return [named(row[2]) if row[1] == "destination" else held(row[2]) for row in rows]


_TABLES: dict[str, Callable[[list[Any]], list[list[Names]]]] = {
    "waiting": _waiting, "page": _pages, "log": _log, "dead": _dead,
}  # fmt: skip
