"""Rows of the owner's own PostgreSQL table, by a DELETE."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...address import Address
from .. import Answer, Call
from .. import postgresql as codec
from . import Eraser, Said, Who, usual


def make(address: Address) -> Eraser | str:
    """Asks with the rights of the destination's own user, which must allow DELETE and SELECT."""
    url, name = codec.place(address)

    def calls(who: Who) -> Sequence[Call]:
        body = {"user_id": list(who.users), "anonymous_id": list(who.visitors)}
        return [Call(url, msgspec.json.encode(body), (), "DELETE", {"table": name})]

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(address.password,) if address.password else ())
        return told or Said("done", "its rows are deleted")

    return Eraser(calls, judge)
