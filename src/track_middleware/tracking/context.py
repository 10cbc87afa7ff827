"""The ``context`` of an event as Segment's spec and docs/wire.md have it.

What the same few values make again and again is remembered by exactly these values.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

import msgspec

_SAFE = "/-._~!$&'()*+,;=:@%"

#: Longer ones are no browser's, and are not remembered.
_LONGEST = 512


class Page(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """A page and, once it is there, its response. ``url`` is absolute, ``path`` as people read it;
    ``duration_ms`` how long the response took to begin and end."""

    url: str
    path: str
    id: str | None = None
    route: str | None = None
    referrer: str | None = None
    status: int | None = None
    duration_ms: float | None = None


class Context(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """What holds for every event of one request. ``session``, ``campaign`` and ``first_campaign``
    are JSON; ``migrated`` is the tool that knew the visitor before."""

    page: Page
    library: msgspec.Raw
    platform: str
    consent: dict[str, str]
    user_agent: str | None = None
    ip: str | None = None
    locale: str | None = None
    session: msgspec.Raw | None = None
    campaign: msgspec.Raw | None = None
    first_campaign: msgspec.Raw | None = None
    cookieless: bool = False
    migrated: str | None = None


def url(scheme: str, host: str, path: str, query: str) -> str:
    """An absolute URL of parts; the path is percent-encoded where it must be."""
    if not (path.isascii() and path.isprintable() and " " not in path):
        path = quote(path, _SAFE)
    return f"{scheme}://{host}{path}?{query}" if query else f"{scheme}://{host}{path}"


def language(accept_language: str) -> str | None:
    """The language that a browser prefers: the first of its Accept-Language."""
    return _language(accept_language[:_LONGEST])


@lru_cache(maxsize=1024)
def _language(accept_language: str) -> str | None:
    return accept_language.partition(",")[0].partition(";")[0].strip()[:40] or None
