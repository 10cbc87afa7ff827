"""Where a request comes from: the client's address and country, and whether a POST is ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..http import Request
from .consent import Consent
from .core import Core
from .identity import Identity
from .privacy import client_address

#: Headers that CDNs put a visitor's country in; believed only behind a trusted proxy.
_COUNTRY = ("cf-ipcountry", "x-vercel-ip-country", "cloudfront-viewer-country", "eo-ipcountry")


def address(core: Core, request: Request) -> str:
    """The client's whole address, for what is kept in memory and nowhere else."""
    proxies = core.settings.trusted_proxies
    if not proxies:
        return request.peer
    return client_address(request.peer, request.header("x-forwarded-for"), proxies)


def country(core: Core, request: Request) -> dict[str, str] | None:
    """The CDN's word on the country, as the facts of an entry."""
    if core.settings.trusted_proxies:
        named = next(filter(None, map(request.header, _COUNTRY)), "")
        if named:
            return {"country": named[:2].upper()}
    return None


def facts(
    core: Core, request: Request, identity: Identity, consent: Consent | None = None
) -> dict[str, str] | None:
    """The raw values of a request that only enrichment reads: the CDN's word on the country,
    vendors' cookies; these not where the request has become another visitor's, and for what
    ``consent`` (the request's unless it is given) permits."""
    return told(core, request, None if identity.is_another else consent or identity.consent)


def told(core: Core, request: Request, consent: Consent | None) -> dict[str, str] | None:
    """As ``facts``, for what this permits; None: the vendors' cookies are another's."""
    found = country(core, request) or {}
    if core.vendor_cookies is not None and consent is not None:
        found |= core.vendor_cookies.values(request.cookie, consent)
    return found or None


def is_ours(request: Request, linked: frozenset[str]) -> bool:
    """Whether a POST comes from our own pages, or a linked domain's.

    ``Sec-Fetch-Site`` is the browser's own word (W3C Fetch Metadata); without it the Origin must be
    this host. A client that sends neither is no browser, and could forge both.
    """
    site = request.header("sec-fetch-site")
    if site == "same-origin":
        return True
    origin = request.header("origin")
    if not origin:
        return site in ("", "none")
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.hostname in linked:
        return True
    return not site and bool(parts.netloc) and parts.netloc.lower() == request.host.lower()
