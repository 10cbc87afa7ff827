"""``clickhouse://user:password@host:8443/database?table=track_events``: rows over HTTPS.

A call inserts one block of JSON rows into a ``ReplacingMergeTree`` (docs/tables.md has its
statement), under a token made of its ids: ClickHouse drops a block whose token it has had
(clickhouse.com/docs/guides/developer/deduplicating-inserts-on-retries), and rows of one event that
came in different blocks become one when parts are merged, or at once with ``FINAL``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

import msgspec

from ..address import Address
from ..event import Event
from . import Answer, Call, Outbound, Verdict, table
from .answers import scrubbed, usual, verdict, words
from .limits import Piece, ids, packed
from .options import check, https, name
from .table import COLUMNS, Row

#: A block: ClickHouse wants few and large ones, the worker wants to stay small.
MOST = 2_000
SIZE = 16 * 2**20

#: ClickHouse has a column for everything: nothing is renamed.
VOCABULARY: Mapping[str, str] = {}

#: What ``DateTime64(3)`` holds.
_SPAN = ("1900", "2299")

_SETTINGS = {
    "date_time_input_format": "best_effort",
    "input_format_skip_unknown_fields": "1",  # columns that the table's owner has dropped
    "async_insert": "0",
    "wait_end_of_query": "1",  # the status is known only then
}

_TYPES = {"uuid": "UUID", "time": "DateTime64(3, 'UTC')", "number": "UInt32", "text": "String",
          "json": "String"}  # fmt: skip

#: Text columns of few different values.
_FEW = frozenset((
    "type", "event", "host", "channel", "utm_source", "utm_medium", "utm_campaign", "click_name",
    "country", "locale", "platform", "device_type", "os", "browser", "browser_version", "bot",
))  # fmt: skip


class Clickhouse:
    """Inserts events into one table."""

    most = MOST

    def __init__(
        self, name: str, base: str, *, database: str, table: str, user: str, password: str
    ) -> None:
        self.name = name
        self._table = table
        self._base = base
        query = f"INSERT INTO {quoted(table)} FORMAT JSONEachRow"
        self._query = {"database": database, "query": query, **_SETTINGS}
        self._headers = {"content-type": "application/x-ndjson"}
        if user:
            self._headers["x-clickhouse-user"] = user
        if password:
            self._headers["x-clickhouse-key"] = password
        self._secrets = (password,) if password else ()

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        rows = table.Rows()
        runs = packed(rows.rendered(events, line, span=_SPAN), most=MOST, size=SIZE)
        return Outbound([self._call(run) for run in runs], rows.settled, rows.cut)

    def _call(self, run: Sequence[Piece]) -> Call:
        named = {**self._query, "insert_deduplication_token": token(ids(run))}
        url = f"{self._base}/?{urlencode(named, quote_via=quote)}"
        return Call(url, b"".join([body for _, body in run]), ids(run), headers=self._headers)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        code = _code(answer) if answer is not None else None
        if answer is None or code is None:
            return usual(call, answer, secrets=self._secrets)
        return [self._told(answer, code)] * len(call.ids)

    def _told(self, answer: Answer, code: int) -> Verdict:
        """What an exception means, by ClickHouse's own number for it."""
        said = " ".join(answer.body.decode("utf-8", "replace").split())
        reason = scrubbed(said or words(answer), self._secrets)
        if code in _NO_TABLE:
            reason = f"{reason[:200]} (docs/tables.md has its CREATE TABLE statement)"
        if code in _MENDING:
            return Verdict("retry", reason, pause=True)
        if code in _BAD_ROWS or (code == _TOO_MANY_PARTS and "partitions" in said):
            return Verdict("retry", reason, split=True)
        if answer.status < 300 or answer.status >= 500:
            return Verdict("retry", reason)
        return verdict(answer, secrets=self._secrets)


def line(row: Row) -> bytes:
    """A row as one line of JSONEachRow; what is empty takes the column's default."""
    return _encode(row) + b"\n"


_encode = msgspec.json.Encoder().encode


def token(ids: Sequence[str]) -> str:
    """The same for the same events in the same order, whatever else changes."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]


def quoted(table: str) -> str:
    """A table's name for SQL, its database included where it has one."""
    return ".".join([f"`{part}`" for part in table.split(".")])


def statement(table: str) -> str:
    """What makes the events table."""
    columns = [f"  `{each.name}` {_type(each.name, each.kind)}" for each in COLUMNS]
    columns.append("  `loaded_at` DateTime('UTC') DEFAULT now()")
    made = ",\n".join(columns)
    return (
        f"CREATE TABLE {quoted(table)} (\n{made}\n)\n"
        "ENGINE = ReplacingMergeTree\n"
        "PARTITION BY toYYYYMM(timestamp)\n"
        "ORDER BY (event, toDate(timestamp), event_id)\n"
        "SETTINGS non_replicated_deduplication_window = 1000;\n"
    )


def _type(name: str, kind: str) -> str:
    if name in _FEW:
        return "LowCardinality(String)"
    return f"Nullable({_TYPES[kind]})" if name == "received_at" else _TYPES[kind]


#: Numbers of ClickHouse/ClickHouse, src/Common/ErrorCodes.cpp. Somebody must mend something: no
#: such column (16, 47), table (60), database (81), setting (115); readonly (164); user, password or
#: address (192 to 195, 516), rights (291, 497), roles (511, 512).
_NO_TABLE = frozenset((60, 81))
_MENDING = frozenset((16, 47, 115, 164, 192, 193, 194, 195, 291, 497, 511, 512, 516)) | _NO_TABLE

#: A value that cannot be read or does not fit: text (6, 25 to 27), date (38, 41), number (72, 407),
#: type (53, 70, 349), range (69, 321), JSON (117), list (130), UUID (376), constraint (469).
_BAD_ROWS = frozenset((
    6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 130, 321, 349, 376, 407, 441, 469,
))  # fmt: skip

#: Either merging lags behind (again later), or a block touches too many months (in halves).
_TOO_MANY_PARTS = 252

_NUMBER = re.compile(rb"\s*Code: (\d+)")


def _code(answer: Answer) -> int | None:
    """The exception's number; a server from before 2020 says it in the body alone. None when there
    was none: it may follow a 200."""
    text = answer.headers.get("x-clickhouse-exception-code", "")
    if text.isdecimal():
        return int(text)
    found = _NUMBER.match(answer.body)
    return int(found[1]) if found else None


def make(address: Address) -> Clickhouse:
    """A ClickHouse destination of its URL: HTTPS to its host, or ``?endpoint=http://…``."""
    check(address, extra=("table",))
    table.without(address, "region", "on_doubt")
    database = table.database(address)
    return Clickhouse(
        name(address),
        https(address),
        database=database,
        table=table.name(address),
        user=address.user,
        password=address.password,
    )
