"""A bar for long work: how much is done, how fast, and how long the rest takes.

It is drawn on a terminal only, beside what the verb prints.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

#: How often it is drawn anew, in seconds.
_EVERY = 0.2
_WIDTH = 24


class Bar:
    """``at`` as often as you like, then ``end``. ``begin``: so many were done before, which count
    as done and not for the speed. ``total``: None where nobody knows."""

    def __init__(
        self,
        noun: str,
        total: int | None,
        *,
        begin: int = 0,
        stream: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._noun = noun
        self._total = total
        self._begin = begin
        self._stream = stream or sys.stderr
        self._monotonic = monotonic
        self._since = monotonic()
        self._next = 0.0
        self._drawn = 0
        self._shown = self._stream.isatty()

    def at(self, done: int) -> None:
        """So many are done now."""
        if self._shown and self._monotonic() >= self._next:
            self._draw(done)

    def end(self, done: int) -> None:
        """No more; what is printed next stands on a line of its own."""
        if self._shown:
            self._draw(done)
            self._stream.write("\n")
            self._stream.flush()

    def _draw(self, done: int) -> None:
        now = self._monotonic()
        self._next = now + _EVERY
        text = line(self._noun, done, self._total, begin=self._begin, seconds=now - self._since)
        self._stream.write("\r" + text.ljust(self._drawn))
        self._stream.flush()
        self._drawn = len(text)


def line(noun: str, done: int, total: int | None, *, begin: int, seconds: float) -> str:
    """What a bar says after so many seconds."""
    speed = (done - begin) / seconds if seconds > 0 else 0.0
    if total is None:
        return f"{done:,} {noun}  {speed:,.0f}/s"
    part = min(1.0, done / total) if total else 1.0
    bar = ("#" * int(part * _WIDTH)).ljust(_WIDTH, ".")
    said = f"[{bar}] {part:4.0%}  {done:,} of {total:,} {noun}  {speed:,.0f}/s"
    return f"{said}  {clock((total - done) / speed)} left" if speed and done < total else said


def clock(seconds: float) -> str:
    """A length of time: ``0:07``, ``12:30``, ``1:02:03``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
