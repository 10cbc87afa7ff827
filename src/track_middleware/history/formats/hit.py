"""One line of an access log, whichever server wrote it, and how all of them write times and texts.

Functions over texts; no I/O happens here.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache

import msgspec


class Hit(msgspec.Struct, gc=False):
    """One request and its response, as a log tells it.

    ``time`` is epoch seconds, ``duration`` seconds, ``size`` bytes; ``target`` is what was asked
    for, as sent: a path with its query, or a whole URL. ``status`` is 0, and texts are empty, where
    the log does not say. ``content_type`` and ``purpose`` (``Sec-Purpose``) are the few logs' that
    have them.
    """

    time: float
    address: str
    method: str
    target: str
    status: int
    size: int | None = None
    referrer: str = ""
    agent: str = ""
    host: str = ""
    user: str = ""
    duration: float | None = None
    scheme: str = ""
    content_type: str = ""
    purpose: str = ""


#: A line without its end -> its hit; None for a line that is none (a heading, an empty one).
#: ValueError for a line that should be one: its text says what is wrong with it.
Read = Callable[[str], Hit | None]

#: Makes the reader of one log, whose lines are given to it in order. The zone is that of times
#: which name none; None: nobody has said, and such a time is a ValueError.
Reader = Callable[[tzinfo | None], Read]


def request(line: str) -> tuple[str, str]:
    """Method and target of a request line; empty ones for what is no HTTP request."""
    method, _, rest = line.partition(" ")
    if not (rest and method.isalpha()):
        return "", ""
    target, found, _ = rest.rpartition(" HTTP/")
    return method, target if found else rest


def told(text: str) -> str:
    """A value, of which servers write ``-`` when there is none."""
    return "" if text == "-" else text


def number(text: str) -> int | None:
    """A number of bytes; None where there is none."""
    return int(text) if text.isdecimal() else None


def seconds(text: str) -> float | None:
    """A duration in seconds; None where there is none (``-``, and -1 of load balancers)."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found >= 0 else None


# Times.

_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}


def clf_time(text: str) -> float:
    """``10/Oct/2000:13:55:36 -0700``, as the common log format has it; ValueError for any other."""
    if text[17:18] != ":" or len(text) != 26:
        raise ValueError(f"{text!r} is no time")
    return _minute(text[:17], text[20:]) + int(text[18:20])


@lru_cache(maxsize=1024)
def _minute(text: str, zone: str) -> float:
    try:
        day, month, year = int(text[:2]), _MONTHS[text[3:6]], int(text[7:11])
        sign, hours, minutes = zone[1], int(zone[2:4]), int(zone[4:6])
        begun = calendar.timegm((year, month, day, int(text[12:14]), int(text[15:17]), 0))
    except (KeyError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time") from error
    offset = hours * 3600 + minutes * 60
    return float(begun + offset if sign == "-" else begun - offset)


def iso_time(text: str, zone: tzinfo | None) -> float:
    """ISO 8601 and its looser spellings, one of ``zone`` where it names none. ValueError for what
    is no time, or is nobody's."""
    return _zoned(text.strip().replace("/", "-"), zone)


@lru_cache(maxsize=1024)
def _zoned(text: str, zone: tzinfo | None) -> float:
    moment = datetime.fromisoformat(_short(text))
    if moment.tzinfo is not None:
        return moment.timestamp()
    if zone is None:
        raise ValueError(f"{text!r} names no time zone: say which with --time-zone")
    return moment.replace(tzinfo=zone).timestamp()


_FRACTION = re.compile(r"(\.\d{6})\d+")


def _short(text: str) -> str:
    """Without what is finer than a microsecond, and ``UTC`` as ISO writes it."""
    text = _FRACTION.sub(r"\1", text)
    return text[:-4] + "+00:00" if text.endswith(" UTC") else text


# Texts.

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))")
_LETTERS = {"n": b"\n", "t": b"\t", "r": b"\r", "b": b"\b", "v": b"\v", "f": b"\f"}


def unescaped(text: str) -> str:
    """A quoted text without the escapes of Apache and nginx: ``\\"``, ``\\xE2``, ``\\t``."""
    if "\\" not in text:
        return text
    pieces: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        pieces.append(text[end : found.start()].encode("utf-8", "replace"))
        digits, letter = found[1], found[2]
        pieces.append(bytes.fromhex(digits) if digits else _LETTERS.get(letter, letter.encode()))
        end = found.end()
    pieces.append(text[end:].encode("utf-8", "replace"))
    return b"".join(pieces).decode("utf-8", "replace")
