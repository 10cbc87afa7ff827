"""The public verbs: each finds its tracker and speaks to it.

Inside a request that is the current exchange; elsewhere the tracker that ``wiring.found`` names.
In production a mistake in a call is counted and logged once, and the verb returns None.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from . import wiring
from .tracking.exchange import Exchange
from .tracking.tracker import Tracker
from .wiring import found

Moment = datetime | date | float | str

_current = wiring.CURRENT.get


def track(
    name: str,
    properties: Mapping[str, Any] | None = None,
    *,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: Moment | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Records that something happened; returns the event's id once it is on disk.

    In a request visitor, session, page and campaign come along; elsewhere pass ``user_id``.
    ``event_id`` (1 to 100 characters) makes the call idempotent: the same id is one event.
    ``timestamp`` is a datetime (naive means UTC), epoch seconds or ISO 8601. None when no event was
    kept: no consent, an excluded path, a full disk; ``status`` counts them by reason.

    In development (``debug``) a wrong argument raises EventError, a TypeError.
    """
    exchange = _current()
    speaker: Exchange | Tracker
    if exchange is not None and not exchange.finished:
        speaker = exchange
    else:
        speaker = tracker = found().tracker
        if anonymous_id is None and timestamp is None and event_id is None and context is None:
            return tracker.say(name, properties, user_id)
    return speaker.track(
        name,
        properties,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


def page(
    name: str | None = None, properties: Mapping[str, Any] | None = None, **given: Any
) -> str | None:
    """Records a page view; in a request whose view the server counts, names that one view.

    Takes the keywords of ``track``.
    """
    return _speaker().page(name, properties, **given)


def screen(
    name: str | None = None, properties: Mapping[str, Any] | None = None, **given: Any
) -> str | None:
    """Records a screen of an app. Takes the keywords of ``track``."""
    return _speaker().screen(name, properties, **given)


def identify(
    user_id: str | None = None, traits: Mapping[str, Any] | None = None, **given: Any
) -> str | None:
    """Says who somebody is; in a request the visitor becomes this user.

    Takes the keywords of ``track``.
    """
    return _speaker().identify(user_id, traits, **given)


def group(group_id: str, traits: Mapping[str, Any] | None = None, **given: Any) -> str | None:
    """Says which group (company, team) somebody belongs to. Takes the keywords of ``track``."""
    return _speaker().group(group_id, traits, **given)


def alias(user_id: str, previous_id: str | None = None, **given: Any) -> str | None:
    """Says that two ids are one person; in a request ``previous_id`` is the visitor's.

    Takes the keywords of ``track``.
    """
    return _speaker().alias(user_id, previous_id, **given)


def flush(timeout: float = 10.0) -> bool:
    """Waits until what this process has accepted is delivered or in the store's retries.

    Ends the merge window of waiting page views. False when ``timeout`` seconds were not enough;
    nothing is lost then either.
    """
    return found().flush(timeout)


def configure(**settings: Any) -> None:
    """Sets up this process's tracker by keyword (the settings' names); SettingsError if wrong."""
    wiring.configure(settings)


def _speaker() -> Exchange | Tracker:
    exchange = _current()
    return exchange if exchange is not None and not exchange.finished else found().tracker
