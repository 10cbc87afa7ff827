"""The channel of a visit: nineteen rules in order, the first that holds wins.

The rules are Google Analytics 4's default channel groups (support.google.com/analytics/answer/
9756891) as Plausible states them (plausible/analytics, lib/plausible/ingestion/acquisition.ex).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from .hosts import Source


@dataclass(frozen=True, slots=True)
class Visit:
    """What the rules look at: everything in lower case, "" when missing."""

    source: Source | None
    name: str
    utm_source: str
    medium: str
    paid: bool
    shop: bool
    clicks: frozenset[str]

    def of(self, kind: str) -> bool:
        """Whether its source is of this kind."""
        return self.source is not None and self.source.kind == kind

    def bought(self, kind: str) -> bool:
        """Whether its source is of this kind and was paid for."""
        return self.of(kind) and (self.paid or (self.source is not None and self.source.paid))

    def says(self, *words: str) -> bool:
        """Whether source or medium contain one of the words."""
        return any(word in self.utm_source or word in self.medium for word in words)


def channel(campaign: Mapping[str, str], source: Source | None) -> str:
    """The channel of a visit from ``source`` with this campaign (wire names, click ids by their
    own); ``Direct`` when there is nothing."""
    name, told, medium = (campaign.get(key, "")[:200] for key in ("name", "source", "medium"))
    clicks = _AD_CLICK_NAMES.intersection(campaign)
    return _decided(source, name.lower(), told.lower(), medium.lower(), clicks)


@lru_cache(maxsize=4096)
def _decided(
    source: Source | None, name: str, utm_source: str, medium: str, clicks: frozenset[str]
) -> str:
    visit = Visit(
        source=source,
        name=name,
        utm_source=utm_source,
        medium=medium,
        paid=_PAID.search(medium) is not None,
        shop=(source is not None and source.kind == "shopping") or bool(_SHOPPING.search(name)),
        clicks=clicks,
    )
    return next(name for name, holds in RULES if holds(visit))


_PAID = re.compile(r"cp|^(?:ppc|retargeting)$|^paid")
_SHOPPING = re.compile(r"(?:[^a-df-z]|^)shop|shopping")
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL = frozenset(
    {"social", "social-network", "social-media", "sm", "social network", "social media"}
)
_EMAIL = ("email", "e-mail", "e_mail", "e mail", "newsletter")

#: Google's click ids besides ``gclid`` are the same click on a phone.
_AD_CLICKS = {"Google": frozenset({"gclid", "wbraid", "gbraid"}), "Bing": frozenset({"msclkid"})}
_AD_CLICK_NAMES: frozenset[str] = frozenset().union(*_AD_CLICKS.values())


def _is_paid_search(visit: Visit) -> bool:
    if visit.bought("search"):
        return True
    name = visit.source.name if visit.source else ""
    return bool(_AD_CLICKS.get(name, frozenset()) & visit.clicks)


def _is_push(visit: Visit) -> bool:
    medium = visit.medium
    return (
        medium.endswith("push")
        or "mobile" in medium
        or "notification" in medium
        or visit.utm_source == "firebase"
    )


RULES: tuple[tuple[str, Callable[[Visit], bool]], ...] = (
    ("Cross-network", lambda visit: "cross-network" in visit.name),
    ("Paid Shopping", lambda visit: visit.shop and visit.paid),
    ("Paid Search", _is_paid_search),
    ("Paid Social", lambda visit: visit.bought("social")),
    ("Paid Video", lambda visit: visit.bought("video")),
    ("Display", lambda visit: visit.medium in _DISPLAY),
    ("Paid Other", lambda visit: visit.paid),
    ("Organic Shopping", lambda visit: visit.shop),
    ("Organic Social", lambda visit: visit.of("social") or visit.medium in _SOCIAL),
    ("Organic Video", lambda visit: visit.of("video") or "video" in visit.medium),
    ("AI Assistants", lambda visit: visit.of("ai")),
    ("Organic Search", lambda visit: visit.of("search")),
    ("Email", lambda visit: visit.of("email") or visit.says(*_EMAIL)),
    ("Affiliates", lambda visit: visit.medium == "affiliate"),
    ("Audio", lambda visit: visit.medium == "audio"),
    ("SMS", lambda visit: "sms" in (visit.utm_source, visit.medium)),
    ("Mobile Push Notifications", _is_push),
    (
        "Referral",
        lambda visit: visit.source is not None or visit.medium in ("referral", "app", "link"),
    ),
    ("Direct", lambda visit: True),
)
