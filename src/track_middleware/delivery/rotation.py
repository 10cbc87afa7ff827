"""Finished files of a destination: when a file is finished, its name, and what is in it.

``events.jsonl`` is finished as ``events-20261124T235959.123Z.jsonl``: the time is that of its last
line, so that names sort by time and a day's file carries its day.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from re import escape, fullmatch

_STAMP = r"\d{8}T\d{6}\.\d{3}Z"


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is finished: before it grows beyond ``size`` bytes (0: never), and before the
    first line of another day than that of its last one; ``day`` is today, in UTC ("": never)."""

    size: int = 0
    day: str = ""

    def is_due(self, stat: os.stat_result, more: int) -> bool:
        """Whether a file is to be finished before ``more`` bytes are appended."""
        if stat.st_size == 0:
            return False
        if self.size and stat.st_size + more > self.size:
            return True
        return bool(self.day) and _written(stat).strftime("%Y-%m-%d") < self.day


def rotation(headers: Mapping[str, str]) -> Rotation | None:
    """What a call asks for; None where its file is never finished."""
    if "rotate-size" not in headers and "rotate-day" not in headers:
        return None
    return Rotation(int(headers.get("rotate-size", "0")), headers.get("rotate-day", ""))


def finish(path: Path, stat: os.stat_result) -> None:
    """Gives a file its last name, behind those that were finished before. By one rename: whoever
    is killed leaves either an unfinished file or a finished one."""
    moment = _written(stat)
    last = max((_moment(each) for each in finished(path)), default=None)
    if last is not None and moment <= last:  # the clock has jumped back
        moment = last + timedelta(milliseconds=1)
    target = path.with_name(f"{path.stem}-{_stamp(moment)}{path.suffix}")
    os.rename(path, target)


def finished(path: Path) -> list[Path]:
    """The finished files of a path, the oldest first."""
    pattern = f"{escape(path.stem)}-{_STAMP}{escape(path.suffix)}"
    return sorted(each for each in path.parent.iterdir() if fullmatch(pattern, each.name))


def _written(stat: os.stat_result) -> datetime:
    return datetime.fromtimestamp(stat.st_mtime_ns // 1_000_000 / 1000, UTC)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z"


def _moment(finished: Path) -> datetime:
    text = finished.stem[-len("20261124T235959.123Z") :]
    return datetime.strptime(text, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
