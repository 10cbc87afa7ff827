"""The newest events of the log as this process has just stored them: whoever serves them at once
need not read them back.

Only for a log whose positions follow each other and which this process alone adds to. What is held
here may have gone from the log meanwhile; who takes it asks the log how many are left. It may also
stand there in another form (an operator reprocesses): nobody gets it later than ``FRESH`` seconds
after it was stored, so that this is no other than having read it just before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from . import NewRow, Stored

#: Bytes of bodies that are held, at most.
MOST = 4 * 2**20

#: Seconds that they are given out for.
FRESH = 2.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """Events that were stored together ``at`` a moment, from position ``first`` on; ``size``: of
    their bodies."""

    at: float
    first: int
    events: Sequence[Stored]
    size: int


class Recent:
    """Holds the events of the last transactions, for the threads of one process."""

    def __init__(self, most: int = MOST, *, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._pieces: tuple[_Piece, ...] = ()
        self._adding = Lock()

    def add(self, rows: Sequence[NewRow], positions: Mapping[str, int]) -> None:
        """Rows of a transaction, now that it is over, and the positions that they got."""
        if not positions or len(positions) != len(rows):
            return  # some were known: the log tells which
        events = [
            Stored(
                position, row.event_id, row.order_key, row.accepted_at, row.kind, row.label,
                row.body if row.repaired is None else row.repaired, row.derived, row.bot,
            )
            for row, position in zip(rows, positions.values(), strict=True)
        ]  # fmt: skip
        size = sum([len(each.body) for each in events])
        with self._adding:
            pieces = (*self._pieces, _Piece(self._now(), events[0].position, events, size))
            held = sum(piece.size for piece in pieces)
            while held > self._most:
                held -= pieces[0].size
                pieces = pieces[1:]
            self._pieces = pieces

    def behind(self, position: int, limit: int) -> list[Stored]:
        """Up to ``limit`` events that follow a position; none where the first is not here."""
        found: list[Stored] = []
        since = self._now() - FRESH
        for piece in self._pieces:
            if piece.at < since:
                continue
            start = position + 1 + len(found) - piece.first
            if start < 0:
                break  # what lies between is not here
            found += piece.events[start : start + limit - len(found)]
        return found

    def clear(self) -> None:
        """Holds nothing any more."""
        with self._adding:
            self._pieces = ()
