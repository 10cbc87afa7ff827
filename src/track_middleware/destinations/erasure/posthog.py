"""PostHog's persons API (posthog.com/docs/privacy/data-deletion): persons, events and recordings.

A distinct id that was deleted there cannot be used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from ...address import Address
from ...vendor_cookies import cookie
from .. import Answer, Call
from . import Eraser, Said, Who, base, missing, pieces, usual

REGIONS = {"us": "https://us.posthog.com", "eu": "https://eu.posthog.com"}
_MOST = 1_000


def make(address: Address) -> Eraser | str:
    """Asks the app's host with a personal API key (``?personal_key=``, of ``?project_id=``)."""
    if lacking := missing(address, "personal_key", "project_id"):
        return lacking
    secret, project = address.options["personal_key"], address.options["project_id"]
    url = f"{base(address, REGIONS)}/api/projects/{quote(project, safe='')}/persons/bulk_delete/"
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}

    def calls(who: Who) -> Sequence[Call]:
        bodies = [
            {"distinct_ids": ids, "delete_events": True, "delete_recordings": True}
            for ids in pieces([*who.users, *who.visitors, *who.own], _MOST)
        ]
        return [Call(url, msgspec.json.encode(each), (), headers=headers) for each in bodies]

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(secret,))
        if told or answer is None:
            return told or Said("again")
        return Said("done", f"HTTP {answer.status}: persons deleted, their events are queued")

    return Eraser(calls, judge, cookie=cookie(address))
