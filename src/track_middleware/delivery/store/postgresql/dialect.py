"""The store's statements as psycopg and PostgreSQL take them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..statements import SQL, named

#: Statements that PostgreSQL has of its own.
OWN = named("statements", __package__)

_LISTED = re.compile(r"IN \(SELECT value FROM json_each\((\?|:\w+)\)\)")
_PLACE = re.compile(r"\?(\d*)|(?<![:\w]):(\w+)")
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
#: Of what type a parameter is that may be left out: PostgreSQL cannot tell from ``IS NULL``.
_LEFT_OUT = re.compile(r":(stage|subject|job) IS NULL")
_TYPES = {"stage": "text", "subject": "text", "job": "bigint"}
_GLOB = re.compile(r"\[(\^?)(\]?[^\]]*)\]|.", re.DOTALL)


@cache
def statement(name: str) -> bytes:
    """A named statement, with psycopg's placeholders."""
    return (_translated(SQL[name]) if name not in OWN else _placed(OWN[name])).encode()


def parameters(name: str, values: Any) -> Any:
    """The values of a statement as its placeholders ask for them: numbered ones by name."""
    if isinstance(values, Mapping) or b"%(p1)s" not in statement(name):
        return values
    return {f"p{number}": value for number, value in enumerate(values, 1)}


def pattern(glob: str) -> str:
    """A regular expression of PostgreSQL's that matches what SQLite's GLOB does."""
    return f"^{''.join(map(_part, _GLOB.finditer(glob)))}$"


def _part(found: re.Match[str]) -> str:
    text = found[0]
    if found[2] is not None:
        inner = re.sub(r"[\\\[]", r"\\\g<0>", found[2])
        return f"[{found[1]}{inner}]"
    if text in "*?":
        return ".*" if text == "*" else "."
    return text if text.isalnum() or not text.isascii() else f"\\{text}"


def _translated(sql: str) -> str:
    """A statement that is written for SQLite."""
    sql = _LISTED.sub(r"= ANY(\1)", sql).replace("instr(", "strpos(")
    sql = re.sub(r" INDEXED BY \w+", "", sql)
    sql = _LEFT_OUT.sub(lambda found: f":{found[1]}::{_TYPES[found[1]]} IS NULL", sql)
    if sql.startswith("INSERT OR IGNORE "):
        sql = f"{sql.replace(' OR IGNORE', '', 1)}\nON CONFLICT DO NOTHING"
    return _placed(sql)


def _placed(sql: str) -> str:
    sql = _COMMENT.sub("", sql).replace("%", "%%")
    return _PLACE.sub(_place, sql)


def _place(found: re.Match[str]) -> str:
    if found[2]:
        return f"%({found[2]})s"
    return f"%(p{found[1]})s" if found[1] else "%s"
