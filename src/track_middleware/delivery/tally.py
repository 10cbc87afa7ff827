"""What one transaction of counting adds: to cells, sessions, visitors' days and their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

import msgspec

from . import viewed, visits
from .store.rollups import ViewRows
from .viewed import SERVED, View
from .visits import Day

#: Part, day and name of a cell.
Key = tuple[str, int, str]

_STATE = attrgetter("day", "state")
_VISITOR = attrgetter("visitor", "day", "state")

_cells = msgspec.json.Decoder(list[Key])


class Tally:
    """Gathers what views and baits add; ``write`` writes it. ``name`` says under which name of a
    day's part something is counted."""

    def __init__(self, store: ViewRows, name: Callable[[str, int, str], str]) -> None:
        self._store = store
        self._name = name
        self._cells: dict[Key, list[int]] = {}
        self._people: Counter[tuple[int, str]] = Counter()
        self._moves: dict[int, dict[int, list[tuple[viewed.State, int]]]] = {}
        self._baits: dict[int, dict[int, list[bool]]] = {}

    def add(self, views: Sequence[View]) -> None:
        """Counts views, and the sessions that begin with them."""
        people = [view for view in views if view.bot is None]
        self._move(people, 1)
        for day, name in [(view.day, view.bot) for view in views if view.bot is not None]:
            self._cell("bot", day, name)[0] += 1
        first: dict[int, View] = {}
        for view in people:
            if view.session:
                known = first.setdefault(view.session, view)
                if (view.at, view.day) < (known.at, known.day):
                    first[view.session] = view
        self._begin(first)

    def _begin(self, first: Mapping[int, View]) -> None:
        """Counts sessions by their first views. One that waited for its half may come to the log
        behind the next, and is then what its session began with."""
        known = self._store.sessions(first)
        rows: list[tuple[int, int, float, bytes]] = []
        for session, view in first.items():
            if session in known:
                at, cells = known[session]
                if cells is None or view.at >= at:
                    continue
                for key in _cells.decode(cells):
                    self._sums(key)[3] -= 1
            keys = [self._key(part, view.day, name) for part, name in viewed.arrivals(view)]
            for key in keys:
                self._sums(key)[3] += 1
            rows.append((session, view.day, view.at, msgspec.json.encode(keys)))
        self._store.keep_sessions(rows)

    def change(self, before: View, after: View) -> None:
        """A view that is counted turns out to be in another state."""
        if before.state != after.state and after.bot is None:
            self._move([before], -1)
            self._move([after], 1)

    def outcomes(self, found: Iterable[tuple[int, int, bool]]) -> None:
        """What baits said."""
        for visitor, day, blocked in found:
            self._baits.setdefault(visitor, {}).setdefault(day, []).append(blocked)

    def write(self) -> None:
        """Writes everything."""
        self._visitors()
        sums = [(*key, v, s, c, n) for key, (v, s, c, n) in self._cells.items()]
        self._store.add_cells(sums)
        self._store.add_people(self._people)

    def _move(self, views: Sequence[View], by: int) -> None:
        """Adds people's views (``by`` is 1), or takes them back. Alike ones are put together first,
        which costs a fraction of taking each by itself."""
        for part, said in viewed.DIMENSIONS.items():
            for (day, state, name), number in Counter(map(said, views)).items():
                cell, more = self._cell(part, day, name), by * number
                cell[0] += more
                cell[1] += more * (state in SERVED)
                cell[2] += more * (state == "confirmed")
        for (day, state), number in Counter(map(_STATE, views)).items():
            if state in ("odd", "untagged"):
                self._people[day, state] += by * number
        for (visitor, day, state), number in Counter(map(_VISITOR, views)).items():
            if visitor:
                days = self._moves.setdefault(visitor, {})
                days.setdefault(day, []).append((state, by * number))

    def _key(self, part: str, day: int, name: str) -> Key:
        return (part, day, self._name(part, day, name))

    def _cell(self, part: str, day: int, name: str) -> list[int]:
        return self._sums(self._key(part, day, name))

    def _sums(self, key: Key) -> list[int]:
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = [0, 0, 0, 0]
        return found

    def _visitors(self) -> None:
        """Changes visitors' days, and what they add to the sums."""
        everybody = self._moves.keys() | self._baits.keys()
        if not everybody:
            return
        known: dict[int, dict[int, Day]] = {each: {} for each in everybody}
        for visitor, day, *columns in self._store.visitors(everybody):
            known[visitor][day] = Day(*columns)
        again: Counter[tuple[int, int]] = Counter()
        rows: list[tuple[int, ...]] = []
        for visitor, days in known.items():
            for day, after in self._changed(visitor, days).items():
                before = days.get(day, visits.EMPTY)
                for name, change in visits.difference(before, after).items():
                    self._people[day, name] += change
                if after.views and not before.views:
                    again.update(_gaps(day, [each for each, old in days.items() if old.views]))
                days[day] = after
                rows.append((visitor, day, *msgspec.structs.astuple(after)))
        self._store.keep_visitors(rows)
        self._store.add_again(again)

    def _changed(self, visitor: int, days: dict[int, Day]) -> dict[int, Day]:
        found: dict[int, Day] = {}
        for day, moves in self._moves.get(visitor, {}).items():
            after = days.get(day, visits.EMPTY)
            for state, by in moves:
                after = after.changed(state, by)
            found[day] = after
        for day, outcomes in self._baits.get(visitor, {}).items():
            after = found.get(day) or days.get(day, visits.EMPTY)
            for blocked in outcomes:
                after = after.baited(blocked)
            found[day] = after
        return found


def _gaps(day: int, others: Sequence[int]) -> dict[tuple[int, int], int]:
    """How ``rollup_again`` changes when a visitor of other days is seen on this one too."""
    before = max((each for each in others if each < day), default=-1)
    later = min((each for each in others if each > day), default=None)
    if later is None:
        return {(day, before): 1}
    return {(day, before): 1, (later, before): -1, (later, day): 1}
