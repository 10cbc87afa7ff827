"""Where a visit came from: source, medium and channel of a referrer and a campaign.

No I/O happens here but the reading of our own table of hosts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

from . import hosts
from .hosts import Source

SCHEMES = frozenset({"http", "https", "android-app"})


@dataclass(frozen=True, slots=True)
class Referrer:
    """What a referrer means. ``kind`` is search, social, ai, video, shopping, email, other, or
    ``internal``: the page's own site, whose ``source`` says nothing about where a visit began."""

    kind: str
    source: str
    medium: str
    term: str | None = None
    origin: Source | None = None

    def wire(self) -> dict[str, str]:
        """Its form in an event's context."""
        told = {"kind": self.kind, "source": self.source, "medium": self.medium}
        return {**told, "term": self.term} if self.term else told


_MEDIUM = {"search": "organic", "social": "social", "ai": "ai", "video": "video",
           "shopping": "shopping", "email": "email"}  # fmt: skip


def referrer(url: str, page_host: str) -> Referrer | None:
    """What a referrer's URL means on a page of this host; None when it is no referrer.

    Internal is a host that equals the page's (both lower case, without ``www.``, as ``host``
    gives them), and ``localhost`` never counts (plausible/analytics, source.ex).
    """
    return _known(url[:_LENGTH], page_host[:_LENGTH]) if url else None


#: A URL is read up to this many characters: its host stands in front, its term soon after.
_LENGTH = 2048


@lru_cache(maxsize=4096)
def _known(url: str, page_host: str) -> Referrer | None:
    scheme = url.partition("://")[0].lower()
    name = host(url)
    if scheme not in SCHEMES or not name or name == "localhost":
        return None
    if name == page_host:
        return Referrer("internal", name, "internal")
    _, _, rest = url.partition("://")
    path, _, query = rest.partition("?")
    source = hosts.of_host(name, path[path.find("/") :].lower() if "/" in path else "")
    if source is None:
        return Referrer("other", name, "referral", origin=Source(name, "other"))
    medium = _MEDIUM[source.kind]
    return Referrer(source.kind, source.name, medium, _term(source, query), source)


def host(url: str) -> str:
    """The host of a URL, lower case and without ``www.`` and port; "" when it has none."""
    _, found, rest = url.partition("://")
    if not found:
        return ""
    before = rest.partition("/")[0]
    return (_host if len(before) <= _LONG_HOST else _host.__wrapped__)(before)


#: Longer ones are nobody's, and are not remembered.
_LONG_HOST = 260


@lru_cache(maxsize=4096)
def _host(before: str) -> str:
    netloc = _END_OF_HOST.split(before, maxsplit=1)[0].rpartition("@")[2].lower()
    name = netloc.partition("]")[0] + "]" if netloc.startswith("[") else netloc.partition(":")[0]
    return name.rstrip(".").removeprefix("www.")


_END_OF_HOST = re.compile(r"[?#\\]")

#: A search term longer than this is cut.
_TERM = 200


def _term(source: Source, query: str) -> str | None:
    if not source.terms or not query:
        return None
    pairs = [
        pair for pair in query[:2000].split("&")[:50] if pair.partition("=")[0] in source.terms
    ]
    values = parse_qs("&".join(pairs), errors="replace")
    for name in source.terms:
        if (told := values.get(name)) and told[0].strip():
            return told[0].strip()[:_TERM]
    return None


#: Click ids in the order that decides when several are present (walkerOS), with their platform.
PLATFORMS = {
    "gclid": "Google Ads", "wbraid": "Google Ads", "gbraid": "Google Ads",
    "dclid": "Google Campaign Manager", "gclsrc": "Google Search Ads 360", "fbclid": "Meta",
    "igshid": "Instagram", "igsh": "Instagram", "msclkid": "Microsoft Advertising",
    "ttclid": "TikTok", "twclid": "X", "li_fat_id": "LinkedIn", "epik": "Pinterest",
    "sclid": "Snapchat", "sccid": "Snapchat", "rdt_cid": "Reddit", "qclid": "Quora",
    "yclid": "Yandex", "ymclid": "Yandex", "ysclid": "Yandex", "dicbo": "Outbrain",
    "obclid": "Outbrain", "ob_click_id": "Outbrain", "tblci": "Taboola", "mc_cid": "Mailchimp",
    "mc_eid": "Mailchimp", "_kx": "Klaviyo", "_hsenc": "HubSpot", "_hsmi": "HubSpot",
    "s_kwcid": "Adobe Advertising", "ef_id": "Adobe Advertising", "mkt_tok": "Adobe Marketo",
    "irclickid": "Impact", "cjevent": "CJ Affiliate", "_branch_match_id": "Branch",
    "gad_source": "Google Ads", "aclk": "Microsoft Advertising", "ndclid": "Nextdoor",
}  # fmt: skip

#: Whom a click id stands for when neither ``utm_source`` nor a referrer says it.
_CLICKED = {
    "Google Ads": "google", "Google Search Ads 360": "google", "Microsoft Advertising": "bing",
    "Meta": "facebook", "Instagram": "instagram", "TikTok": "tiktok", "X": "twitter",
    "LinkedIn": "linkedin", "Pinterest": "pinterest", "Snapchat": "snapchat", "Reddit": "reddit",
    "Quora": "quora", "Yandex": "yandex", "Nextdoor": "nextdoor",
}  # fmt: skip


def click(campaign: Mapping[str, str]) -> tuple[str, str] | None:
    """The click id that decides, and its platform: (``gclid``, ``Google Ads``)."""
    return next(((name, PLATFORMS[name]) for name in PLATFORMS if name in campaign), None)


def source(campaign: Mapping[str, str], came: Referrer | None) -> Source | None:
    """Who sent the visit: what the campaign names, else the referrer, else the click id's owner."""
    if told := campaign.get("source"):
        return hosts.of_name(told[:200]) or Source(told[:200], "other")
    if came is not None and came.origin is not None:
        return came.origin
    clicked = click(campaign)
    if clicked is None:
        return None
    return hosts.of_name(_CLICKED.get(clicked[1], "")) or Source(clicked[1], "other")
