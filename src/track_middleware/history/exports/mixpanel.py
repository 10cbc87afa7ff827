"""Mixpanel's raw export: one ``{"event": …, "properties": {…}}`` a line.

Fields: docs.mixpanel.com/docs/data-structure/property-reference/reserved-properties; the export:
developer.mixpanel.com/reference/raw-event-export. ``time`` is epoch seconds, but by the clock of
the project's own zone where the project is older than 2023. Ids: docs.mixpanel.com/docs/
tracking-methods/id-management. No I/O happens here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ...event import Event, iso
from .record import Read, Record, Rules, campaign, context, event_id, present, text

_DEVICE = "$device:"

#: Properties that became something else, or are Mixpanel's own bookkeeping, beside all that begin
#: with ``$`` or ``mp_``.
_OWN = frozenset({"time", "distinct_id", "token", "current_page_title", "current_url_path",
                  "current_url_protocol", "current_url_search", "current_domain"})  # fmt: skip


def mixpanel(rules: Rules) -> Read:
    """The reader of a raw export; ``rules.zone`` is the zone of an old project."""

    def read(said: Record) -> Event | None:
        name, given = said.get("event"), said.get("properties")
        if not isinstance(name, str) or not isinstance(given, dict):
            raise ValueError("it has no event, or no properties")
        visitor, user = _who(given)
        event = Event(
            _id(name, given), "track", _time(given.get("time"), rules), event=name,
            anonymous_id=visitor, user_id=user, context=_context(given, rules),
        )  # fmt: skip
        return _of_kind(event, given, rules)

    return read


def _of_kind(event: Event, given: Record, rules: Rules) -> Event | None:
    if event.event == "$identify":
        user = text(given.get("$identified_id")) or event.user_id
        event.type, event.event, event.user_id = "identify", None, user
        event.anonymous_id = text(given.get("$anon_id")) or event.anonymous_id
        return event if user else None
    if event.event == "$create_alias":
        event.type, event.event = "alias", None
        event.previous_id, event.user_id = text(given.get("distinct_id")), text(given.get("alias"))
        return event if event.user_id else None
    if event.event == "$merge":
        return None
    kept = {name: value for name, value in given.items() if not _is_own(name)}
    event.properties = rules.properties(kept)
    if event.event == "$mp_web_page_view":
        event.type, event.event = "page", None
    return event


def _is_own(name: str) -> bool:
    return name.startswith(("$", "mp_", "utm_")) or name in _OWN


def _id(name: str, given: Record) -> str:
    """Mixpanel tells events apart by name, time, who and ``$insert_id`` together; old ones have
    no such id."""
    told = given.get("$insert_id")
    if told:
        return event_id("mixpanel", told)
    return event_id("mixpanel", name, given.get("distinct_id"), given.get("time"))


def _who(given: Record) -> tuple[str | None, str | None]:
    """Visitor and user: by the simplified ids' own members, else by what ``distinct_id`` says."""
    distinct = text(given.get("distinct_id")) or ""
    device, user = text(given.get("$device_id")), text(given.get("$user_id"))
    if distinct.startswith(_DEVICE):
        return device or distinct.removeprefix(_DEVICE), user
    if distinct and distinct != device and user is None:
        user = distinct
    return device, user


def _time(told: object, rules: Rules) -> str:
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        raise ValueError("it tells no time")
    seconds = told / 1000 if told > 1e11 else told
    if rules.zone is None:
        return iso(float(seconds))
    return iso(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=rules.zone))


def _context(given: Record, rules: Rules) -> dict[str, Any]:
    url, title = rules.url(given.get("$current_url")), given.get("current_page_title")
    return context(
        rules,
        ip=given.get("ip") or given.get("$ip"),
        page=present(url=url, referrer=rules.url(given.get("$referrer")), title=title),
        campaign=campaign(given),
        browser=present(name=given.get("$browser"), version=text(given.get("$browser_version"))),
        os=present(name=given.get("$os"), version=text(given.get("$os_version"))),
        location=present(country=given.get("mp_country_code"), city=given.get("$city")),
        app=present(version=given.get("$app_version_string")),
    )
