"""Old events of a SQLite log made small: the bodies of neighbours, compressed together.

A packed event's row keeps what is asked about (place, label, whose, when) and, instead of the
bodies, their place in a pack. The view ``event`` gives every row as it was: the bytes are the same.
A pack is only read; before one of its events goes, all of them get their bodies back.

Beside the packs it is noted in which slices of the log an order key has events: a slice is so many
positions, and a pack holds events of one.
"""

from __future__ import annotations

import secrets
import sqlite3
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol

import msgspec

from .keys import short_key

#: Positions of a slice, and so the most events of a pack: more save little, and one event costs
#: unpacking all. Another number would make every slice that is noted another one.
TOGETHER = 500

#: Packs of one transaction.
AT_ONCE = 4

#: Packs that a connection keeps open.
_OPEN = 4

#: Notes of order keys that one step of ``forget`` looks at.
_KEYS = 500

#: A place: which part of the event, the pack's number, the event's number in it. JSON begins with
#: none of these parts.
_PLACE = struct.Struct(">BIH")
BODY, DERIVED, REPAIRED = range(3)
ID, KEY = 3, 4

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
        self._raw.create_function("unpacked_id", 1, lambda at: self._name(at, ID))
        self._raw.create_function("unpacked_key", 1, lambda at: self._name(at, KEY))

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
    most = TOGETHER * AT_ONCE + 1
    rows, end = db.all("pack_next", (most,)), int(db.value("log_end"))
    slices = [(number, list(some)) for number, some in groupby(rows, key=_slice)]
    more = len(rows) == most
    for number, some in slices[:-1] if more else slices:
        is_over = (number + 1) * TOGETHER <= end
        if not is_over or max(row[1] for row in some) >= before:
            return False
        _pack(db, number, some)
    return more


def _slice(row: Sequence[Any]) -> int:
    return (int(row[0]) - 1) // TOGETHER


def _pack(db: Connection, number: int, rows: Sequence[Any]) -> None:
    events: list[Packed] = [(bytes(row[2]), *row[3:7]) for row in rows]
    db.change("pack_add", (rows[0][0], rows[-1][0], packed(events)))
    pack = db.value("pack_number")
    small = [
        (*row[:2], *_places(event, pack, at), "", "", *row[7:])
        for at, (row, event) in enumerate(zip(rows, events, strict=True))
    ]
    # One by one: between them may lie what is not packed.
    db.change_each("pack_out", [(position,) for position, *_ in rows])
    db.change_each("pack_in", small)
    keys = {short_key(event[KEY]) for event in events}
    db.change_each("pack_key_add", [(key, number) for key in sorted(keys)])


def _places(event: Packed, pack: int, number: int) -> tuple[bytes | None, ...]:
    """What stands in a row instead of an event's bodies."""
    bodies = (event[BODY], event[DERIVED], event[REPAIRED])
    return tuple(
        None if body is None else _PLACE.pack(part, pack, number)
        for part, body in enumerate(bodies)
    )


def unpack(db: Connection, positions: Iterable[int], gone: Iterable[str]) -> None:
    """Gives the events of every pack that holds one of these their bodies back; the pack goes, and
    what was noted of the order keys ``gone``. Call inside ``batch``."""
    for (number,) in db.all("pack_of", (db.listed(positions),)):
        if number is not None:
            _end(db, "pack_open", number)
    db.change_each("pack_key_drop", [(short_key(each),) for each in gone])


def noted(db: Connection, keys: Iterable[str]) -> tuple[int, Sequence[tuple[int, int]]]:
    """``Database.noted``."""
    slices = db.all("pack_slices", (db.listed([short_key(each) for each in keys]),))
    parts = [(number * TOGETHER, (number + 1) * TOGETHER) for (number,) in slices]
    return int(db.value("pack_end")), parts


def forget(db: Connection, before: float, served: int, destinations: Sequence[str]) -> bool:
    """Removes a few of the oldest packs whose events may all go: they were accepted before a
    moment, lie up to the position ``served``, and none waits for these destinations. One of which a
    part may go is opened: of what the log has let go, nothing is left in a pack, where no erasure
    would find it. True when there may be more. Call inside ``batch``."""
    asked = {"before": before, "served": served, "destinations": db.listed(destinations)}
    due = db.all("packs_due", {**asked, "limit": AT_ONCE})
    for number, may_go in due:
        _end(db, "pack_forget" if may_go else "pack_open", number)
    _forget_keys(db)
    return len(due) == AT_ONCE


def _forget_keys(db: Connection) -> None:
    """Looks at a few notes anywhere among all: hashes are everywhere alike, and so all have their
    turn without anybody keeping whose it is."""
    first = db.value("log_first")
    if first is not None:
        asked = {"first": (first - 1) // TOGETHER, "key": secrets.randbits(63), "limit": _KEYS}
        db.change("pack_keys_forget", asked)


def _end(db: Connection, how: str, number: int) -> None:
    db.change(how, (number,))
    db.change("pack_drop", (number,))
