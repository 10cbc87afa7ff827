"""The days that a page is about: the last so many, or from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .query import Query, zone

#: Days that can be chosen, and the most that are shown.
LENGTHS = ("7", "30", "90")
MOST = 400

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Span:
    """From one day to another, both included: days since 1970-01-01."""

    first: int
    last: int

    @property
    def days(self) -> range:
        """Each day."""
        return range(self.first, self.last + 1)

    @property
    def names(self) -> list[str]:
        """Each day as 2026-05-04."""
        return [named(day) for day in self.days]


def named(day: int) -> str:
    """A day as 2026-05-04."""
    return date.fromordinal(day + _EPOCH).isoformat()


def span(query: Query, *, now: float, time_zone: str) -> Span:
    """The days that are asked for: ``from`` and ``to`` (2026-05-04), else the last ``days``; of the
    site's time zone, by which days are counted."""
    today = datetime.fromtimestamp(now, zone(time_zone)).date()
    length = query.number("days", 30, low=1, high=MOST)
    last = _day(query.text("to")) or today
    first = _day(query.text("from")) or last - timedelta(days=length - 1)
    first = max(min(first, last), last - timedelta(days=MOST - 1))
    return Span(first.toordinal() - _EPOCH, last.toordinal() - _EPOCH)


def _day(text: str) -> date | None:
    """A day of this era that has others around it; None where there is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 < found.year < 9000 else None
