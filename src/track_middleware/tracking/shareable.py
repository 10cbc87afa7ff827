"""Whether a shared cache may store a response (RFC 9111), which then must be everybody's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

_AGE = re.compile(r"(?:^|[,\s])(?:s-maxage|max-age)\s*=\s*\"?0*[1-9]", re.IGNORECASE)
_PUBLIC = re.compile(r"(?:^|[,\s])public(?:$|[,\s])", re.IGNORECASE)
_PRIVATE = re.compile(r"(?:^|[,\s])(?:private|no-store)(?:$|[,\s=])", re.IGNORECASE)

#: Headers by which an origin speaks to its CDN alone (RFC 9213, and the vendors' own older names).
CDN_HEADERS = frozenset((
    "cdn-cache-control", "surrogate-control", "cloudflare-cdn-cache-control",
    "vercel-cdn-cache-control", "netlify-cdn-cache-control", "fastly-cache-control",
    "akamai-cache-control", "edge-control", "x-accel-expires", "surrogate-key", "cache-tag",
))  # fmt: skip

#: Those that only name what a CDN may store; whether it may is said elsewhere.
_CDN_TAGS = frozenset(("surrogate-key", "cache-tag"))

#: Without any of these a response says nothing of caches.
SPEAKING = CDN_HEADERS | {"cache-control", "expires"}


def shareable(headers: Mapping[str, str], now: float) -> bool:
    """Whether the response with these headers (lower-case names) may be stored for others."""
    if SPEAKING.isdisjoint(headers):
        return False
    to_cdn = not CDN_HEADERS.isdisjoint(headers)
    if to_cdn and any(
        _speaks(value)
        for name, value in headers.items()
        if name in CDN_HEADERS and name not in _CDN_TAGS
    ):
        return True  # a CDN follows its own header, whatever Cache-Control says (RFC 9213, 2.2)
    control = headers.get("cache-control")
    if control:
        if _PRIVATE.search(control):
            return False
        if _PUBLIC.search(control) or _AGE.search(control):
            return True
    if to_cdn and not _CDN_TAGS.isdisjoint(headers):
        return True
    expires = headers.get("expires")
    return expires is not None and _in_future(expires, now)


def _speaks(value: str) -> bool:
    return bool(value) and not _PRIVATE.search(value) and value.strip() != "0"


def _in_future(expires: str, now: float) -> bool:
    try:
        return parsedate_to_datetime(expires).timestamp() > now
    except (TypeError, ValueError, OverflowError):
        return False


def made_private(control: str | None) -> tuple[tuple[str, str], ...]:
    """The Cache-Control header that a response gets: ``private`` added to whatever is there."""
    if not control:
        return PRIVATE
    kept = control if _HAS_PRIVATE(control) else f"{control}, private"
    return (("Cache-Control", kept),)


PRIVATE = (("Cache-Control", "private"),)
_HAS_PRIVATE: Callable[[str], object] = re.compile(
    r"(?:^|[,\s])private(?:$|[,\s])", re.IGNORECASE
).search
