"""Reconciling: a key metric's events against the rows that they tell of.

The truth is read first and the events after it, in the order in which they move towards the log: a
row that was seen has its event by then, unless it is younger than ``YOUNG``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..delivery.store.whole import Store
from ..errors import SettingsError
from ..event import Entry, decode_entry, epoch, lenient_encoder, wire_id
from . import intake, sources
from .comparison import Comparison, Day, Fact, Span, TwiceError, units
from .intake import Intake
from .rows import CallError, Columns, Reader, RowError
from .sources import Ask, Models, Source
from .telling import Telling, named

#: A row without an event is left alone for so long: its event may still come. In seconds.
YOUNG = 60.0

#: Ids of a kind that are named.
NAMED = 1000

_AT_ONCE = 500
_HEX = 32


@dataclass(frozen=True, slots=True)
class Rule:
    """Where the same numbers can be counted, as the setting ``reconcile`` says of an event:
    ``source`` and ``sql`` as a backfill takes them, and which column (and property) is the ``id``,
    the ``sum`` (None: only counted), and which column the ``time``, ``user`` and ``anonymous``."""

    event: str
    source: str
    id: str
    time: str
    sql: str | None = None
    sum: str | None = None
    user: str | None = None
    anonymous: str | None = None
    zone: tzinfo = UTC

    def opened(self, models: Models | None) -> Source:
        """The truth, to be read and closed; SettingsError when it cannot be."""
        found = sources.opened(Ask(self.source, self.id, self.sql), models=models)
        wanted = [self.id, self.time, self.sum, self.user, self.anonymous]
        lacking = [each for each in wanted if each and found.columns and each not in found.columns]
        if lacking:
            found.close()
            there = ", ".join(found.columns)
            raise SettingsError(
                "reconcile", f"{self.event}: there is no column {lacking[0]!r}; there are: {there}"
            )
        return found

    def reader(self, version: str, kept: Callable[..., Any]) -> Reader:
        """Makes events of its rows; ``kept`` as ``Reader`` takes it."""
        columns = Columns(self.id, self.time, self.user, self.anonymous, None, self.zone)
        return Reader(self.event, columns, intake.context(version), kept)


def rule(event: str, given: Mapping[str, str]) -> Rule:
    """What the setting says of an event, which ``reading`` has checked. SettingsError when there is
    no such time zone."""
    rest = {name: said for name, said in given.items() if name != "time_zone"}
    zone = given.get("time_zone", "UTC")
    try:
        return Rule(event=event, zone=ZoneInfo(zone), **rest)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError("reconcile", f"{event}: there is no time zone {zone!r}") from error


@dataclass(frozen=True, slots=True)
class Names:
    """Ids of one kind: how many, and the first of them."""

    count: int = 0
    first: Sequence[Any] = ()


@dataclass(slots=True)
class Found:
    """What a comparison found. ``missing``: rows without an event, which ``--fix`` mends; ``young``
    ones may still be on their way; of ``refused`` ones the event is a dead letter; of ``gone`` ones
    it was stored once and is not kept. ``extra``: events without a row; ``twice``: rows with
    several; ``different``: (id, the row's amount, the event's); ``nameless``: events that do not
    say of which row they tell. ``waiting``: events that are not stored yet. ``unread``: rows that
    cannot be read, and why the first cannot."""

    days: list[Day] = field(default_factory=list)
    missing: Names = Names()
    young: Names = Names()
    refused: Names = Names()
    gone: Names = Names()
    extra: Names = Names()
    twice: Names = Names()
    different: Names = Names()
    nameless: Names = Names()
    waiting: int = 0
    unread: int = 0
    why: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether both sides say the same, of each row."""
        kinds = ("missing", "young", "refused", "gone", "extra", "twice", "different", "nameless")
        return not self.unread and not any(getattr(self, kind).count for kind in kinds)


class Reconcile:
    """One event against its rule. ``compare``, then perhaps ``entries``; the caller closes it.

    ``outbox`` reads the frames that lie in the app's database. ``read`` is told how many rows and
    events have been read.
    """

    def __init__(
        self,
        rule: Rule,
        store: Store,
        data_dir: Path,
        *,
        span: Span,
        day: Callable[[float], str],
        reader: Reader,
        outbox: Callable[[], Iterable[bytes]] = tuple,
        models: Models | None = None,
        read: Callable[[int], object] = lambda number: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rule = rule
        self._store = store
        self._data_dir = data_dir
        self._reader = reader
        self._outbox = outbox
        self._models = models
        self._read = read
        self._now = now
        self._both = Comparison(span, day)
        self._found = Found()

    def compare(self) -> Found:
        """Reads both sides. SettingsError when the truth cannot be read."""
        telling = Telling(self._rule.event, self._rule.id, self._rule.sum)
        with closing(self._rule.opened(self._models)) as source:
            try:
                number = self._both.facts(self._facts(source))
            except TwiceError as error:
                raise SettingsError(
                    "reconcile", f"{self._rule.event}: the truth gives {error} more than once"
                ) from error
        waiting = telling.waiting(self._store, self._data_dir, outbox=self._outbox())
        number += self._both.events(waiting)
        self._read(number)
        self._read(number + self._both.events(telling.stored(self._store)))
        self._both.match()
        self._forget_gone()
        return self._told()

    def entries(self) -> Iterator[Entry]:
        """What tells of the missing rows, in the order in which they happened."""
        return map(decode_entry, self._both.entries())

    def older(self, moment: float) -> int:
        """How many of the missing rows happened before a moment."""
        return self._both.older(moment)

    def close(self) -> None:
        """What was read is gone."""
        self._both.close()

    def _facts(self, source: Source) -> Iterator[Fact]:
        number = 0
        for piece in source.pieces(None):
            now = self._now()
            for row in piece.rows:
                try:
                    yield self._fact(row, now)
                except CallError:
                    raise
                except RowError as error:
                    self._found.why = self._found.why or str(error)
                    self._found.unread += 1
            number += len(piece.rows)
            self._read(number)

    def _fact(self, row: Mapping[str, Any], now: float) -> Fact:
        entry = self._reader.entry(row, now)
        name = named(row[self._rule.id])
        if name is None or entry.event is None:
            raise RowError(f"{self._rule.id}: {row[self._rule.id]!r:.60} is no id")
        amount = units(row[self._rule.sum]) if self._rule.sum else None
        return Fact(name, epoch(entry.event.timestamp), amount, lenient_encoder.encode(entry))

    def _forget_gone(self) -> None:
        """Tells those whose events were stored once from those that never were: an event under the
        id that a mended one would have, or under the row's own."""
        remaining = self._both.missing()
        gone: list[str] = []
        while some := list(islice(remaining, _AT_ONCE)):
            ids = {wire_id("server", id_): each for each in some for id_ in self._event_ids(each)}
            gone += {ids[each] for each in self._store.unstored.known(list(ids))}
        self._both.had(gone)

    def _event_ids(self, name: str) -> Iterator[str]:
        yield name
        yield f"{self._rule.event}:{name}"
        if len(name) == _HEX:
            with suppress(ValueError):
                yield f"{self._rule.event}:{UUID(name)}"

    def _told(self) -> Found:
        found, both = self._found, self._both
        found.days = both.days()
        for why in ("missing", "young", "refused", "gone"):
            setattr(found, why, _names(both.missing(why)))
        for kind in ("extra", "twice", "different", "nameless"):
            setattr(found, kind, _names(getattr(both, kind)()))
        found.waiting = both.waiting()
        return found


def mend(
    event: str,
    entries: Iterable[Entry],
    store: Store,
    data_dir: Path,
    *,
    destinations: Sequence[str],
    min_free: str,
    count: Callable[[str, int], object],
    waited: Callable[[float], object],
    now: Callable[[], float] = time.time,
) -> int:
    """Adds what is missing of an event, and returns when it is stored; the backfill's number. What
    an interrupted call has begun goes on. The rest is as ``Intake`` takes it; Refused when the disk
    is full."""
    number = begun(event, store)
    if number is None:
        number = store.backfills.begin(_title(event), destinations, now=now())
    taking = Intake(data_dir, store, number, min_free=min_free, count=count, waited=waited)
    with closing(taking):
        taking.add(entries)
        taking.finish()
    return number


def begun(event: str, store: Store) -> int | None:
    """The backfill of an interrupted call for an event, which ``mend`` goes on with."""
    return store.backfills.begun(_title(event))


def _title(event: str) -> str:
    return f"reconcile {event}"


def _names(ids: Iterable[Any]) -> Names:
    remaining = iter(ids)
    first = list(islice(remaining, NAMED))
    return Names(len(first) + sum(1 for _ in remaining), first)
