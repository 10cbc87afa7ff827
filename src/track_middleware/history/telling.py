"""The events of one name that tell of rows of a table, wherever a data folder keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..delivery import segments
from ..delivery.store.whole import Store
from ..event import epoch, wire_id
from .comparison import Told, units

_AT_ONCE = 1000


class _Said(msgspec.Struct, rename="camel", gc=False):
    """What is read of an event; its properties stay bytes."""

    message_id: str
    timestamp: str = ""
    event: str | None = None
    properties: msgspec.Raw = msgspec.Raw()


class _Frame(msgspec.Struct, gc=False):
    """What is read of an entry."""

    event: _Said
    at: float = 0.0
    origin: str = "server"


_said = msgspec.json.Decoder(_Said)
_frame = msgspec.json.Decoder(_Frame)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value = msgspec.json.Decoder()

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Telling:
    """Reads the events called ``event``; the properties ``id`` and ``amount`` (None: none) say of
    which row each tells, and how much."""

    event: str
    id: str
    amount: str | None = None

    def waiting(
        self, store: Store, data_dir: Path, *, outbox: Iterable[bytes] = ()
    ) -> Iterator[Told]:
        """Those that are not in the log (yet), in the order of their way there, so that none slips
        by; ``stored`` is read after them. ``outbox``: frames that lie in the app's database."""
        for frame in outbox:
            yield from self._framed(frame, "outbox")
        for frame in segments.unread(data_dir, store.intake.offsets()):
            yield from self._framed(frame, "spool")
        for rows in store.persons.pieces("waiting"):
            for _, entry in rows:
                yield from self._framed(entry, "waiting")
        for rows in store.persons.pieces("dead"):
            for _, stage, body, *_ in rows:
                if stage != "destination":  # of those the log has the event
                    yield from self._framed(body, "dead")

    def stored(self, store: Store) -> Iterator[Told]:
        """Those of the log."""
        after = 0
        while rows := store.replays.labelled(self.event, after, _AT_ONCE):
            for position, event_id, at, body in rows:
                yield self._told(_said.decode(body), event_id, at, "log")
                after = position

    def _framed(self, raw: bytes, place: str) -> Iterator[Told]:
        """An entry, or a bare event, if it is one of this name."""
        if self.event.encode() not in raw and b"\\" not in raw:
            return  # nearly always, and cheaper than decoding it
        try:
            entry = _frame.decode(raw)
        except _UNREADABLE:
            try:
                entry = _Frame(_said.decode(raw))
            except _UNREADABLE:
                return
        if entry.event.event == self.event:
            event_id = wire_id(entry.origin, entry.event.message_id)
            yield self._told(entry.event, event_id, entry.at, place)

    def _told(self, said: _Said, event_id: str, at: float, place: str) -> Told:
        properties = _properties(said.properties)
        row = named(_read(properties, self.id))
        own = said.message_id
        if row is None and own.startswith(f"{self.event}:"):
            row = own.removeprefix(f"{self.event}:")
        amount = units(_read(properties, self.amount)) if self.amount else None
        return Told(event_id, named(own) or "", row, _moment(said, at), amount, place)


def named(value: object) -> str | None:
    """What a row is called, whether a database or an event says it: 17, 17.0 and "17" are one, a
    UUID with and without dashes too. None for what is no name."""
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    bare = text.replace("-", "").lower()
    if len(bare) == 32 and len(text) in (32, 36) and not set(bare) - set("0123456789abcdef"):
        return bare
    return text or None


def _moment(said: _Said, accepted: float) -> float:
    try:
        return epoch(said.timestamp)
    except (ValueError, OverflowError):
        return accepted


def _properties(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        return _members.decode(raw)
    except _UNREADABLE:
        return {}


def _read(properties: dict[str, msgspec.Raw], name: str) -> Any:
    raw = properties.get(name)
    return None if raw is None else _value.decode(raw)
