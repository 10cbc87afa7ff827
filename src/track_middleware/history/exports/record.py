"""What the readers of vendors' exports have in common: values, times, ids, and what is redacted.

Functions over values; no I/O happens here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from uuid import UUID

from ...event import ID_LENGTH, Event
from ...patterns import Patterns
from ...settings import Settings
from ...tracking import ids
from ...tracking.campaign import CLICK_IDS, UTM
from ...tracking.privacy import kept_address
from ...tracking.redaction import Redaction

#: One line of an export: a JSON object, or a row of CSV by its columns.
Record = Mapping[str, Any]

#: A record -> its event, None for one that says nothing to keep. ValueError for what is no record
#: of this export: its text says why.
Read = Callable[[Record], Event | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site's settings say of what may be kept. ``zone``: of times that name none."""

    redaction: Redaction
    traits: frozenset[str] | None
    ip: str
    zone: tzinfo | None = None

    def properties(self, given: object) -> dict[str, Any] | None:
        """Properties without what ``redact`` names."""
        return (self.redaction.bag(given) or None) if isinstance(given, dict) else None

    def kept_traits(self, given: object) -> dict[str, Any] | None:
        """Traits, of these only those that ``traits`` allows."""
        left = self.properties(given)
        if left is None or self.traits is None:
            return left
        return {name: value for name, value in left.items() if name in self.traits} or None

    def url(self, given: object) -> str | None:
        """An address without secrets."""
        return self.redaction.url(given) if isinstance(given, str) and given else None

    def address(self, given: object) -> str | None:
        """What is kept of a client's address."""
        return kept_address(given, self.ip) if isinstance(given, str) and given else None


def rules(settings: Settings, zone: tzinfo | None) -> Rules:
    """The rules of these settings."""
    patterns = Patterns(settings.redact_patterns, ids=CLICK_IDS)
    traits = None if settings.traits is None else frozenset(settings.traits)
    return Rules(Redaction(settings.redact, patterns=patterns), traits, settings.ip, zone)


def present(**values: Any) -> dict[str, Any]:
    """A dict of what is not empty."""
    return {name: value for name, value in values.items() if value not in (None, "", {})}


def text(value: object) -> str | None:
    """An id or a name as text; None for nobody and nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    found = str(value).strip()
    return None if found.lower() in ids.NOBODY else found[:255]


def event_id(vendor: str, *parts: object) -> str:
    """An event's id by the vendor's own: a UUID stays one, any other is the vendor's."""
    told = [str(part) for part in parts if part not in (None, "")]
    if not told:
        raise ValueError("it has no id: the same line would be another event each time")
    try:
        return str(UUID(told[0])) if len(told) == 1 else _named(vendor, told)
    except ValueError:
        return _named(vendor, told)


def _named(vendor: str, parts: list[str]) -> str:
    name = ":".join([vendor, *parts])
    return name if len(name) <= ID_LENGTH else ids.derived(name)


def moment(value: object) -> datetime:
    """The moment of an ISO 8601 text, in UTC where it names no zone; ValueError for none."""
    if not isinstance(value, str) or not value:
        raise ValueError("it tells no time")
    found = datetime.fromisoformat(value.strip().removesuffix(" UTC"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def campaign(said: Record) -> dict[str, str] | None:
    """The campaign of ``utm_`` members."""
    found = {wire: str(said[name])[:512] for name, wire in UTM.items() if said.get(name)}
    return found or None


def context(rules: Rules, *, ip: object = None, **more: Any) -> dict[str, Any]:
    """An event's context: that it came by an import, and what more is not empty."""
    return {"platform": "backfill", **present(ip=rules.address(ip), **more)}
