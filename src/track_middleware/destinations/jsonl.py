"""``jsonl:///absolute/path``: one event a line, as it stands on the wire, appended to a file.

The transport appends a call's lines by one write and leaves out lines that are there already.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from ..event import Event, encode_event
from ..settings import Address
from . import Answer, Call, Outbound, Verdict
from .answers import usual
from .limits import ids, packed
from .options import check, wrong

MOST = 500
SIZE = 4 * 2**20


class Jsonl:
    """Appends events to one file."""

    most = MOST

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._url = "file://" + quote(path)

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        return self.wire_calls([(each.message_id, encode_event(each)) for each in events], now)

    def wire_calls(self, events: Sequence[tuple[str, bytes]], now: float) -> Outbound:
        return Outbound(
            [
                Call(
                    self._url,
                    b"".join([line + b"\n" for _, line in run]),
                    ids(run),
                    method="APPEND",
                )
                for run in packed(events, most=MOST, size=SIZE)
            ]
        )

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer)


def make(address: Address) -> Jsonl:
    """A file destination of its URL; the path is absolute, its folder must be there."""
    check(address)
    for option in ("endpoint", "region", "on_doubt"):
        if option in address.options:
            raise wrong(address, f"has {option}, which a file has not")
    if address.host or address.user:
        raise wrong(address, "needs three slashes and an absolute path: jsonl:///var/log/events")
    if PurePosixPath(address.path).name == "" or address.path.endswith("/"):
        raise wrong(address, "names no file: jsonl:///var/log/events.jsonl")
    return Jsonl(address.options.get("name", "jsonl"), address.path)
