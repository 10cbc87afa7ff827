"""How values travel to PostgreSQL where psycopg's own way does not fit the store's columns."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.adapt import Buffer
from psycopg.types.bool import BoolDumper
from psycopg.types.string import StrBinaryDumper, StrDumperUnknown


class Text(StrDumperUnknown):
    """A text without NUL, which PostgreSQL cannot keep and anybody's browser may send."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(_kept(obj))


class CopiedText(StrBinaryDumper):
    """The same for what is copied."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(_kept(obj))


def _kept(text: str) -> str:
    return text.replace("\0", "\ufffd") if "\0" in text else text


class Claim(BoolDumper):
    """A truth as 0 or 1, as the store's columns hold it."""

    oid = psycopg.adapters.types["int2"].oid

    def dump(self, obj: bool) -> Buffer | None:
        return b"1" if obj else b"0"


def adapt(raw: psycopg.Connection[Any]) -> None:
    """From now on this connection takes values so."""
    raw.adapters.register_dumper(str, CopiedText)
    raw.adapters.register_dumper(str, Text)
    raw.adapters.register_dumper(bool, Claim)
