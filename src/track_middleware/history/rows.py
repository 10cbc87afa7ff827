"""A row of a source becomes an event: its id, whose it is, when it happened, what it says.

Nothing is read here but the row. The same row makes the same event each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from ..errors import EventError, SettingsError
from ..event import Entry, Event, iso
from ..tracking import ids

#: Names of columns, and the values under them.
Row = Mapping[str, Any]

#: An epoch of more seconds than this (the year 5138) is one of milliseconds.
_MILLISECONDS = 1e11


class RowError(EventError):
    """A row of which no event can be made; the others go on."""


class CallError(SettingsError):
    """No row of this source can be read as it was asked for."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column says what. ``properties``: the names they get, by column; None: every column
    but ``user``, ``anonymous`` and ``time`` under its own name. ``zone``: of times that say none.
    """

    id: str
    time: str
    user: str | None = None
    anonymous: str | None = None
    properties: Mapping[str, str] | None = None
    zone: tzinfo | None = None

    def missing(self, there: Sequence[str]) -> list[str]:
        """Those that a source with these columns does not have."""
        named = [self.id, self.time, self.user, self.anonymous, *(self.properties or ())]
        return [name for name in named if name is not None and name not in there]


def named(text: str) -> dict[str, str]:
    """The properties of ``--properties``: ``total,currency`` or, renamed, ``revenue=total``.

    ValueError for an empty one.
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        name, _, column = part.strip().partition("=")
        if not name.strip():
            raise ValueError(text)
        found[(column or name).strip()] = name.strip()
    return found


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes entries of rows. ``context`` is every event's; ``kept`` takes out of properties what
    the settings do not let through."""

    event: str
    columns: Columns
    context: msgspec.Raw
    kept: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = dict

    def entry(self, row: Row, now: float) -> Entry:
        """The entry of a row that is accepted now. RowError says what is wrong with it; CallError
        that the same is wrong with all."""
        columns = self.columns
        said = row[columns.id]
        if said is None or said == "":
            raise RowError(f"{columns.id} is empty: the row has no id")
        event_id = ids.event_id(f"{self.event}:{said}")
        user = ids.user(row[columns.user]) if columns.user else None
        anonymous = ids.user(row[columns.anonymous]) if columns.anonymous else None
        if user is None and anonymous is None:
            anonymous = ids.derived("backfill", event_id)  # nobody's, and the same each time
        event = Event(
            event_id,
            "track",
            moment(row[columns.time], column=columns.time, zone=columns.zone),
            event=self.event,
            anonymous_id=anonymous,
            user_id=user,
            properties=self.kept(self._properties(row)) or None,
            context=self.context,
        )
        return Entry("event", now, event)

    def _properties(self, row: Row) -> dict[str, Any]:
        columns = self.columns
        if columns.properties is not None:
            found = {name: row[column] for column, name in columns.properties.items()}
        else:
            others = (columns.user, columns.anonymous, columns.time)
            found = {name: value for name, value in row.items() if name not in others}
        return {name: plain(value) for name, value in found.items() if value is not None}


def moment(value: Any, *, column: str, zone: tzinfo | None) -> str:
    """When a row's event happened, as the wire has it; of a day, its beginning.

    A number is an epoch in seconds, or in milliseconds. RowError when it is no time, CallError when
    it says no zone and none was given.
    """
    number = _number(value)
    if number is not None:
        return _iso(number / 1000 if abs(number) > _MILLISECONDS else number, value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise RowError(f"{column}: {value[:40]!r} is no ISO 8601 time") from error
    if not isinstance(value, date):
        raise RowError(f"{column}: {str(value)[:40]!r} is no time")
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if value.tzinfo is None:
        if zone is None:
            raise CallError(
                column, f"{value} says no time zone; give --time-zone UTC, Europe/Berlin …"
            )
        value = value.replace(tzinfo=zone)
    return _iso(value.timestamp(), value)


def _iso(seconds: float, value: Any) -> str:
    try:
        return iso(seconds)
    except (OverflowError, ValueError, OSError) as error:
        raise RowError(f"{str(value)[:40]!r} is no time of our calendar") from error


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float, Decimal)):
        return float(value)
    if isinstance(value, str) and value.strip().lstrip("-").replace(".", "", 1).isdecimal():
        return float(value)
    return None


def plain(value: Any) -> Any:
    """A column's value as a property: JSON's own types, and those that verbs take."""
    if value is None or isinstance(
        value, (str, int, float, Decimal, date, UUID, list, tuple, dict)
    ):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return str(value)
