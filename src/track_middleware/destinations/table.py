"""An event as a row of the documented events table, the same in every database. Pure.

What an analyst groups and joins by is a column; everything else stays in ``properties``, ``traits``
and ``context``. Two rules keep a row acceptable, and what they change is counted: the character
NUL, which databases refuse in text, is left out; a whole number beyond 64 bits becomes its digits
as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ..address import Address
from ..errors import SettingsError
from ..event import Event, encode_event, epoch, iso, wire_id
from . import Verdict
from .context import campaign, facts, own
from .options import wrong

Kind = Literal["uuid", "time", "number", "text", "json"]

#: Longest id or event name, in characters: these columns are indexed, and an entry of a PostgreSQL
#: index holds 2,700 bytes (postgresql.org/docs/current/btree.html).
LONGEST = 500

#: The most that a ``number`` column holds: PostgreSQL's integer.
MOST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``about`` is its meaning for the documents, ``always``: never empty."""

    name: str
    kind: Kind
    about: str
    always: bool = False


COLUMNS = (
    Column("event_id", "uuid", "the event's id, the same at every destination", always=True),
    Column("type", "text", "`track`, `page`, `screen`, `identify`, `group`, `alias`", always=True),
    Column("event", "text", "the event's name; `Page` for page views", always=True),
    Column("timestamp", "time", "when it happened", always=True),
    Column("received_at", "time", "when the collector got it; empty for the server's own events"),
    Column("anonymous_id", "text", "the visitor: one browser or device"),
    Column("user_id", "text", "the user, once signed in"),
    Column("previous_id", "text", "what an `alias` replaces"),
    Column("group_id", "text", "the group of a `group` event"),
    Column("session_id", "text", "the session"),
    Column("session_number", "number", "1 for the visitor's first session"),
    Column("page_id", "text", "the page view that it happened in"),
    Column("url", "text", "the page's address"),
    Column("host", "text", "its host"),
    Column("path", "text", "its path"),
    Column("route", "text", "its route, such as `/orders/<int:pk>/`"),
    Column("title", "text", "its title"),
    Column("referrer", "text", "where the page was reached from"),
    Column("referrer_host", "text", "the referrer's host"),
    Column("channel", "text", "`Paid Search`, `Email`, `Direct`, …"),
    Column("utm_source", "text", "the session's campaign"),
    Column("utm_medium", "text", "the session's campaign"),
    Column("utm_campaign", "text", "the session's campaign"),
    Column("utm_term", "text", "the session's campaign"),
    Column("utm_content", "text", "the session's campaign"),
    Column("click_name", "text", "the click id's name, such as `gclid`"),
    Column("click_id", "text", "its value, for reporting conversions back"),
    Column("country", "text", "two letters"),
    Column("locale", "text", "the browser's language"),
    Column("platform", "text", "`server`, `web`, `ios`, `android`, `backfill`"),
    Column("device_type", "text", "`desktop`, `mobile`, `tablet`, …"),
    Column("os", "text", "the operating system"),
    Column("browser", "text", "the browser"),
    Column("browser_version", "text", "its version"),
    Column("bot", "text", "the bot's class; empty for people"),
    Column("properties", "json", "the event's own properties"),
    Column("traits", "json", "what is known of the user or group"),
    Column("context", "json", "everything else, as in [an event](wire.md#an-event)"),
)

NAMES = tuple(column.name for column in COLUMNS)

#: What stands behind them, filled by whoever writes the row.
LOADED = Column("loaded_at", "time", "when the row was written", always=True)

Row = dict[str, Any]

#: One event's row as a database takes it.
Render = Callable[[Row], bytes]


class Rows:
    """Makes rows of events, counts in ``cut`` what a rule changed, and says in ``settled`` which
    events have no row."""

    def __init__(self) -> None:
        self.cut = 0
        self.settled: dict[str, Verdict] = {}

    def rendered(
        self, events: Sequence[Event], render: Render, *, span: tuple[str, str] = ("0001", "9999~")
    ) -> Iterator[tuple[str, bytes]]:
        """(message id, row) pairs; ``span`` is what the database's times lie between."""
        for event in events:
            try:
                row = self.row(event)
            except (ValueError, OverflowError):
                self._refuse(event, f"its time cannot be read: {event.timestamp[:40]}")
                continue
            if span[0] <= row["timestamp"] < span[1]:
                yield event.message_id, render(row)
            else:
                self._refuse(event, f"its time is out of the database's range: {event.timestamp}")

    def row(self, event: Event) -> Row:
        """The event's values by column, without the empty ones; ValueError or OverflowError when
        its time cannot be read."""
        event = self._mended(event)
        found = facts(event)
        context = own(event.context)
        row: Row = {
            **{name: str(found[name]) for name in _FACTS if name in found},
            **_campaign(event, context),
            "event_id": wire_id("server", event.message_id),
            "type": event.type,
            "event": self._short(event.label),
            "timestamp": iso(epoch(event.timestamp)),
        }
        for name, given in _ids(event):
            if given:
                row[name] = self._short(given)
        number = found.get("session_number")
        if type(number) is int and 0 <= number <= MOST_NUMBER:
            row["session_number"] = number
        if (bot := _bot(context)) is not None:
            row["bot"] = bot
        if (received := _time(event.received_at)) is not None:
            row["received_at"] = received
        own_values = (event.properties, event.traits, context)
        row.update({name: each for name, each in zip(_JSON, own_values, strict=True) if each})
        return row

    def _mended(self, event: Event) -> Event:
        """The event with nothing in it that a database refuses. Looked for in its JSON, because
        hardly any event has it."""
        body = encode_event(event)
        if b"\\u0000" not in body and _LONG not in body.translate(_DIGITS):
            return event
        plain = self._mend(msgspec.to_builtins(event))
        return msgspec.convert(plain, Event)

    def _mend(self, value: Any) -> Any:
        if isinstance(value, str):
            self.cut += "\0" in value
            return value.replace("\0", "")
        if isinstance(value, dict):
            return {self._mend(key): self._mend(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._mend(each) for each in value]
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            self.cut += 1
            return str(value)
        return value

    def _short(self, text: str) -> str:
        self.cut += len(text) > LONGEST
        return text[:LONGEST]

    def _refuse(self, event: Event, reason: str) -> None:
        self.settled[event.message_id] = Verdict("refused", reason)


#: So many digits may be a number beyond 64 bits. Looked for among digits that are all alike.
_LONG = b"0" * 19
_DIGITS = bytes(ord("0") if chr(code).isdecimal() else code for code in range(256))

#: Columns that ``context.facts`` knows under the same name.
_FACTS = ("session_id", "page_id", "url", "host", "path", "route", "title", "referrer",
          "referrer_host", "channel", "country", "locale", "platform", "device_type", "os",
          "browser", "browser_version")  # fmt: skip

_JSON = ("properties", "traits", "context")
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


def _ids(event: Event) -> tuple[tuple[str, str | None], ...]:
    return (
        ("anonymous_id", event.anonymous_id),
        ("user_id", event.user_id),
        ("previous_id", event.previous_id),
        ("group_id", event.group_id),
    )


def _campaign(event: Event, context: Mapping[str, Any]) -> Row:
    told = campaign(event)
    row = {name: str(told[name]) for name in _UTM if name in told}
    click = context.get("click")
    name = click.get("name") if isinstance(click, Mapping) else None
    if isinstance(name, str) and name in told:
        row.update(click_name=name, click_id=str(told[name]))
    return row


def _bot(context: Mapping[str, Any]) -> str | None:
    bot = context.get("bot")
    if not isinstance(bot, Mapping):
        return None
    return str(bot.get("class") or bot.get("name") or "") or None


def _time(text: str | None) -> str | None:
    try:
        return iso(epoch(text)) if text else None
    except (ValueError, OverflowError):
        return None


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?")


def name(address: Address) -> str:
    """The table that a URL's ``?table=`` names, ``track_events`` when it names none."""
    table = address.options.get("table", "track_events")
    if not _NAME.fullmatch(table):
        raise wrong(address, "names a table by other than letters, digits and _: ?table=events")
    return table


def database(address: Address) -> str:
    """The database that a URL's path names."""
    found = address.path.strip("/")
    if not found or "/" in found:
        raise wrong(address, f"names no database: {address.scheme}://user:password@host/database")
    return found


def without(address: Address, *options: str) -> None:
    """SettingsError when the URL has an option that means nothing to a database."""
    for option in options:
        if option in address.options:
            raise SettingsError(
                "destinations", f"the {address.scheme} URL has {option}, which a database has not"
            )
