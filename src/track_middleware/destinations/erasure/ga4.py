"""Google's User Deletion API (developers.google.com/analytics/devguides/config/userdeletion/v3).

One id a call. A visitor is known there by the client id that Google's own cookie named, else by the
one that ``ga4://`` made of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...address import Address
from .. import Answer, Call
from ..ga4 import client_id
from . import Eraser, Said, Who, base, missing, usual

REGIONS = {"us": "https://www.googleapis.com"}


def make(address: Address) -> Eraser | str:
    """Asks with a property's number (``?property_id=``) and an OAuth token (``?erase_token=``)."""
    if lacking := missing(address, "property_id", "erase_token"):
        return lacking
    secret, property_id = address.options["erase_token"], address.options["property_id"]
    url = base(address, REGIONS) + "/analytics/v3/userDeletion/userDeletionRequests:upsert"
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}

    def calls(who: Who) -> Sequence[Call]:
        ids = [("USER_ID", each) for each in who.users]
        ids += [("CLIENT_ID", client_id({}, each)) for each in (*who.visitors, *who.users)]
        ids += [("CLIENT_ID", each) for each in who.own]
        bodies = [
            {"kind": "analytics#userDeletionRequest", "propertyId": property_id,
             "id": {"type": kind, "userId": id_}}
            for kind, id_ in ids
        ]  # fmt: skip
        return [Call(url, msgspec.json.encode(each), (), headers=headers) for each in bodies]

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret,))
        if told or answer is None:
            return told or Said("again")
        return Said("done", f"HTTP {answer.status}: what it has by now is deleted")

    return Eraser(calls, judge, cookie="_ga")
