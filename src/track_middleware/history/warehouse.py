"""Events of the log as Parquet files by day and hour, once each, however often it is killed.

One stretch of the log after the other becomes files under names that nobody reads. Then one small
file, the state, says how far the log is covered and which files that made; then these are moved
to their names. So what is killed before the state is written has made nothing, and what is killed
after it is finished by the next call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import msgspec

from ..address import Address
from ..delivery import emission
from ..delivery.batch import MISTAKES
from ..delivery.persons import Held, named
from ..delivery.store import Stored
from ..delivery.tombstones import Tombstones
from ..destinations import fields, filters
from ..destinations.fields import Fields
from ..destinations.filters import Filter
from ..destinations.table import Row, Rows
from ..errors import TrackError
from ..event import UNREADABLE, Event, iso
from ..globs import matching
from .parquet import FORMAT, Files
from .shelf import Shelf, load, save

#: Folder of what nobody reads: the state, and files that are being written. Engines pass over
#: names that begin so.
WORK = "_track"

#: The end of names that nobody reads.
PART = ".part"

#: A stretch of the log ends with so many rows, or hours, which is so many files.
ROWS = 1_000_000
HOURS = 64

#: Events that are read at once.
AT_ONCE = 500


#: Between which years every engine keeps a time to the millisecond.
_SPAN = ("1900", "2299")


class ExportError(TrackError):
    """An export that cannot go on where it stands; says why."""


class Log(Protocol):
    """What is exported. ``identity`` is the store's own name."""

    def read(self, after: int, limit: int) -> Sequence[Stored]: ...

    def end(self) -> int: ...

    def identity(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Which events are exported, and what of them; ``options`` is what was asked for."""

    filter: Filter
    fields: Fields | None
    options: Mapping[str, str]
    unstored: re.Pattern[str] | None = None


class State(msgspec.Struct, frozen=True, rename="camel"):
    """How far a store's log is in the files: up to ``position``, whose last event was accepted
    ``at``. ``files``: what this state made, whose moving may have been interrupted. ``events`` and
    ``left_out`` (what has no row: a time that no engine takes) since the beginning."""

    store: str
    options: dict[str, str]
    format: int = FORMAT
    position: int = 0
    at: float = 0.0
    events: int = 0
    left_out: int = 0
    files: list[str] = []


def choice(options: Mapping[str, str], unstored: Sequence[str] = ()) -> Choice:
    """What the options of a destination's URL choose: the same words mean the same here.
    ``unstored``: names of events that the store does not keep, which nobody else may either.
    SettingsError for one that means nothing."""
    address = Address("parquet:", "parquet", "", "", "", "", dict(options))
    return Choice(filters.of(address), fields.of(address), options, matching(unstored))


def mark(identity: str) -> str:
    """What files of one store have in their names, so that several may share a folder."""
    return sha256(identity.encode()).hexdigest()[:8]


def part(name: str, store: str) -> str:
    """Under which name a file is written before it has its own."""
    return f"{WORK}/{store}/{name.replace('/', '~')}{PART}"


class Export:
    """Exports one store's log to one target. One process at a time does."""

    def __init__(
        self,
        log: Log,
        shelf: Shelf,
        choice: Choice,
        *,
        graves: Tombstones,
        now: Callable[[], float],
    ) -> None:
        self._log = log
        self._shelf = shelf
        self._choice = choice
        self._graves = graves
        self._now = now
        self._store = mark(log.identity())

    def begun(self) -> State:
        """How far it has come; what was interrupted is finished. ExportError where this store, or
        this choice, does not go on there."""
        found = load(self._shelf, self._state)
        options = dict(self._choice.options)
        state = State(self._store, options) if found is None else self._read(found)
        if state.format != FORMAT:
            raise ExportError("the files were written by a newer release of track-middleware")
        if state.options != options:
            raise ExportError(f"it was begun with {_shown(state.options)}: take another folder")
        if state.position > self._log.end():
            raise ExportError("the store is older than the files (a backup?): take another folder")
        self._finish(state)
        return state

    def _read(self, found: bytes) -> State:
        try:
            return msgspec.json.decode(found, type=State)
        except UNREADABLE as error:
            said = f"{self._state} there is damaged: restore it, or take another folder"
            raise ExportError(said) from error

    def run(self, state: State) -> Iterator[State]:
        """Exports what the log has now; how far it has come, after each stretch."""
        end = self._log.end()
        while state.position < end:
            before, state = state, self._stretch(state, end)
            if state.position == before.position:
                return  # the last of the log is gone, or a lower position may still appear
            save(self._shelf, self._state, msgspec.json.encode(state))
            for name in state.files:
                self._shelf.move(part(name, self._store), name)
            yield state

    @property
    def _state(self) -> str:
        return f"{WORK}/{self._store}.json"

    def _finish(self, state: State) -> None:
        """What a state has made gets its names; what no state has made is removed."""
        made = {part(name, self._store): name for name in state.files}
        for each in self._shelf.names(f"{WORK}/{self._store}"):
            if each in made:
                self._shelf.move(each, made[each])
            else:
                self._shelf.remove(each)

    def _stretch(self, before: State, end: int) -> State:
        with Files(self._shelf, loaded=iso(self._now())) as files:
            return self._filled(files, before, end)

    def _filled(self, files: Files, before: State, end: int) -> State:
        position, at, left_out = before.position, before.at, before.left_out
        named: dict[str, str] = {}
        rows = Rows()
        while sum(files.rows.values()) < ROWS and len(named) < HOURS:
            events = [e for e in self._log.read(position, AT_ONCE) if e.position <= end]
            if not events:
                break
            for event in self._wanted(events):
                row = self._row(rows, event)
                if row is None:
                    left_out += 1
                    continue
                name = self._name(row, before.position + 1)
                named.setdefault(name, part(name, self._store))
                files.add(named[name], row)
            files.turn()
            position, at = events[-1].position, events[-1].accepted_at
        total = before.events + sum(files.rows.values())
        return State(self._store, before.options, FORMAT, position, at, total, left_out, [*named])

    def _wanted(self, events: Sequence[Stored]) -> Sequence[Stored]:
        wanted, not_kept = self._choice.filter, self._choice.unstored
        found = [
            each
            for each in events
            if wanted.wants(each.label, bot=each.bot, whom=each.order_key)
            if not_kept is None or not not_kept.match(each.label)
            if wanted.permitted(each.body)
        ]
        held = [
            Held(at=each.accepted_at, event=next(iter(named(each.body)), None)) for each in found
        ]
        gone = self._graves.erased(held)
        return [each for index, each in enumerate(found) if index not in gone]

    def _row(self, rows: Rows, event: Stored) -> Row | None:
        """An event's row; None where its time is none that every engine takes."""
        try:
            row = rows.row(self._content(event))
        except MISTAKES:
            return None
        return row if _SPAN[0] <= row["timestamp"] < _SPAN[1] else None

    def _content(self, stored: Stored) -> Event:
        fields, made = self._choice.fields, emission.event(stored)
        return made if fields is None else fields.of(made)

    def _name(self, row: Row, first: int) -> str:
        """The file of a row: by the day and hour in which the event happened, in UTC."""
        day, hour = row["timestamp"][:10], row["timestamp"][11:13]
        return f"date={day}/hour={hour}/events-{self._store}-{first:012}.parquet"


def _shown(options: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in options.items()) or "no choice of events"
