"""``jsonl:///absolute/path``: one event a line, as it stands on the wire, appended to a file.

The transport appends a call's lines by one write and leaves out lines that are there already. With
``?rotate=100MB``, ``?rotate=day`` or both (``?rotate=day,100MB``) it finishes a file before it
grows beyond that size (kB, MB, GB of 1000), and before the first line of another day in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import quote

from ..address import Address
from ..event import Event, encode_event, iso
from . import Answer, Call, Outbound, Verdict
from .answers import usual
from .limits import ids, packed
from .options import check, wrong

MOST = 500
SIZE = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Rotate:
    """When a file is finished: by size in bytes (0: never), by day."""

    size: int = 0
    day: bool = False

    def headers(self, now: float) -> Mapping[str, str]:
        """What the transport is told with each call."""
        told = {"rotate-size": str(self.size)} if self.size else {}
        return {**told, "rotate-day": iso(now)[:10]} if self.day else told


class Jsonl:
    """Appends events to one file."""

    most = MOST

    def __init__(self, name: str, path: str, *, rotate: Rotate) -> None:
        self.name = name
        self._url = "file://" + quote(path)
        self._rotate = rotate

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        return self.wire_calls([(each.message_id, encode_event(each)) for each in events], now)

    def wire_calls(self, events: Sequence[tuple[str, bytes]], now: float) -> Outbound:
        headers = self._rotate.headers(now)
        return Outbound(
            [
                Call(
                    self._url,
                    b"".join([line + b"\n" for _, line in run]),
                    ids(run),
                    method="APPEND",
                    headers=headers,
                )
                for run in packed(events, most=MOST, size=SIZE)
            ]
        )

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer)


def make(address: Address) -> Jsonl:
    """A file destination of its URL; the path is absolute, its folder must be there."""
    check(address, extra=("rotate",))
    for option in ("endpoint", "region", "on_doubt"):
        if option in address.options:
            raise wrong(address, f"has {option}, which a file has not")
    if address.host or address.user:
        raise wrong(address, "needs three slashes and an absolute path: jsonl:///var/log/events")
    if PurePosixPath(address.path).name == "" or address.path.endswith("/"):
        raise wrong(address, "names no file: jsonl:///var/log/events.jsonl")
    rotate = _rotate(address)
    return Jsonl(address.options.get("name", "jsonl"), address.path, rotate=rotate)


_SIZE = re.compile(r"([1-9][0-9]*) ?([kMG])B")
_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}


def _rotate(address: Address) -> Rotate:
    found = Rotate()
    for part in filter(None, address.options.get("rotate", "").split(",")):
        size = _SIZE.fullmatch(part.strip())
        if part.strip() == "day":
            found = replace(found, day=True)
        elif size:
            found = replace(found, size=int(size[1]) * _UNITS[size[2]])
        else:
            raise wrong(address, "has a rotate that is neither day nor a size such as 100MB")
    return found
