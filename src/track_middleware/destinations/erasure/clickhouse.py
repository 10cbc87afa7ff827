"""Rows of the owner's own ClickHouse table, by a lightweight DELETE that waits until it is done."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from ...address import Address
from .. import Answer, Call, table
from ..clickhouse import quoted
from ..options import https
from . import Eraser, Said, Who, pieces, usual

_MOST = 1_000


def make(address: Address) -> Eraser | str:
    """Asks with the rights of the destination's own user, which must allow ALTER DELETE."""
    target = quoted(table.name(address))
    query = {"database": table.database(address), "lightweight_deletes_sync": "2"}
    url = f"{https(address)}/?{urlencode(query, quote_via=quote)}"
    headers = {"content-type": "text/plain; charset=utf-8"}
    if address.user:
        headers["x-clickhouse-user"] = address.user
    if address.password:
        headers["x-clickhouse-key"] = address.password

    def calls(who: Who) -> Sequence[Call]:
        made = []
        for column, ids in (("user_id", who.users), ("anonymous_id", who.visitors)):
            for some in pieces(ids, _MOST):
                texts = ", ".join(_text(each) for each in some)
                statement = f"DELETE FROM {target} WHERE {column} IN ({texts})"
                made.append(Call(url, statement.encode(), (), headers=headers))
        return made

    def judge(answer: Answer | None) -> Said:
        told = usual(answer, secrets=(address.password,) if address.password else ())
        return told or Said("done", "its rows are deleted")

    return Eraser(calls, judge)


def _text(value: str) -> str:
    """A string literal (clickhouse.com/docs/sql-reference/syntax#string)."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
