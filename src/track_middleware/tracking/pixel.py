"""The view of a browser without JavaScript: ``GET /<prefix>/n.png?k=<page token>``.

The address stands in a ``<noscript>`` element, as a preload: that is the one form that may stand in
a head as well as in a body (WHATWG HTML, 4.12.2; an ``<img>`` would end the head there).
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from ..event import Entry, Event, PageRef, iso
from ..http import Reply, Request
from . import origin
from .context import language
from .core import Core
from .identity import Identity
from .privacy import kept_address

#: Seconds after which a token's page is no longer on its way to anybody.
FRESH = 1800.0

#: How much is kept of a User-Agent and of the page's address.
_AGENT, _URL = 1024, 8192

#: One transparent dot.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNgYAAAAAMAASsJTYQAAAAASUVORK5CYII="
)

#: The answer, whatever was asked.
REPLY = Reply(
    200,
    (
        ("Content-Type", "image/png"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ),
    PNG,
)


def confirm(core: Core, request: Request, identity: Identity) -> None:
    """Confirms the page view that the question names, when a browser's page asks it: for an image,
    now, and not beforehand. Programs that read pages do not follow preloads, and those that say
    who they are have their class all the same."""
    page = core.tokens.read(_token(request.query))
    if page is None or not core.settings.noscript or not identity.allowed:
        return
    if not _is_shown(request):
        return
    if not 0 <= identity.at - page.made <= FRESH:
        return
    # Asked again, it is the same load: a page that is shown anew without a script says nothing.
    page.load = page.id.replace("-", "")
    core.keep_last((_entry(core, request, identity, page),))


def _entry(core: Core, request: Request, identity: Identity, page: PageRef) -> Entry:
    person, at = identity.person(), identity.at
    event = Event(
        "1", "page", iso(at),
        anonymous_id=person.visitor if person else None,
        user_id=person.user if person else None,
        context=_context(core, request, identity, page.id),
        received_at=iso(at),
    )  # fmt: skip
    return Entry(
        "confirm", at, event, origin=page.load or "", person=person, page=page,
        consent=identity.consent, facts=origin.facts(core, request, identity),
    )  # fmt: skip


def _context(core: Core, request: Request, identity: Identity, page_id: str) -> dict[str, Any]:
    whole = origin.address(core, request)
    url = core.redaction.url(request.referrer[:_URL])
    page = {"id": page_id, "url": url, "path": _path(url), "noscript": True}
    said = {
        "page": {name: value for name, value in page.items() if value},
        "userAgent": request.agent[:_AGENT],
        "ip": kept_address(whole, core.settings.ip) if whole else None,
        "locale": language(request.language),
        "consent": identity.consent,
        "library": core.library,
        "platform": "web",
    }
    return {name: value for name, value in said.items() if value}


def _is_shown(request: Request) -> bool:
    if request.method != "GET" or request.purpose:
        return False
    if request.destination:
        return request.destination == "image"
    return "image/" in request.header("accept")


def _token(query: str) -> str:
    return query[2:] if query.startswith("k=") else ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
