"""The ``context`` of an event as Segment's spec and docs/wire.md have it, as typed values."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec

from ..event import iso
from .session import Session

_SAFE = "/-._~!$&'()*+,;=:@%"


class PageContext(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """The document that an event happened in; ``duration_ms`` is what the server took for it."""

    id: str | None = None
    url: str | None = None
    path: str | None = None
    route: str | None = None
    referrer: str | None = None
    title: str | None = None
    status: int | None = None
    duration_ms: float | None = None


class SessionContext(msgspec.Struct, frozen=True, gc=False):
    """The session; ``start`` is ISO 8601."""

    id: str
    number: int
    start: str


class Context(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """Everything that a request says about its events."""

    page: PageContext | None = None
    session: SessionContext | None = None
    campaign: dict[str, str] | None = None
    first_campaign: dict[str, str] | None = None
    user_agent: str | None = None
    ip: str | None = None
    locale: str | None = None
    consent: dict[str, str] | None = None
    library: Any = None
    platform: str | None = None


def session_context(session: Session) -> SessionContext:
    """What an event says of its session."""
    return _session(session.id, session.number, session.start)


@lru_cache(maxsize=4096)
def _session(session_id: str, number: int, start: int) -> SessionContext:
    return SessionContext(session_id, number, iso(start))


def url(scheme: str, host: str, path: str, query: str) -> str:
    """An absolute URL of parts; the path is percent-encoded where it must be."""
    plain = (
        path if path.isascii() and path.isprintable() and " " not in path else quote(path, _SAFE)
    )
    return f"{scheme}://{host}{plain}?{query}" if query else f"{scheme}://{host}{plain}"


@lru_cache(maxsize=1024)
def language(accept_language: str) -> str | None:
    """The language that a browser prefers: the first of its Accept-Language."""
    return accept_language.partition(",")[0].partition(";")[0].strip()[:40] or None
