"""An event's ``context`` as flat facts under one set of names, for vendors to rename. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..event import Event, epoch

#: Campaign keys that have a UTM name; the others are click ids and go by their own.
UTM = {
    "source": "utm_source", "medium": "utm_medium", "name": "utm_campaign", "term": "utm_term",
    "content": "utm_content", "id": "utm_id", "source_platform": "utm_source_platform",
    "creative_format": "utm_creative_format", "marketing_tactic": "utm_marketing_tactic",
}  # fmt: skip

#: Part of the context -> (its key, the fact's name).
_PARTS = {
    "page": (
        ("id", "page_id"), ("url", "url"), ("path", "path"), ("route", "route"),
        ("referrer", "referrer"), ("title", "title"), ("status", "status"),
        ("durationMs", "duration_ms"), ("confirmed", "confirmed"),
    ),
    "session": (("id", "session_id"), ("number", "session_number")),
    "browser": (("name", "browser"), ("version", "browser_version")),
    "os": (("name", "os"), ("version", "os_version")),
    "device": (
        ("type", "device_type"), ("model", "device_model"), ("manufacturer", "device_brand"),
    ),
    "location": (("country", "country"),),
    "screen": (("size", "screen"), ("viewport", "viewport")),
    "app": (("version", "app_version"),),
}  # fmt: skip
_PLAIN = (
    ("channel", "channel"), ("ip", "ip"), ("locale", "locale"), ("timezone", "timezone"),
    ("platform", "platform"), ("userAgent", "user_agent"),
)  # fmt: skip


def facts(event: Event) -> dict[str, Any]:
    """What is known about where an event happened; nothing that is missing."""
    context = event.context if isinstance(event.context, Mapping) else {}
    found: dict[str, Any] = {}
    _take(found, context, _PLAIN)
    for part, names in _PARTS.items():
        told = context.get(part)
        if isinstance(told, dict):
            _take(found, told, names)
    _split_url(found)
    _split_screen(found)
    return found


def campaign(event: Event, *, first: bool = False) -> dict[str, str]:
    """The session's campaign, or the visitor's first, with UTM names and click ids by their own."""
    context = event.context if isinstance(event.context, Mapping) else {}
    told = context.get("firstCampaign" if first else "campaign")
    if not isinstance(told, Mapping):
        return {}
    return {UTM.get(str(key), str(key)): value for key, value in told.items() if value}


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The values that a vendor has names for, under those names."""
    return {names[key]: value for key, value in values.items() if key in names}


def milliseconds(event: Event) -> int:
    """When the event happened, epoch milliseconds; ValueError when its time cannot be read."""
    return round(epoch(event.timestamp) * 1000)


def session_start(event: Event) -> int | None:
    """When the event's session began, epoch milliseconds."""
    context = event.context if isinstance(event.context, Mapping) else {}
    session = context.get("session")
    start = session.get("start") if isinstance(session, Mapping) else None
    try:
        return round(epoch(start) * 1000) if isinstance(start, str) else None
    except ValueError:
        return None


def past(event: Event) -> dict[str, Any]:
    """What is known of the person's past (``context.history``), under the site's own names; what
    has parts, such as the first touch, flat (``first_touch_channel``)."""
    context = event.context if isinstance(event.context, Mapping) else {}
    told = context.get("history")
    found: dict[str, Any] = {}
    for name, value in own(told).items():
        if isinstance(value, Mapping):
            found |= {f"{name}_{part}": each for part, each in value.items()}
        else:
            found[name] = value
    return {
        name: value for name, value in found.items() if isinstance(value, (str, int, float, bool))
    }


def group_id(event: Event) -> str | None:
    """The group that an event happened in (``context.groupId``, Segment's common fields)."""
    context = event.context if isinstance(event.context, Mapping) else {}
    found = context.get("groupId")
    return found if isinstance(found, str) and found else None


def browser_ids(event: Event, cookie: str) -> Mapping[str, Any]:
    """What a vendor's cookie said of the browser (``bridge.py``): ``id``, ``session``,
    ``number``; {} without it."""
    context = event.context if isinstance(event.context, Mapping) else {}
    every = context.get("vendorIds")
    told = every.get(cookie) if isinstance(every, Mapping) else None
    return told if isinstance(told, Mapping) else {}


def bridged(event: Event, told: Mapping[str, Any]) -> Event:
    """The event as its vendor's own script knows the visitor, where the cookie has named them."""
    known = told.get("id")
    if not isinstance(known, str) or not known or event.anonymous_id is None:
        return event
    return msgspec.structs.replace(event, anonymous_id=known)


def own(values: Any) -> dict[str, Any]:
    """An event's properties or traits as a dict; {} when it has none."""
    return dict(values) if isinstance(values, Mapping) else {}


def _take(
    found: dict[str, Any], told: Mapping[str, Any], names: tuple[tuple[str, str], ...]
) -> None:
    for key, name in names:
        value = told.get(key)
        if value is not None and not isinstance(value, (dict, list)):
            found[name] = value


def _split_url(found: dict[str, Any]) -> None:
    try:
        url, referrer = (
            urlsplit(str(found.get("url", ""))),
            urlsplit(str(found.get("referrer", ""))),
        )
    except ValueError:
        return
    parts = {"host": url.netloc, "scheme": url.scheme, "query": url.query,
             "plain_url": str(found.get("url", "")).partition("#")[0].partition("?")[0],
             "referrer_host": referrer.netloc}  # fmt: skip
    found.update((name, value) for name, value in parts.items() if value)


def _split_screen(found: dict[str, Any]) -> None:
    for name in ("screen", "viewport"):
        if name not in found:
            continue
        width, _, height = str(found.pop(name)).partition("x")
        if width.isdigit() and height.isdigit():
            found[f"{name}_width"], found[f"{name}_height"] = int(width), int(height)
