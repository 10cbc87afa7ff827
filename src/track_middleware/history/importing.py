"""From the lines of logs and exports to entries for the intake, one at a time."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..event import Entry, Event, epoch
from . import exports
from .formats import Read
from .opening import Lines
from .pages import View, Views
from .tally import Tally
from .visits import InOrder

#: What a line that is none of its format raises.
FLAWS = (ValueError, ArithmeticError, KeyError, TypeError, csv.Error, msgspec.MsgspecError)

#: Times that a line can tell (epoch seconds): what lies beyond has a date in no zone, or in some.
_FIRST, _LAST = 0.0, datetime(9999, 12, 30, tzinfo=UTC).timestamp()

#: Makes an entry of an event: when it is accepted, and with which consent.
Accept = Callable[[Event], Entry]


def log_entries(
    files: Iterable[Lines], new_reader: Callable[[], Read], views: Views, tally: Tally,
    *, accept: Accept,
) -> Iterator[Entry]:  # fmt: skip
    """The page views of access logs, each file with a reader of its own; in the order of time, as
    far as a log has it."""
    order: InOrder[View] = InOrder()
    for file in files:
        views.new_file()
        for view in _views(file, new_reader(), views, tally):
            for due in order.put(view.hit.time, view):
                yield accept(_event(due, views, tally))
    for due in order.rest():
        yield accept(_event(due, views, tally))


def _views(file: Lines, read: Read, views: Views, tally: Tally) -> Iterator[View]:
    for number, line in enumerate(file, 1):
        tally.lines += 1
        try:
            hit = read(line.decode("utf-8", "replace"))
            if hit is not None and not _FIRST <= hit.time < _LAST:
                raise ValueError("it tells a time that no clock shows")
            view = None if hit is None else views.view(hit, line)
        except FLAWS as error:
            tally.flaw(file.name, number, error)
            continue
        if view is not None:
            yield view


def _event(view: View, views: Views, tally: Tally) -> Event:
    event, session, begins = views.event(view)
    tally.view(view, event, session, begins=begins)
    return event


def export_entries(
    files: Iterable[Lines], read: exports.Read, tally: Tally, *, accept: Accept
) -> Iterator[Entry]:
    """The events of a vendor's export. All files have one reader: ahoy's events need its visits."""
    for file in files:
        for number, record in _records(file, tally):
            try:
                event = None if record is None else read(_object(record))
            except FLAWS as error:
                tally.flaw(file.name, number, error)
                continue
            if event is not None:
                tally.event(epoch(event.timestamp))
                yield accept(event)


#: A line of JSON, or a row of CSV.
_Line = bytes | dict[str, Any]

_any_object = msgspec.json.Decoder(dict[str, Any])


def _object(record: _Line) -> dict[str, Any]:
    return record if isinstance(record, dict) else _any_object.decode(record)


def _records(file: Lines, tally: Tally) -> Iterator[tuple[int, _Line | None]]:
    """The lines of a file of JSON, or the rows of one of CSV: such a file does not begin with a
    brace."""
    lines = iter(file)
    first = next(lines, b"")
    if first.lstrip(b"\xef\xbb\xbf \t").startswith(b"{") or not first.strip():
        for number, line in enumerate(_chain(first, lines), 1):
            tally.lines += 1
            yield number, line.lstrip(b"\xef\xbb\xbf").strip() or None
        return
    columns = next(csv.reader([first.decode("utf-8-sig", "replace")]), [])
    rows = csv.reader(line.decode("utf-8", "replace") + "\n" for line in lines)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            tally.flaw(file.name, rows.line_num + 1, error)
            continue
        tally.lines += 1
        yield rows.line_num + 1, _row(columns, row)


def _row(columns: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    """A row by its columns; an empty value is none."""
    return {name: value for name, value in zip(columns, row, strict=False) if value != ""}


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
