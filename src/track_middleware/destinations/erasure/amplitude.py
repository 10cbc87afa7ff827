"""Amplitude's User Privacy API (amplitude.com/docs/apis/analytics/user-privacy, v1).

It erases users, 100 a call, in jobs that begin within days; devices without a user it does not
know. Ids that it has never seen are passed over.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec

from ...address import Address
from .. import Answer, Call
from . import Eraser, Said, Who, base, missing, pieces, usual

REGIONS = {"us": "https://amplitude.com", "eu": "https://analytics.eu.amplitude.com"}
_MOST = 100


def make(address: Address) -> Eraser | str:
    """Asks with the project's API key and secret key (``?secret=``)."""
    if lacking := missing(address, "secret"):
        return lacking
    secret = address.options["secret"]
    url = base(address, REGIONS) + "/api/2/deletions/users"
    basic = base64.b64encode(f"{address.host}:{secret}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {basic}"}

    def calls(who: Who) -> Sequence[Call]:
        bodies = [
            {"user_ids": ids, "requester": "track-middleware", "ignore_invalid_ids": "True"}
            for ids in pieces(who.users, _MOST)
        ]
        return [Call(url, msgspec.json.encode(body), (), headers=headers) for body in bodies]

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret, address.host))
        if told or answer is None:
            return told or Said("again", "no answer")
        return Said("done", f"HTTP {answer.status}: a deletion job is scheduled")

    return Eraser(calls, judge)
