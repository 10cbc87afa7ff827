"""W3C extended logs, and the two that say they are: IIS's and CloudFront's.

A ``#Fields`` line names the columns (www.w3.org/TR/WD-logfile); times are UTC. IIS writes ``+`` for
a space, and ``time-taken`` in milliseconds (learn.microsoft.com/windows/win32/http/w3c-logging);
CloudFront separates by tabs and percent-encodes
(docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html).
No I/O happens here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from urllib.parse import unquote, unquote_plus

from .hit import Hit, Read, iso_time, number, seconds, told

#: A value in quotes, inside which quotes are doubled, or one without white space.
_VALUE = re.compile(r'"([^"]*(?:""[^"]*)*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class _Dialect:
    split: Callable[[str], Sequence[str]]
    text: Callable[[str], str]
    ticks: float  # of time-taken, in seconds
    names_host: str


def _quoted(line: str) -> list[str]:
    return [found[2] or found[1].replace('""', '"') for found in _VALUE.finditer(line)]


def _plus(text: str) -> str:
    """IIS replaces spaces alone: a percent sign is the client's own."""
    return text.replace("+", " ")


_W3C = _Dialect(_quoted, str, 1.0, "cs(Host)")
_IIS = _Dialect(str.split, _plus, 0.001, "cs-host")
_CLOUDFRONT = _Dialect(lambda line: line.split("\t"), unquote, 1.0, "x-host-header")


class _Log:
    """One log: what its ``#Fields`` line named last."""

    def __init__(self, dialect: _Dialect, zone: tzinfo | None) -> None:
        self._dialect = dialect
        self._zone = zone or UTC
        self._fields: Sequence[str] = ()
        self._date = ""

    def read(self, line: str) -> Hit | None:
        if line.startswith("#"):
            self._heading(line)
            return None
        if not line.strip():
            return None
        values = self._dialect.split(line)
        if not self._fields:
            raise ValueError("no #Fields line has named the columns")
        if len(values) != len(self._fields):
            raise ValueError(f"it has {len(values)} columns, not {len(self._fields)}")
        return self._hit(dict(zip(self._fields, map(told, values), strict=True)))

    def _heading(self, line: str) -> None:
        name, _, rest = line[1:].partition(":")
        if name.strip().lower() == "fields":
            self._fields = rest.split()
        elif name.strip().lower() == "date":
            self._date = rest.split()[0] if rest.split() else ""

    def _hit(self, said: dict[str, str]) -> Hit:
        dialect, get = self._dialect, said.get
        stem, query = get("cs-uri-stem", ""), get("cs-uri-query", "")
        taken = seconds(get("time-taken", ""))
        host = get(dialect.names_host) or get("cs(Host)") or get("cs-host") or ""
        return Hit(
            iso_time(f"{get('date') or self._date} {get('time', '')}", self._zone),
            get("c-ip", ""),
            get("cs-method", ""),
            f"{stem}?{query}" if query else stem or get("cs-uri", ""),
            number(get("sc-status", "")) or 0,
            number(get("sc-bytes", "")),
            dialect.text(get("cs(Referer)", "")),
            dialect.text(get("cs(User-Agent)", "")),
            host,
            get("cs-username", ""),
            None if taken is None else taken * dialect.ticks,
            get("cs-protocol", ""),
            unquote_plus(get("sc-content-type", "")),
        )


def w3c(zone: tzinfo | None) -> Read:
    """The reader of a W3C extended log."""
    return _Log(_W3C, zone).read


def iis(zone: tzinfo | None) -> Read:
    """The reader of an IIS log."""
    return _Log(_IIS, zone).read


def cloudfront(zone: tzinfo | None) -> Read:
    """The reader of a CloudFront standard log."""
    return _Log(_CLOUDFRONT, zone).read
