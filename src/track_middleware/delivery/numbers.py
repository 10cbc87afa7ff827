"""The numbers of events that a batch has stored, by day and label. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ..event import epoch
from .splice import several
from .store import NewRow

#: How the rows that were stored are counted: by the day of a moment, and by label.
Numbers = Callable[
    [Sequence[NewRow], Mapping[str, int], Callable[[float], str]], Counter[tuple[str, str]]
]

#: Every zone's midnight, and every change of its clocks, is at a quarter of an hour.
_QUARTER = 900


def by_day(
    rows: Sequence[NewRow], positions: Mapping[str, int], day: Callable[[float], str]
) -> Counter[tuple[str, str]]:
    """Of the rows that were stored; ``day`` says which day a moment is in."""
    stored: Iterable[NewRow] = rows
    if len(positions) < len(rows):
        stored = {row.event_id: row for row in rows if row.event_id in positions}.values()
    quarters = {row.accepted_at // _QUARTER for row in stored}
    if len(quarters) == 1:  # nearly always
        labels = Counter([row.label for row in stored])
        today = day(quarters.pop() * _QUARTER)
        return Counter({(today, label): number for label, number in labels.items()})
    numbers = Counter([(row.accepted_at // _QUARTER, row.label) for row in stored])
    events: Counter[tuple[str, str]] = Counter()
    for (quarter, label), number in numbers.items():
        events[day(quarter * _QUARTER), label] += number
    return events


class _Dated(msgspec.Struct, gc=False):
    timestamp: str = ""


_dated = msgspec.json.Decoder(_Dated)
_all_dated = msgspec.json.Decoder(list[_Dated])


def by_own_day(
    rows: Sequence[NewRow], positions: Mapping[str, int], day: Callable[[float], str]
) -> Counter[tuple[str, str]]:
    """As ``by_day``, by the days on which they happened: those of a backfill, which all came
    today."""
    said = several([row.body for row in rows], together=_all_dated, single=_dated)
    both = zip(rows, said, strict=True)
    dated = [msgspec.structs.replace(row, accepted_at=_happened(row, says)) for row, says in both]
    return by_day(dated, positions, day)


def _happened(row: NewRow, says: _Dated | None) -> float:
    try:
        return row.accepted_at if says is None else epoch(says.timestamp)
    except ValueError:
        return row.accepted_at
