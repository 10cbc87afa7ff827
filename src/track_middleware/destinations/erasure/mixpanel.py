"""Mixpanel's GDPR API (docs.mixpanel.com/reference/gdpr-api): tasks, worked on for weeks."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from ...address import Address
from ...vendor_cookies import cookie
from .. import Answer, Call
from ..answers import content
from . import Eraser, Said, Who, base, missing, pieces, usual

REGIONS = {
    "us": "https://mixpanel.com", "eu": "https://eu.mixpanel.com", "in": "https://in.mixpanel.com",
}  # fmt: skip
_MOST = 1_000
_PATH = "/api/app/data-deletions/v3.0/"
_OVER = {"SUCCESS": "done", "FAILURE": "refused", "REVOKED": "refused", "NOT_FOUND": "refused"}


def make(address: Address) -> Eraser | str:
    """Asks with the project's token and an OAuth token for GDPR (``?erase_token=``)."""
    if lacking := missing(address, "erase_token"):
        return lacking
    secret = address.options["erase_token"]
    token = address.options.get("token") or address.host
    root, query = base(address, REGIONS) + _PATH, f"?token={quote(token, safe='')}"
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}

    def calls(who: Who) -> Sequence[Call]:
        devices = [f"$device:{each}" for each in (*who.visitors, *who.own)]
        bodies = [
            {"distinct_ids": ids, "compliance_type": "GDPR"}
            for ids in pieces([*who.users, *who.visitors, *devices, *who.own], _MOST)
        ]
        return [Call(root + query, msgspec.json.encode(each), (), headers=headers)
                for each in bodies]  # fmt: skip

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret, token))
        if told or answer is None:
            return told or Said("again")
        task = _result(answer, "task_id")
        if not task:
            return Said("done", f"HTTP {answer.status}")
        return Said("asked", f"HTTP {answer.status}: task {task}", task)

    def poll(task: str, _: str) -> Call:
        return Call(f"{root}{quote(task, safe='')}{query}", b"", (), "GET", headers)

    def polled(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret, token))
        if told or answer is None:
            return told or Said("again")
        status = _result(answer, "status")
        if status in _OVER:
            return Said("done" if _OVER[status] == "done" else "refused", f"the task is {status}")
        return Said("asked", f"the task is {status or 'under way'}")

    return Eraser(calls, judge, poll, polled, cookie=cookie(address))


def _result(answer: Answer, name: str) -> str:
    """A text of ``results`` in the answer; "" when it has none."""
    said = content(answer)
    found = said.get("results") if isinstance(said, dict) else None
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
