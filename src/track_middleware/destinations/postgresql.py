"""``postgresql://user:password@host/database?table=track_events``: rows of the events table.

A call's body is COPY text; the transport copies it into a temporary table and inserts what the
table does not have yet, by event id, in one transaction. The table is made when it is missing
(docs/tables.md) and never altered: columns that it lacks are left out, others are left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from ..address import Address
from ..event import Event
from . import DELIVERED, Answer, Call, Outbound, Verdict, table
from .answers import verdict
from .limits import ids, packed
from .options import check, name, wrong
from .table import COLUMNS, NAMES, Row

MOST = 1_000
SIZE = 8 * 2**20

#: PostgreSQL has a column for everything: nothing is renamed.
VOCABULARY: Mapping[str, str] = {}

#: libpq's own options that a URL may carry.
LIBPQ = ("sslmode", "sslrootcert", "host")

_TYPES = {"uuid": "uuid", "time": "timestamptz", "number": "integer", "text": "text",
          "json": "jsonb"}  # fmt: skip

_encode = msgspec.json.Encoder().encode


class Postgresql:
    """Inserts events into one table."""

    most = MOST

    def __init__(self, name: str, url: str, *, table: str, secrets: Sequence[str] = ()) -> None:
        self.name = name
        self._url = url
        self._headers = {"table": table}
        self._secrets = secrets

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        rows = table.Rows()
        calls = [
            Call(
                self._url,
                b"".join([line for _, line in run]),
                ids(run),
                method="COPY",
                headers=self._headers,
            )
            for run in packed(rows.rendered(events, line), most=MOST, size=SIZE)
        ]
        return Outbound(calls, rows.settled, rows.cut)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        said = verdict(answer, secrets=self._secrets)
        if answer is not None and said is not DELIVERED:
            said = replace(said, reason=said.reason.partition(": ")[2])
        return [said] * len(call.ids)


def line(row: Row) -> bytes:
    """A row as one line of COPY's text format (postgresql.org/docs/current/sql-copy.html).

    Escaped as a whole: NUL, which a row cannot hold, marks what stands between its values until
    then.
    """
    fields = {
        name: value if isinstance(value, str) else _encode(value).decode()
        for name, value in row.items()
    }
    text = "\0,".join(map(fields.get, NAMES, _NULLS))
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return text.encode() + b"\n"


_NULLS = ("\0N",) * len(NAMES)
_ESCAPES = (
    ("\\", r"\\"),
    ("\t", r"\t"),
    ("\n", r"\n"),
    ("\r", r"\r"),
    ("\0,", "\t"),
    ("\0N", r"\N"),
)


def quoted(table: str) -> str:
    """A table's name for SQL, its schema included where it has one."""
    return ".".join([f'"{part}"' for part in table.split(".")])


def statement(table: str) -> str:
    """What makes the events table and its indexes."""
    columns = [
        f'  "{each.name}" {_TYPES[each.kind]}{_always(each.name, each.always)}' for each in COLUMNS
    ]
    columns.append('  "loaded_at" timestamptz NOT NULL DEFAULT now()')
    target = quoted(table)
    indexes = [
        f"CREATE INDEX ON {target} ({columns});"
        for columns in ('"timestamp"', '"event", "timestamp"', '"anonymous_id"', '"user_id"')
    ]
    made = ",\n".join(columns)
    return f"CREATE TABLE {target} (\n{made}\n);\n" + "\n".join(indexes) + "\n"


def _always(name: str, always: bool) -> str:
    if name == "event_id":
        return " PRIMARY KEY"
    return " NOT NULL" if always else ""


_TEMPORARY = ", ".join([f'"{each.name}" {_TYPES[each.kind]}' for each in COLUMNS])

#: The temporary table. Its name changes with its columns: a pooler (pgbouncer) may hand us a
#: connection on which another release made its own.
COPIED = f"track_copy_{hashlib.sha256(_TEMPORARY.encode()).hexdigest()[:8]}"

MAKE_COPIED = f"CREATE TEMP TABLE IF NOT EXISTS {COPIED} ({_TEMPORARY}) ON COMMIT DELETE ROWS"
COPY = f"COPY {COPIED} FROM STDIN"


def insertion(table: str, present: Collection[str]) -> str:
    """Moves what was copied into the table, as far as it has the columns."""
    names = ", ".join([f'"{name}"' for name in NAMES if name in present])
    target = quoted(table)
    return f"INSERT INTO {target} ({names}) SELECT {names} FROM {COPIED} ON CONFLICT DO NOTHING"


def make(address: Address) -> Postgresql:
    """A PostgreSQL destination of its URL. ``?host=/var/run/postgresql`` is a socket's folder."""
    check(address, extra=("table", *LIBPQ))
    table.without(address, "endpoint", "region", "on_doubt")
    if find_spec("psycopg") is None:
        raise wrong(address, "needs psycopg: pip install 'track-middleware[postgresql]'")
    url, target = place(address)
    secrets = (address.password,) if address.password else ()
    return Postgresql(name(address), url, table=target, secrets=secrets)


def place(address: Address) -> tuple[str, str]:
    """The database as libpq finds it, and the events table in it."""
    given = {name: address.options[name] for name in LIBPQ if name in address.options}
    host = urlsplit(address.url).netloc
    query = f"?{urlencode(given, quote_via=quote)}" if given else ""
    return f"postgresql://{host}/{quote(table.database(address))}{query}", table.name(address)
