"""Heap's User Deletion API: a token for five minutes first, then a request that is worked on.

Source: developers.heap.io/reference/user-deletion. It is told users, and
visitors that its own script has named.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from ...address import Address
from ...vendor_cookies import cookie
from .. import Answer, Call
from ..answers import content
from . import Eraser, Said, Who, base, missing, pieces, usual

REGIONS = {"us": "https://heapanalytics.com", "eu": "https://c.eu.heap-api.com"}
_MOST = 10_000
_OVER = frozenset(("complete", "completed", "done", "finished", "success"))


def make(address: Address) -> Eraser | str:
    """Asks with the app id and an API key of the account (``?erase_key=``)."""
    if lacking := missing(address, "erase_key"):
        return lacking
    secret = address.options["erase_key"]
    root = base(address, REGIONS) + "/api/public/v0/"
    basic = base64.b64encode(f"{address.host}:{secret}".encode()).decode()
    opening = Call(f"{root}auth_token", b"", (), headers={"authorization": f"Basic {basic}"})

    def calls(who: Who) -> Sequence[Call]:
        headers = {"content-type": "application/json", "authorization": f"Bearer {who.bearer}"}
        users = [{"identity": each} for each in who.users]
        users += [{"user_id": each} for each in who.own]
        bodies = [{"users": some} for some in pieces(users, _MOST)]
        return [Call(f"{root}user_deletion", msgspec.json.encode(each), (), headers=headers)
                for each in bodies]  # fmt: skip

    def opened(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret,))
        if told or answer is None:
            return told or Said("again")
        return Said("done", "", _text(answer, "access_token"))

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret,))
        if told or answer is None:
            return told or Said("again")
        task = _text(answer, "deletion_request_id")
        return Said("asked" if task else "done", f"HTTP {answer.status}: request {task}", task)

    def poll(task: str, bearer: str) -> Call:
        headers = {"authorization": f"Bearer {bearer}"}
        return Call(f"{root}deletion_status/{quote(task, safe='')}", b"", (), "GET", headers)

    def polled(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret,))
        if told or answer is None:
            return told or Said("again")
        status = _text(answer, "status")
        over = status.lower() in _OVER
        return Said("done" if over else "asked", f"the request is {status or 'under way'}")

    return Eraser(calls, judge, poll, polled, opening, opened, cookie(address))


def _text(answer: Answer, name: str) -> str:
    said = content(answer)
    value = said.get(name) if isinstance(said, dict) else None
    return str(value) if isinstance(value, (str, int)) else ""
