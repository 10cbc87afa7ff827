"""Segment's Public API (docs.segmentapis.com, Deletion and Suppression): a workspace's regulation.

``DELETE_ONLY``: what the user does later under the same id is a new beginning. Users only.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from ...address import Address
from ...event import UNREADABLE
from .. import Answer, Call
from . import Eraser, Said, Who, base, missing, pieces, usual

REGIONS = {"us": "https://api.segmentapis.com", "eu": "https://eu1.api.segmentapis.com"}
_MOST = 5_000
_OVER = frozenset(("FAILED", "INVALID", "NOT_SUPPORTED"))


class _Regulation(msgspec.Struct, rename="camel"):
    overall_status: str = ""


class _Data(msgspec.Struct, rename="camel"):
    regulate_id: str = ""
    regulation: _Regulation = msgspec.field(default_factory=_Regulation)


class _Body(msgspec.Struct):
    data: _Data = msgspec.field(default_factory=_Data)


_bodies = msgspec.json.Decoder(_Body)


def make(address: Address) -> Eraser | str:
    """Asks with a token of the Public API (``?erase_token=``)."""
    if lacking := missing(address, "erase_token"):
        return lacking
    secret = address.options["erase_token"]
    url = base(address, REGIONS) + "/regulations"
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}

    def calls(who: Who) -> Sequence[Call]:
        bodies = [
            {"regulationType": "DELETE_ONLY", "subjectType": "USER_ID", "subjectIds": ids}
            for ids in pieces(who.users, _MOST)
        ]
        return [Call(url, msgspec.json.encode(each), (), headers=headers) for each in bodies]

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret,))
        if told or answer is None:
            return told or Said("again")
        task = _data(answer).regulate_id
        return Said("asked" if task else "done", f"HTTP {answer.status}: regulation {task}", task)

    def poll(task: str, _: str) -> Call:
        return Call(f"{url}/{quote(task, safe='')}", b"", (), "GET", headers)

    def polled(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret,))
        if told or answer is None:
            return told or Said("again")
        status = _data(answer).regulation.overall_status
        if status in _OVER:
            return Said("refused", f"the regulation is {status}")
        over = status in ("FINISHED", "PARTIAL_SUCCESS")
        return Said("done" if over else "asked", f"the regulation is {status or 'under way'}")

    return Eraser(calls, judge, poll, polled)


def _data(answer: Answer) -> _Data:
    try:
        return _bodies.decode(answer.body).data
    except UNREADABLE:
        return _Data()
