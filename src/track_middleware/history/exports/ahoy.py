"""ahoy's two tables, visits and events, as CSV or JSON lines.

Columns: github.com/ankane/ahoy, the migration of its generator
(lib/generators/ahoy/templates/active_record_migration.rb.tt). Visits come before their events,
which name them by ``visit_id``; an event that was joined with its visit needs none. A visit is the
event ``Session Started``.
"""

from __future__ import annotations

import sqlite3
import weakref
from typing import Any

import msgspec

from ...event import Event, iso
from .record import Read, Record, Rules, campaign, context, event_id, moment, present, text

_bag = msgspec.json.Decoder(dict[str, Any])


class _Visits:
    """Whose each visit was. Nobody knows how many there are: they lie in a file of their own, which
    goes with this object."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._file.close)
        self._file.execute("PRAGMA cache_size = -2000")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute(
            "CREATE TABLE visit (id TEXT PRIMARY KEY, visitor TEXT, token TEXT, start TEXT)"
        )
        self._file.execute("BEGIN")

    def keep(self, number: str, visitor: str | None, token: str | None, start: str) -> None:
        values = (number, visitor, token, start)
        self._file.execute("INSERT OR REPLACE INTO visit VALUES (?, ?, ?, ?)", values)

    def get(self, number: str | None) -> tuple[str | None, str | None, str | None]:
        found = self._file.execute(
            "SELECT visitor, token, start FROM visit WHERE id = ?", (number,)
        ).fetchone()
        return found or (None, None, None)


def ahoy(rules: Rules) -> Read:
    """The reader of both tables."""
    visits = _Visits()

    def read(said: Record) -> Event | None:
        if "started_at" in said and "name" not in said:
            return _visit(said, rules, visits)
        return _event(said, rules, visits)

    return read


def _visit(said: Record, rules: Rules, visits: _Visits) -> Event:
    visitor, token = text(said.get("visitor_token")), text(said.get("visit_token"))
    start = iso(moment(said.get("started_at")))
    if number := text(said.get("id")):
        visits.keep(number, visitor, token, start)
    url, came = rules.url(said.get("landing_page")), rules.url(said.get("referrer"))
    about = context(
        rules,
        ip=said.get("ip"),
        page=present(url=url, referrer=came),
        session=_session(token, start),
        campaign=campaign(said),
        userAgent=said.get("user_agent"),
        location=present(
            country=_code(said.get("country")), region=said.get("region"), city=said.get("city")
        ),
        app=present(version=said.get("app_version")),
    )
    return Event(
        event_id("ahoy", "visit", token or said.get("id")), "track", start,
        event="Session Started", anonymous_id=visitor, user_id=text(said.get("user_id")),
        context=about,
    )  # fmt: skip


def _event(said: Record, rules: Rules, visits: _Visits) -> Event:
    name = said.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("it is neither a visit nor an event")
    given = said.get("properties")
    if isinstance(given, str):
        given = _bag.decode(given) if given else {}
    given = given if isinstance(given, dict) else {}
    visitor, token, start = visits.get(text(said.get("visit_id")))
    token = text(said.get("visit_token")) or token
    start = iso(moment(said["started_at"])) if said.get("started_at") else start
    page = present(url=rules.url(given.get("url")), title=given.get("title"))
    is_view = name == "$view"
    return Event(
        event_id("ahoy", "event", said.get("id")),
        "page" if is_view else "track",
        iso(moment(said.get("time"))),
        event=None if is_view else name,
        anonymous_id=text(said.get("visitor_token")) or visitor,
        user_id=text(said.get("user_id")),
        properties=rules.properties(given),
        context=context(rules, page=page, session=_session(token, start)),
    )


def _session(token: str | None, start: str | None) -> dict[str, str] | None:
    return present(id=token, start=start) if token else None


def _code(told: object) -> str | None:
    """ahoy keeps a country's name, or its code, as its geocoder has it."""
    return told if isinstance(told, str) and len(told) == 2 and told.isupper() else None
