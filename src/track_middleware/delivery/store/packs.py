"""Old events of a SQLite log made small: the bodies of neighbours, compressed together.

A packed event's row keeps what is asked about (place, label, whose, when) and, instead of the
bodies, their place in a pack. The view ``event`` gives every row as it was: the bytes are the same.
A pack is only read; before one of its events goes, all of them get their bodies back.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

#: Events of a pack: more save little, and one event costs unpacking all.
TOGETHER = 500

#: Packs of one transaction.
AT_ONCE = 4

#: Packs that a connection keeps open.
_OPEN = 4

#: A place: which part of the event, the pack's number, the event's number in it. JSON begins with
#: none of these parts.
_PLACE = struct.Struct(">BIH")
BODY, DERIVED, REPAIRED = range(3)

#: An event's body, what was derived, what repairs made of it, its id and its order key.
Packed = tuple[bytes, bytes | None, bytes | None, str, str]

#: What SQLite gives a function, and takes from it.
_Value = bytes | str | int | float | None

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[Packed])


def packed(rows: Sequence[Packed]) -> bytes:
    """Several events as one value."""
    return zlib.compress(_encode(rows), 6)


class Unpacking:
    """What the view ``event`` asks of a connection. Packs are never changed, so that one which was
    read once may be kept."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._open: OrderedDict[int, list[Packed]] = OrderedDict()

    def register(self) -> None:
        """Gives the connection the view's functions."""
        self._raw.create_function("unpacked", 1, self.part)
        self._raw.create_function("unpacked_id", 1, lambda at: self._name(at, 3))
        self._raw.create_function("unpacked_key", 1, lambda at: self._name(at, 4))

    def part(self, value: _Value) -> _Value:
        """The bytes for which a place stands; any other value itself."""
        if not isinstance(value, bytes) or len(value) != _PLACE.size or value[0] > REPAIRED:
            return value
        part, pack, number = _PLACE.unpack(value)
        found: _Value = self._pack(pack)[number][part]
        return found

    def _name(self, value: bytes, which: int) -> str:
        """The id or order key of the event whose body's place this is."""
        _, pack, number = _PLACE.unpack(value)
        return str(self._pack(pack)[number][which])

    def _pack(self, number: int) -> list[Packed]:
        found = self._open.get(number)
        if found is None:
            asked = "SELECT rows FROM log_pack WHERE number = ?"
            (rows,) = self._raw.execute(asked, (number,)).fetchone()
            found = self._open[number] = _decoder.decode(zlib.decompress(rows))
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)
        return found


class Connection(Protocol):
    """What of a connection is needed here."""

    def all(self, name: str, values: Any = ()) -> list[Any]: ...

    def value(self, name: str, values: Any = ()) -> Any: ...

    def change(self, name: str, values: Any = ()) -> int: ...

    def change_each(self, name: str, rows: Iterable[Sequence[Any]]) -> int: ...

    def listed(self, values: Iterable[int] | Iterable[str]) -> Any: ...


def pack(db: Connection, before: float) -> bool:
    """Packs a few events that were accepted before a moment; True when there may be more. Call
    inside ``batch``."""
    rows = db.all("pack_next", (TOGETHER * AT_ONCE,))
    for start in range(0, len(rows), TOGETHER):
        some = rows[start : start + TOGETHER]
        if len(some) < TOGETHER or max(row[1] for row in some) >= before:
            return False
        _pack(db, some)
    return len(rows) == TOGETHER * AT_ONCE


def _pack(db: Connection, rows: Sequence[Any]) -> None:
    events: list[Packed] = [(bytes(row[2]), *row[3:7]) for row in rows]
    db.change("pack_add", (rows[0][0], rows[-1][0], packed(events)))
    number = db.value("pack_number")
    small = [
        (*row[:2], *_places(event, number, at), "", "", *row[7:])
        for at, (row, event) in enumerate(zip(rows, events, strict=True))
    ]
    # One by one: between them may lie what is not packed.
    db.change_each("pack_out", [(position,) for position, *_ in rows])
    db.change_each("pack_in", small)


def _places(event: Packed, pack: int, number: int) -> tuple[bytes | None, ...]:
    """What stands in a row instead of an event's bodies."""
    bodies = (event[BODY], event[DERIVED], event[REPAIRED])
    return tuple(
        None if body is None else _PLACE.pack(part, pack, number)
        for part, body in enumerate(bodies)
    )


def unpack(db: Connection, positions: Iterable[int]) -> None:
    """Gives the events of every pack that holds one of these their bodies back; the pack goes. Call
    inside ``batch``."""
    for (number,) in db.all("pack_of", (db.listed(positions),)):
        if number is not None:
            _end(db, "pack_open", number)


def forget(db: Connection, before: float, served: int, destinations: Sequence[str]) -> bool:
    """Removes a few of the oldest packs whose events may all go: they were accepted before a
    moment, lie up to the position ``served``, and none waits for these destinations. One of which a
    part may go is opened: of what the log has let go, nothing is left in a pack, where no erasure
    would find it. True when there may be more. Call inside ``batch``."""
    asked = {"before": before, "served": served, "destinations": db.listed(destinations)}
    due = db.all("packs_due", {**asked, "limit": AT_ONCE})
    for number, may_go in due:
        _end(db, "pack_forget" if may_go else "pack_open", number)
    return len(due) == AT_ONCE


def _end(db: Connection, how: str, number: int) -> None:
    db.change(how, (number,))
    db.change("pack_drop", (number,))
