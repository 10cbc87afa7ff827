"""From a source's rows to the spool: in order, at a rate, from a checkpoint to the next."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..errors import EventError
from ..event import Entry, epoch
from .checkpoint import Checkpoint, State
from .intake import Intake
from .rows import Reader, Row
from .source import AT_ONCE, Piece, Source

#: Wrong rows of which the problem is told.
_TOLD = 5

#: Rows of one piece are those of at most so many seconds, where there is a rate.
_SLICE = 0.25


@dataclass(slots=True)
class Tally:
    """What a run has done: rows ``read``, events ``kept``, rows ``refused`` (``problems``: the
    first ones, in words), and per destination how many happened too ``late`` ago for it."""

    read: int = 0
    kept: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)
    late: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Ages:
    """How old an event may be, in seconds, by the name of a destination that has such a limit."""

    limits: Mapping[str, float]

    def late(self, entry: Entry, now: float) -> list[str]:
        """The destinations that do not take this event any more."""
        if not self.limits or entry.event is None:
            return []
        age = now - epoch(entry.event.timestamp)
        return [name for name, most in self.limits.items() if age > most]


class Backfill:
    """One run over a source. ``tally`` is kept up to date, and ``told`` called after each piece.
    ``rate``: rows a second at most.

    Interrupt it anywhere: what it has kept goes on its way, and a later run with the checkpoint's
    state goes on behind it.
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        intake: Intake,
        checkpoint: Checkpoint,
        *,
        tally: Tally,
        ages: Ages,
        rate: float | None = None,
        told: Callable[[], object] = lambda: None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = source
        self._reader = reader
        self._intake = intake
        self._checkpoint = checkpoint
        self._ages = ages
        self._rate = rate
        self._told = told
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self.tally = tally

    def run(self, state: State) -> State:
        """Reads everything behind ``state`` into the spool; the state after the last row.

        SourceError, CallError and Refused (a full disk) end it where it stands.
        """
        began, tally = self._monotonic(), self.tally
        self._checkpoint.save(state)
        for piece in self._source.pieces(state.place, _piece_size(self._rate)):
            counts = self._intake.add(self._entries(piece.rows))
            tally.read += len(piece.rows)
            tally.kept += counts.kept
            tally.refused += counts.refused
            state = State(
                state.number,
                state.place if piece.place is None else piece.place,
                state.read + len(piece.rows),
                state.kept + counts.kept,
            )
            self._checkpoint.save(state)
            self._told()
            if self._rate:
                self._sleep(max(0.0, began + tally.read / self._rate - self._monotonic()))
        return state

    def _entries(self, rows: Sequence[Row]) -> list[Entry]:
        now, entries = self._now(), []
        for row in rows:
            try:
                entry = self._reader.entry(row, now)
            except EventError as error:
                self._wrong(row, error)
                continue
            self.tally.late.update(self._ages.late(entry, now))
            entries.append(entry)
        return entries

    def _wrong(self, row: Row, error: EventError) -> None:
        self.tally.refused += 1
        if len(self.tally.problems) < _TOLD:
            said: Any = row.get(self._reader.columns.id)
            self.tally.problems.append(f"row {str(said)[:60]}: {error}")


def samples(source: Source, reader: Reader, now: float, most: int = 10) -> list[Entry]:
    """The entries of a source's first rows, without those of which none can be made. CallError,
    SourceError."""
    found = []
    for row in next(source.pieces(None, most), Piece((), None)).rows:
        with suppress(EventError):
            found.append(reader.entry(row, now))
    return found


def _piece_size(rate: float | None) -> int:
    return AT_ONCE if rate is None else max(1, min(AT_ONCE, int(rate * _SLICE)))
