"""Counts the log's views for the console, a piece in each transaction, and each view once.

Counting runs behind the drain and costs it nothing: it reads the log, as a destination does. What a
transaction counts and up to where it has counted are one; so a kill between any two lines loses and
doubles nothing. A half that comes after its view is in the log was noted there, and is counted when
the note is read.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import cast

import msgspec

from ..event import CHECKED
from . import viewed
from .splice import several
from .store import Stored
from .store.keys import short_key
from .store.rollups import NEVER, Counted, ViewRows
from .tally import Tally
from .viewed import Note, View

logger = logging.getLogger("track_middleware")

#: Views of one transaction, at most, and positions that it looks at.
AT_ONCE = 2000
SPAN = 20_000

#: Names of a day's part; whatever comes beyond is counted together. Anybody can make up paths.
MOST_NAMES = 500
OTHERS = "…"

#: How often a step is taken while the drain has more to do, in seconds.
BUSY = 2.0

#: Days' parts whose names are kept in memory.
_KNOWN = 64


class _Outcome(msgspec.Struct, gc=False):
    blocked: bool | None = None


class _Checked(msgspec.Struct, rename="camel", gc=False):
    timestamp: str = ""
    anonymous_id: str | None = None
    properties: _Outcome | None = None


_checked = msgspec.json.Decoder(_Checked)
_all_checked = msgspec.json.Decoder(list[_Checked])


class Rollups:
    """Counts the views of one store. ``zone`` is the site's time zone by name, ``day`` says which
    of its days a moment is in."""

    def __init__(self, store: ViewRows, *, zone: str, day: Callable[[float], int]) -> None:
        self._store = store
        self._zone = zone
        self._day = day
        self._names: dict[tuple[str, int], set[str]] = {}
        self._turned = -math.inf
        self._is_begun = self._is_told = False

    def turn(self, moment: float, *, busy: bool) -> bool:
        """A step, by a monotonic clock; while the drain is ``busy`` only now and then. True when
        there may be more at once."""
        if busy and moment < self._turned + BUSY:
            return False
        self._turned = moment
        return self.step()

    def step(self) -> bool:
        """One transaction, when there is anything to count; True when there may be more."""
        counted = self._store.counted()
        if counted.zone != self._zone:
            return self._begin_anew(counted.zone)
        end = self._store.end()
        if counted.position >= end and not self._store.late(counted.position, 1):
            return False
        with ExitStack() as undone:
            undone.callback(self._names.clear)
            with self._store.batch():  # another host's worker may have counted meanwhile
                counted = self._store.counted()
                if counted.zone != self._zone:
                    return True
                until = self._count(counted, min(self._store.end(), counted.position + SPAN))
            undone.pop_all()
        return until < end

    def _begin_anew(self, zone: str) -> bool:
        """Counts in this site's zone from now on; where another worker has said otherwise since,
        it counts: two that take turns at beginning anew would never come to an end."""
        if self._is_begun:
            if not self._is_told:
                logger.error("another host counts in the zone %s, not %s", zone, self._zone)
            self._is_told = True
            return False
        self.rebuild()
        return True

    def rebuild(self) -> None:
        """Begins counting anew: the numbers of the days that the log still holds whole are made of
        it again, and those of earlier days stay."""
        with self._store.batch():
            first = self._store.first()
            whole = first is None or first[0] == 1
            since = NEVER if whole or first is None else self._day(first[1]) + 1
            self._store.begin(self._zone, since)
        self._is_begun = True
        self._names.clear()

    def _count(self, counted: Counted, until: int) -> int:
        """Counts a part of the log, and what was noted of earlier views; up to where."""
        rows = self._store.rows(counted.position, until, AT_ONCE)
        if len(rows) == AT_ONCE:
            until = rows[-1].position
        tally = Tally(self._store, self._name)
        self._add(tally, counted, rows, until)
        self._add_late(tally, counted)
        tally.write()
        self._store.moved(until)
        return until

    def _add(self, tally: Tally, counted: Counted, rows: Sequence[Stored], until: int) -> None:
        notes: dict[int, set[Note]] = {}
        for position, note in self._store.notes(counted.position, until):
            notes.setdefault(position, set()).add(cast("Note", note))
        looked_at = [row for row in rows if row.label != CHECKED]
        found: list[View] = []
        for row, view in zip(looked_at, viewed.views(looked_at, self._day), strict=True):
            if view is not None and counted.covers(view.day, row.position):
                noted = notes.get(row.position)
                found.append(viewed.noted(view, noted) if noted else view)
        tally.add(found)
        tally.outcomes(self._outcomes([row for row in rows if row.label == CHECKED], counted))
        self._store.count_notes(notes)

    def _add_late(self, tally: Tally, counted: Counted) -> None:
        late = self._store.late(counted.position, AT_ONCE)
        if not late:
            return
        before: dict[int, set[Note]] = {}
        after: dict[int, set[Note]] = {}
        for position, note, done in self._store.noted(late):
            after.setdefault(position, set()).add(cast("Note", note))
            if done:
                before.setdefault(position, set()).add(cast("Note", note))
        rows = self._store.at(late)
        for row, view in zip(rows, viewed.views(rows, self._day), strict=True):
            if view is not None and counted.covers(view.day, row.position):
                old = viewed.noted(view, before.get(row.position, set()))
                tally.change(old, viewed.noted(view, after[row.position]))
        self._store.count_notes(late)

    def _outcomes(
        self, rows: Sequence[Stored], counted: Counted
    ) -> Iterable[tuple[int, int, bool]]:
        """Of each visitor whom a bait asked: visitor, day, and whether a blocker runs."""
        bodies = several([row.body for row in rows], together=_all_checked, single=_checked)
        for row, body in zip(rows, bodies, strict=True):
            if body is None or body.properties is None or not body.anonymous_id or row.bot:
                continue
            day = viewed.day_of(body.timestamp, row.accepted_at, self._day)
            if body.properties.blocked is not None and counted.covers(day, row.position):
                yield short_key(body.anonymous_id), day, body.properties.blocked

    def _name(self, part: str, day: int, name: str) -> str:
        """The name under which something is counted."""
        known = self._names.get((part, day))
        if known is None:
            if len(self._names) >= _KNOWN:
                self._names.clear()
            known = self._names[part, day] = self._store.names(part, day)
        if name not in known:
            if len(known) >= MOST_NAMES:
                return OTHERS
            known.add(name)
        return name
