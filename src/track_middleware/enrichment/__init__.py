"""What an event's raw facts mean: device, bot, referrer, channel, country, vendors' ids.

Pure and without I/O but package data; it runs in the worker, never on the request path. What is
derived stands beside the event's body with ``VERSION``, and can be derived again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from .. import bridge
from ..event import Event
from . import agent as agents
from . import channel as channels
from . import referrer as referrers
from . import vendor_ids
from .place import Place, country

__all__ = ["FOLLOWING", "READS", "VERSION", "Place", "arrival", "enrich"]

#: Raised whenever the same facts may come to mean something else.
VERSION = 1

#: The keys of a context from which something may follow; beside them, an entry's facts.
READS = frozenset({"userAgent", "page", "campaign", "ip"})

#: What follows from an event's own words alone, so that it can be derived again from them.
FOLLOWING = frozenset({"browser", "os", "device", "bot", "referrer", "channel", "click"})


def enrich(
    event: Event,
    facts: Mapping[str, str] | None,
    *,
    place: Place | None = None,
    people: Collection[str] = (),
) -> dict[str, Any]:
    """The context keys that an event's context and its entry's facts imply; {} when none do.

    ``browser os device bot`` from the user agent, ``referrer channel click`` from page and
    campaign, ``location`` from ``facts["country"]`` or ``place``, ``ga`` from Google's cookies,
    ``vendorIds`` from other vendors'.
    What the sender told itself stays (a phone's SDK knows its device): such a key is left out,
    ``bot`` excepted. ``people`` names bot classes that count as people, such as ``automation``
    where driven browsers are the visitors.
    """
    context = event.context if isinstance(event.context, Mapping) else {}
    derived = {**_agent(event, context, people), **arrival(context)}
    if facts or place is not None:
        derived |= {**_location(context, facts or {}, place), **_ids(event, facts or {})}
    return {key: value for key, value in derived.items() if key == "bot" or not context.get(key)}


#: Apps speak through libraries whose names servers' programs use too.
_APPS = frozenset({"ios", "android"})


def _agent(event: Event, context: Mapping[str, Any], people: Collection[str]) -> dict[str, Any]:
    text = _text(context, "userAgent")
    if not text:
        return _nameless(event, context)
    told = agents.agent(text).wire()
    bot = told.get("bot")
    if bot and (bot["class"] in people or _text(context, "platform") in _APPS):
        del told["bot"]
        told["device"]["type"] = "desktop" if bot["class"] in people else "mobile"
    return told


def _nameless(event: Event, context: Mapping[str, Any]) -> dict[str, Any]:
    """Every browser names itself: a page asked of the server without a name was a program's."""
    asked = event.type == "page" and "status" in _mapping(context, "page")
    return {"bot": {"name": "nameless", "class": "other"}} if asked else {}


def arrival(context: Mapping[str, Any]) -> dict[str, Any]:
    """Where a visit came from: ``referrer channel click``, as a context's page and campaign say it.
    A page reached from the same site, without a campaign, does not say: it has no ``channel``."""
    page = _mapping(context, "page")
    told = _mapping(context, "campaign")
    campaign = tuple((key, value) for key, value in told.items() if _is(value)) if told else ()
    is_short = not campaign or sum(len(value) for _, value in campaign) <= _LONGEST
    arrived = _arrived if is_short else _arrived.__wrapped__
    came, click, channel = arrived(
        referrers.referrer(_text(page, "referrer"), referrers.host(_text(page, "url"))),
        campaign, bool(page),
    )  # fmt: skip
    found: dict[str, Any] = {"referrer": came.wire()} if came else {}
    if click:
        found["click"] = {"name": click[0], "platform": click[1]}
    return found if channel is None else {**found, "channel": channel}


#: Longer campaigns, in characters, are not remembered.
_LONGEST = 1000


@lru_cache(maxsize=1024)
def _arrived(
    came: referrers.Referrer | None, said: tuple[tuple[str, str], ...], is_page: bool
) -> tuple[referrers.Referrer | None, tuple[str, str] | None, str | None]:
    campaign = dict(said)
    inside = came is not None and came.kind == "internal"
    if not campaign and (not is_page or inside):
        return came, None, None
    channel = channels.channel(campaign, referrers.source(campaign, came))
    return came, referrers.click(campaign), channel


def _location(
    context: Mapping[str, Any], facts: Mapping[str, str], place: Place | None
) -> dict[str, Any]:
    code = country(facts, _text(context, "ip"), place)
    return {"location": {"country": code}} if code else {}


def _ids(event: Event, facts: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if vendor_ids.CLIENT in facts and (google := vendor_ids.ga(event, facts)):
        told["ga"] = google
    if others := bridge.vendor_ids(event, facts):
        told["vendorIds"] = others
    return told


def _mapping(context: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = context.get(key)
    # Asking for the abstract type costs four times as much.
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def _text(context: Mapping[str, Any], key: str) -> str:
    value = context.get(key)
    return value if isinstance(value, str) else ""


def _is(value: object) -> bool:
    return isinstance(value, str) and bool(value)
