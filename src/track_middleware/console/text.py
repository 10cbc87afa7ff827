"""How values are put on a page: whatever came from outside is shown, and does nothing.

Text is escaped, kept apart from what stands around it (``bdi``), cut where it is long; characters
that would turn, hide or break the text are named instead.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from .query import Query
from .table import Column, moment

#: Characters of a text that are shown; of one line of a stream fewer.
MOST = 300

#: Of a longer id the beginning is shown.
_ID = 12

#: Controls, marks of direction, invisible characters (but joiners, of which scripts and emoji are
#: made), line ends of Unicode, and more than three accents above one letter.
_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
    "|(?<=[\u0300-\u036f\u0489\u20d0-\u20ff]{3})[\u0300-\u036f\u0489\u20d0-\u20ff]+"
)
_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def readable(said: str) -> str:
    """JSON with its lines; anything else, and what is too deep to be taken apart, as it came."""
    try:
        return msgspec.json.format(said)
    except (msgspec.DecodeError, RecursionError):
        return said


def lines(said: str, most: int = MOST) -> Markup:
    """A text from outside whose lines are to be seen as such, in a ``pre``."""
    cut = said[:most].split("\n")
    shown = Markup("\n").join(value(line, most) for line in cut)
    return shown + _more(len(said)) if len(said) > most else shown


def value(said: object, most: int = MOST) -> Markup:
    """Any value from outside, as text."""
    whole = "" if said is None else str(said)
    cut = whole[:most]
    pieces, at = [], 0
    for odd in _ODD.finditer(cut):
        pieces += [_breakable(cut[at : odd.start()]), _named(odd.group())]
        at = odd.end()
    pieces.append(_breakable(cut[at:]))
    # Put together, and not by a format: a page of Live has hundreds.
    shown = _BEGIN + Markup("").join(pieces) + _END
    return shown + _more(len(whole)) if len(whole) > most else shown


def _breakable(text: str) -> Markup:
    """Escaped text that, where it is too long for its line, goes on in the next behind a slash."""
    return Markup(str(escape(text)).replace("/", "/<wbr>"))


_BEGIN, _END = Markup("<bdi>"), Markup("</bdi>")


def plain(said: str, most: int) -> str:
    """A text from outside where no markup may stand (a title): what is odd in it is left out."""
    return _ODD.sub("", said)[:most]


def _more(length: int) -> Markup:
    return Markup('<span class="mark">… ({:,} characters)</span>').format(length)


def _named(odd: str) -> Markup:
    name = "…" if len(odd) > 1 else f"U+{ord(odd):04X}"
    return Markup('<span class="mark">{}</span>').format(name)


def number(said: float | None) -> str:
    """A number with its thousands apart; fractions as far as they matter."""
    if said is None:
        return "–"
    return f"{said:,}" if isinstance(said, int) else f"{said:,.1f}"


def size(said: float | None) -> str:
    """Bytes as kB, MB or GB (powers of 1000)."""
    if said is None:
        return "–"
    for unit, bytes_of in _UNITS:
        if abs(said) >= bytes_of:
            return f"{said / bytes_of:,.1f} {unit}"
    return f"{said:,.0f} B"


def share(said: float | None) -> str:
    """A share of 1 as per cent."""
    return "–" if said is None else f"{said:.1%}"


def seconds(said: float | None) -> str:
    """A duration in the largest unit that fits."""
    if said is None:
        return "–"
    for unit, of in (("d", 86400), ("h", 3600), ("min", 60)):
        if said >= of:
            return f"{said / of:,.1f} {unit}"
    return f"{said:.1f} s" if said < 10 else f"{said:.0f} s"


@pass_context
def time(context: Context, at: float | None, day: bool = True) -> Markup:
    """Epoch seconds as the operator's clock shows them; without the day where ``day`` is false."""
    if at is None:
        return Markup("–")
    query: Query = context["query"]
    said = moment(at, query.zone)
    if not said:
        return Markup("–")
    clock = datetime.fromisoformat(said).strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(said, clock if day else clock[11:])


@pass_context
def cell(context: Context, said: Any, column: Column) -> Markup | str:
    """A table's cell as its column says."""
    if said is None:
        return "–"
    if column.kind == "time":
        return time(context, said)
    plain = _PLAIN.get(column.kind)
    if plain is not None and isinstance(said, (int, float)):
        return plain(said)
    shown = value(_begun(str(said)) if column.kind == "id" else said)
    address = column.address(said)
    if not address:
        return shown
    return Markup('<a href="{}">{}</a>').format(f"{context['base']}{address}", shown)


def _begun(whole: str) -> str:
    return whole if len(whole) <= _ID else f"{whole[:8]}…"


_PLAIN = {"number": number, "size": size, "share": share, "seconds": seconds}
FILTERS = {
    "value": value, "lines": lines, "plain": plain, "number": number, "size": size, "share": share,
    "seconds": seconds, "time": time, "cell": cell,
}  # fmt: skip
