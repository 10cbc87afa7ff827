"""Copies rows into PostgreSQL: a temporary table, then what the events table does not have yet.

One transaction a call, so that a call is in the table as a whole or not at all, and a repeat adds
nothing. Everything is bounded: connecting, each statement (by the server), the whole call (here).
psycopg is imported with the first call.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from email.utils import formatdate
from socket import socket
from typing import TYPE_CHECKING, Any

import msgspec

from ..destinations import Answer, Call, postgresql
from .deadline import shut_after
from .lines import Silence

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: to connect, for one statement, and for a whole call."""

    connect: int = 5
    statement: int = 30
    whole: float = 60.0


class PostgresTransport:
    """Carries calls whose URL is ``postgresql://…``.

    Safe between threads: each call has a connection to itself, and leaves it to the next one.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Session]] = {}

    def __call__(self, call: Call) -> Answer | Silence:
        """Inserts a call's rows; an ``Answer`` with PostgreSQL's own words when it refuses them,
        ``Silence`` when the connection failed."""
        try:
            import psycopg
        except ImportError as error:
            return _answer(403, f"psycopg cannot be used: {error}")
        while True:
            session = self._taken(call.url)
            fresh = session is None
            try:
                session = session or _Session(call.url, self._limits)
            except psycopg.ProgrammingError:  # libpq repeats what it cannot read
                return _answer(401, "libpq cannot read the URL's user, password or options")
            except psycopg.Error as error:
                return _unconnected(str(error))
            try:
                with (
                    socket(fileno=os.dup(session.connection.fileno())) as sock,
                    shut_after(sock, self._limits.whole),
                ):
                    (session.erase if call.method == "DELETE" else session.insert)(call)
            except _NoKeyError as error:
                session.connection.close()
                return _answer(404, str(error))
            except psycopg.Error as error:
                if self._settle(call.url, session, error) and not fresh and not session.began:
                    continue  # it was closed while nobody used it, and nothing was sent
                return _refusal(error, sent=session.began)
            self._leave(call.url, session)
            return _answer(200, "")

    def close(self) -> None:
        """Closes every idle connection."""
        with self._lock:
            sessions = [session for each in self._idle.values() for session in each]
            self._idle.clear()
        for session in sessions:
            session.connection.close()

    def _taken(self, url: str) -> _Session | None:
        with self._lock:
            idle = self._idle.get(url)
            return idle.pop() if idle else None

    def _leave(self, url: str, session: _Session) -> None:
        with self._lock:
            self._idle.setdefault(url, []).append(session)

    def _settle(self, url: str, session: _Session, error: psycopg.Error) -> bool:
        """After a failure: keeps a connection whose data alone were bad; True when it is gone."""
        import psycopg

        gone = session.connection.broken
        if not gone and _status(error.sqlstate) == 400:
            try:
                session.connection.rollback()
            except psycopg.Error:
                gone = True
            else:
                self._leave(url, session)
                return False
        session.connection.close()
        return gone


class _Session:
    """A connection, and what is known of the table behind it. ``began``: the server has answered
    within this call."""

    def __init__(self, url: str, limits: Limits) -> None:
        import psycopg

        self.connection = psycopg.connect(
            url,
            connect_timeout=limits.connect,
            application_name="track-middleware",
            prepare_threshold=None,  # a pooler may give the next transaction another server
            tcp_user_timeout=int(limits.whole * 1000),
        )
        self._timeout = limits.statement
        self._insertions: dict[str, str] = {}
        self.began = False

    def insert(self, call: Call) -> None:
        self.began = False
        table = call.headers["table"]
        with self.connection.cursor() as cursor:
            self._begin(cursor)
            if table not in self._insertions:
                self._insertions[table] = self._insertion(cursor, table)
            with cursor.copy(postgresql.COPY) as copy:
                copy.write(call.body)
            cursor.execute(self._insertions[table].encode())
        self.connection.commit()

    def erase(self, call: Call) -> None:
        """Deletes the rows in which a column has one of the texts that the call names."""
        self.began = False
        columns = msgspec.json.decode(call.body, type=dict[str, list[str]])
        where = " OR ".join(f'"{name}" = ANY(%s)' for name in columns)
        target = postgresql.quoted(call.headers["table"])
        with self.connection.cursor() as cursor:
            self._begin(cursor)
            cursor.execute(f"DELETE FROM {target} WHERE {where}".encode(), list(columns.values()))
        self.connection.commit()

    def _begin(self, cursor: psycopg.Cursor[Any]) -> None:
        """The transaction's own settings, which a pooler leaves alone."""
        cursor.execute(
            f"SET LOCAL statement_timeout = '{self._timeout}s';"
            "SET LOCAL client_min_messages = 'warning';"
            f"{postgresql.MAKE_COPIED}".encode()
        )
        self.began = True

    def _insertion(self, cursor: psycopg.Cursor[Any], table: str) -> str:
        """The statement that fills the table; the table is made when it is missing."""
        if not _exists(cursor, table):
            self._make(cursor, table)
        cursor.execute(_COLUMNS, [postgresql.quoted(table)])
        present = {name for (name,) in cursor.fetchall()}
        cursor.execute(_KEYS, [postgresql.quoted(table)])
        if not any({"event_id"} <= set(key) <= {"event_id", "timestamp"} for (key,) in cursor):
            raise _NoKeyError(
                f"{table} has no unique index on event_id, so that a repeat would count"
            )
        return postgresql.insertion(table, present)

    def _make(self, cursor: psycopg.Cursor[Any], table: str) -> None:
        """Makes the table, in a transaction of its own."""
        from psycopg.errors import DuplicateTable

        # Several workers may find it missing at once: one makes it, the others wait and see it.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"track {table}"])
        try:
            cursor.execute(postgresql.statement(table).encode())
        except DuplicateTable:
            self.connection.rollback()
        else:
            self.connection.commit()
        self._begin(cursor)


_COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""

#: The columns of each unique index that holds for every row. A partitioned table's key has its
#: partitions' column as well; a repeat has the same time.
_KEYS = """
SELECT array_agg(attname::text) FROM pg_index JOIN pg_attribute ON attrelid = indrelid
WHERE indrelid = to_regclass(%s) AND indisunique AND indpred IS NULL AND indexprs IS NULL
  AND attnum = ANY((indkey::int2[])[0:indnkeyatts - 1])
GROUP BY indexrelid
"""


class _NoKeyError(Exception):
    """A table in which an event would be counted twice."""


def _exists(cursor: psycopg.Cursor[Any], table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [postgresql.quoted(table)])
    row = cursor.fetchone()
    return bool(row and row[0])


#: What PostgreSQL's error classes mean, by the SQLSTATE's beginning, as the HTTP status that
#: ``destinations.answers`` knows (postgresql.org/docs/current/errcodes-appendix.html). 400: the
#: rows are bad; 401, 403, 404: somebody must mend something; 0: nobody answered; else 503.
_STATUS = (
    ("08", 0),  # the connection failed
    ("57P", 0),  # the server shuts down, starts, or ended this session
    ("22", 400),  # a value that a type does not take
    ("23", 400),  # a constraint of the table's owner
    ("54", 400),  # a row or an index entry that is too large
    ("P0", 400),  # a trigger refused it
    ("28", 401),
    ("42501", 403),
    ("3D", 404),
    ("3F", 404),
    ("42", 404),  # no such table or column, or of another type
)


def _status(sqlstate: str | None) -> int:
    if sqlstate is None:
        return 0
    return next((status for start, status in _STATUS if sqlstate.startswith(start)), 503)


def _refusal(error: psycopg.Error, *, sent: bool) -> Answer | Silence:
    status = _status(error.sqlstate)
    said = error.diag.message_primary or str(error)
    if status == 0:
        return Silence(f"no answer: {_first_line(said)}", sent=sent)
    detail = f": {error.diag.message_detail}" if error.diag.message_detail else ""
    return _answer(status, said + detail)


#: What makes a connection useless until somebody mends it. libpq gives no SQLSTATE for it, so these
#: are the words of an English server; in another language it is plain silence, and tried again.
_MENDING = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|"
    r"(role|database|certificate file) .* does not exist|permission denied|certificate verify|"
    r"is not permitted to log in|connection is bad: invalid|does not support SSL"
)


def _unconnected(said: str) -> Answer | Silence:
    words = _first_line(said.rpartition("FATAL:")[2] if "FATAL:" in said else _reason(said))
    if _MENDING.search(words):
        return _answer(401, words)
    return Silence(f"no answer: {words}", sent=False)


def _reason(said: str) -> str:
    """libpq's words without the address."""
    return said.rpartition(" failed: ")[2] or said


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _answer(status: int, words: str) -> Answer:
    return Answer(status, {"date": formatdate(usegmt=True)}, words.encode())
