"""A table of a page: once as HTML, and the same rows as CSV and JSON."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Literal
from urllib.parse import quote

import msgspec

#: A cell: ``None`` is unknown.
Cell = str | int | float | bool | None

#: A text that is longer is nobody's id, and leads nowhere.
_LONGEST = 500

#: Where a formula begins: at the start of a cell, of what a spreadsheet set up for semicolons or
#: tabs takes for one, or of a line. Wide letters are read as the narrow ones are.
_FORMULA = re.compile("^(?=[=+\\-@＝＋－＠\t\r\n])|(?<=[;\t\r\n])(?=[=+\\-@＝＋－＠])")

#: What a column's cells are, which says how they are shown: ``time`` is epoch seconds, ``size``
#: bytes, ``share`` a number from 0 to 1, ``seconds`` a duration. Of an ``id`` the beginning is
#: shown, and a ``path`` gets room.
Kind = Literal["text", "path", "id", "number", "time", "size", "share", "seconds"]

_NUMBERS = ("number", "size", "share", "seconds")

#: A text that is longer gets room, too.
_LONG = 40


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` is its key in JSON and its head in CSV, ``title`` what people read. ``link``: an
    address relative to the console, in which ``{}`` stands for the cell."""

    name: str
    title: str
    kind: Kind = "text"
    link: str = ""

    def place(self, cell: Cell) -> str:
        """The class of the stylesheet that a cell, or with None the column's head, has."""
        if self.kind in _NUMBERS:
            return "n"
        if self.kind in ("path", "id"):
            return self.kind
        return "long" if isinstance(cell, str) and len(cell) > _LONG else "short"

    def address(self, cell: Cell) -> str:
        """Where a cell leads; "" where it leads nowhere."""
        if not self.link or cell is None or cell == "" or len(str(cell)) > _LONGEST:
            return ""
        return self.link.replace("{}", quote(str(cell), safe=""))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their columns. ``note``: a sentence below the title."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]] = ()
    note: str = ""
    empty: str = field(default="Nothing yet.")

    def as_json(self, zone: tzinfo) -> bytes:
        """A list of objects, times as ISO 8601 in the operator's zone."""
        names = [column.name for column in self.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self._said(zone)]
        return msgspec.json.encode(rows)

    def as_csv(self, zone: tzinfo) -> bytes:
        """RFC 4180, UTF-8. A text that a spreadsheet would take for a formula gets an apostrophe
        before it, also behind what parts cells where another character than the comma does
        (owasp.org/www-community/attacks/CSV_Injection)."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([column.name for column in self.columns])
        for row in self._said(zone):
            writer.writerow([_harmless(cell) for cell in row])
        return out.getvalue().encode("utf-8", "replace")

    def _said(self, zone: tzinfo) -> Iterator[list[Cell]]:
        times = [column.kind == "time" for column in self.columns]
        for row in self.rows:
            yield [
                moment(cell, zone) if is_time and isinstance(cell, (int, float)) else cell
                for cell, is_time in zip(row, times, strict=True)
            ]


def moment(at: float, zone: tzinfo) -> str:
    """Epoch seconds as ISO 8601 with the zone's offset; "" for what no calendar has."""
    try:
        return datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def _harmless(cell: Cell) -> Cell:
    return _FORMULA.sub("'", cell) if isinstance(cell, str) else cell
