"""Amplitude's export: a zip of gzipped files, one event a line.

Fields: amplitude.com/docs/apis/analytics/export; times are UTC. No I/O happens here.
"""

from __future__ import annotations

from typing import Any

from ...event import Event, iso
from .record import Read, Record, Rules, context, event_id, moment, present, text

_PAGE_VIEWS = frozenset({"[Amplitude] Page Viewed", "Page View"})


def amplitude(rules: Rules) -> Read:
    """The reader of an export."""

    def read(said: Record) -> Event | None:
        name = said.get("event_type")
        if not isinstance(name, str) or not name:
            raise ValueError("it has no event_type")
        given = said.get("event_properties")
        given = given if isinstance(given, dict) else {}
        event = Event(
            event_id("amplitude", said.get("$insert_id") or said.get("uuid")),
            "track",
            iso(moment(said.get("event_time") or said.get("client_event_time"))),
            event=name,
            anonymous_id=text(said.get("device_id")),
            user_id=text(said.get("user_id")),
            properties=rules.properties(given),
            context=_context(said, given, rules),
        )
        return _of_kind(event, said, rules)

    return read


def _of_kind(event: Event, said: Record, rules: Rules) -> Event:
    if event.event == "$identify":
        event.type, event.event, event.properties = "identify", None, None
        event.traits = rules.kept_traits(said.get("user_properties"))
    elif event.event in _PAGE_VIEWS:
        event.type, event.event = "page", None
    return event


def _context(said: Record, given: Record, rules: Rules) -> dict[str, Any]:
    link = given.get("[Amplitude] Page Location") or given.get("[Amplitude] Page URL")
    title = given.get("[Amplitude] Page Title")
    return context(
        rules,
        ip=said.get("ip_address"),
        page=present(url=rules.url(link), referrer=rules.url(given.get("referrer")), title=title),
        session=_session(said.get("session_id")),
        os=present(name=said.get("os_name"), version=text(said.get("os_version"))),
        device=present(
            model=said.get("device_model"),
            manufacturer=said.get("device_manufacturer"),
            type=said.get("device_type"),
        ),
        location=present(city=said.get("city"), region=said.get("region")),
        locale=said.get("language"),
        app=present(version=said.get("version_name")),
    )


def _session(told: object) -> dict[str, str] | None:
    """A session's id is its beginning in milliseconds; -1: outside of any."""
    if isinstance(told, bool) or not isinstance(told, (int, float)) or told <= 0:
        return None
    return {"id": str(int(told)), "start": iso(told / 1000)}
