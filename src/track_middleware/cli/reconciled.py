"""How a comparison is printed: a table of days, what is missing by name, a small plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..event import iso
from ..history.comparison import Day, Span, amount
from ..history.reconcile import Found, Names, Rule
from ..history.sources import without_secrets

#: Ids of a kind that are printed.
_SHOWN = 20

#: The longest bar, in characters.
_PLOT = 24

#: What each kind of finding means, as text says it.
_KINDS = {
    "missing": "rows without an event",
    "young": "rows of the last minute without an event, which may still come",
    "refused": "rows whose event is a dead letter: `dead list` has the reasons",
    "gone": "rows whose event was stored once and is not kept",
    "extra": "events without a row",
    "twice": "rows with more than one event",
    "different": "rows whose event says another amount",
    "nameless": "events that do not say of which row they tell, by their own ids",
}


@dataclass(frozen=True, slots=True)
class Done:
    """One event's comparison, after ``mended`` events were added; what is said beside it."""

    rule: Rule
    span: Span
    found: Found
    mended: int
    said: Sequence[str]


def told(done: Done) -> dict[str, Any]:
    """As JSON has it."""
    found = done.found
    kinds = {kind: _names_told(kind, getattr(found, kind)) for kind in _KINDS}
    return {
        "event": done.rule.event,
        "source": without_secrets(done.rule.source),
        "since": iso(done.span.since),
        "until": iso(done.span.until),
        "equal": found.is_equal,
        "days": [_day_told(each, done.rule) for each in found.days],
        **kinds,
        "waiting": found.waiting,
        "unreadable": found.unread,
        "mended": done.mended,
        "notes": [*done.said, *_unread(found)],
    }


def _day_told(each: Day, of: Rule) -> dict[str, Any]:
    counted = {
        "day": each.day, "rows": each.rows, "events": each.events,
        "difference": each.events - each.rows,
    }  # fmt: skip
    if of.sum is None:
        return counted
    sums = (amount(each.amount), amount(each.told), amount(each.told - each.amount))
    names = ("rowsSum", "eventsSum", "sumDifference")
    return counted | {name: float(said) for name, said in zip(names, sums, strict=True)}


def _names_told(kind: str, names: Names) -> dict[str, Any]:
    if kind != "different":
        return {"count": names.count, "ids": list(names.first)}
    return {
        "count": names.count,
        "ids": [{"id": id_, "row": _float(row), "event": _float(said)}
                for id_, row, said in names.first],
    }  # fmt: skip


def _float(number: int | None) -> float | None:
    return None if number is None else float(amount(number))


def _unread(found: Found) -> list[str]:
    if not found.unread:
        return []
    return [f"{found.unread} rows cannot be read; the first: {found.why}"]


def lines(done: Done, *, plot: bool) -> Iterator[str]:
    """As text has it; ``plot`` draws each day's share that is there."""
    found, of = done.found, done.rule
    yield (
        f"{of.event} against {without_secrets(of.source)}, "
        f"{iso(done.span.since)} to {iso(done.span.until)}"
    )
    yield from _table(found.days, of, plot=plot)
    if done.mended:
        yield f"mended       {done.mended}"
    for kind, meaning in _KINDS.items():
        names = getattr(found, kind)
        if names.count:
            yield f"{kind:<12} {names.count} {meaning}: {_listed(kind, names)}"
    if found.waiting:
        yield f"waiting      {found.waiting} events are kept and not stored yet"
    for each in (*done.said, *_unread(found)):
        yield f"note         {each}"
    yield "equal" if found.is_equal else "not equal"


def _table(rows: Sequence[Day], of: Rule, *, plot: bool) -> Iterator[str]:
    head = ["day", "rows", "events", "+/-"]
    if of.sum is not None:
        head += [of.sum, "by events", "+/-"]
    table = [head, *(_cells(each, of) for each in (*rows, _total(rows)))]
    widths = [max(len(row[place]) for row in table) for place in range(len(head))]
    most = max((max(each.rows, each.events) for each in rows), default=0)
    for place, row in enumerate(table):
        cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        drawn = _bar(rows[place - 1], most) if plot and 0 < place <= len(rows) else ""
        yield "  ".join((row[0].ljust(widths[0]), *cells, drawn)).rstrip()


def _cells(each: Day, of: Rule) -> list[str]:
    cells = [each.day, str(each.rows), str(each.events), _signed(each.events - each.rows)]
    if of.sum is None:
        return cells
    return [*cells, f"{amount(each.amount)}", f"{amount(each.told)}",
            _signed(amount(each.told - each.amount))]  # fmt: skip


def _total(rows: Sequence[Day]) -> Day:
    number, events = sum(each.rows for each in rows), sum(each.events for each in rows)
    return Day("all", number, events, sum(e.amount for e in rows), sum(e.told for e in rows))


def _signed(number: Any) -> str:
    return f"{number:+}" if number else "0"


def _bar(each: Day, most: int) -> str:
    """A day's events as ``#``, what is missing as ``.``, what is too much as ``!``."""
    there = min(each.rows, each.events)
    scale = _PLOT / most if most else 0.0
    other = "." if each.rows > each.events else "!"
    whole = max(1, round(max(each.rows, each.events) * scale))
    drawn = min(round(there * scale), whole if each.rows == each.events else whole - 1)
    return "#" * drawn + other * (whole - drawn)


def _listed(kind: str, names: Names) -> str:
    shown = [_one(kind, each) for each in names.first[:_SHOWN]]
    left = names.count - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _one(kind: str, each: Any) -> str:
    if kind != "different":
        return str(each)
    id_, row, said = each
    both = ("none" if said is None else str(amount(said)) for said in (row, said))
    return f"{id_} ({' is '.join(both)} by the event)"
