"""The decision table: what is a page view, and which half counts it.

Header names and meanings: W3C Fetch Metadata, WICG nav-speculation, and the documentation of htmx,
Turbo and Unpoly; docs/pageviews.md shows the table.
"""

from __future__ import annotations

from typing import Literal

from ..event import Counting
from ..http import Header, Request

#: ``navigation``  a person's top-level GET; the server counts its page.
#: ``speculative`` the same before anybody looks: prefetch, prerender; counted when shown.
#: ``browser``     a whole page fetched by a script (boosted, restored, Turbo, kept by a service
#:                 worker): the browser's view.
#: ``fragment``    a part of a page; no document, never tagged.
#: ``other``       forms, API calls, images, frames.
Visit = Literal["navigation", "speculative", "browser", "fragment", "other"]

_SPECULATION = ("sec-purpose", "x-sec-purpose", "purpose", "x-moz", "x-purpose")
_SPECULATIVE = ("prefetch", "prerender", "preview", "instant")


def visit(request: Request) -> Visit:
    """What kind of visit a request is, by its method and headers alone."""
    header, destination = request.header, request.destination
    if request.method != "GET":
        return "fragment" if _is_fragment(header) else "other"
    if destination == "document":
        # Only the browser itself asks for a document: a script's headers cannot be on it.
        return "speculative" if _says_speculative(request.purpose) else "navigation"
    if header("hx-boosted") == "true" or header("hx-history-restore-request") == "true":
        return "browser"
    if _is_fragment(header):
        return "fragment"
    if destination:
        return _fetched(header, destination)
    return _without_metadata(header)


def _fetched(header: Header, destination: str) -> Visit:
    """A script's fetch: speculation has an empty destination, and so have a Turbo visit and the
    copies that a service worker keeps, whatever they accept."""
    if destination != "empty":
        return "other"
    return "speculative" if _is_speculative(header) else "browser"


def _without_metadata(header: Header) -> Visit:
    """Plain http and old browsers send no Sec-Fetch headers."""
    if header("x-turbo-request-id"):
        return "browser"
    if header("upgrade-insecure-requests") == "1" or "text/html" in header("accept"):
        return "speculative" if _is_speculative(header) else "navigation"
    return "speculative" if _is_speculative(header) else "other"


def _is_speculative(header: Header) -> bool:
    return any(_says_speculative(header(name)) for name in _SPECULATION)


def _says_speculative(value: str) -> bool:
    return bool(value) and any(word in value.lower() for word in _SPECULATIVE)


def _is_fragment(header: Header) -> bool:
    return bool(
        header("hx-request")
        or header("turbo-frame")
        or header("x-up-target")
        or header("x-requested-with").lower() == "xmlhttprequest"
    )


def counting(kind: Visit, method: str, status: int) -> Counting:
    """Who counts the view of an HTML document: the server, the browser once it is shown, or nobody
    (answers to forms, errors)."""
    if method != "GET" or not 200 <= status < 300 or kind in ("fragment", "other"):
        return "never"
    return "counted" if kind == "navigation" else "shown"


class _Html(dict[str, bool]):
    """Whether a content type is HTML or XHTML; the last ones are remembered."""

    def __missing__(self, content_type: str) -> bool:
        mime = content_type.partition(";")[0].strip().lower()
        if len(self) >= _MOST_TYPES:
            self.clear()
        self[content_type] = mime in ("text/html", "application/xhtml+xml")
        return self[content_type]


_MOST_TYPES = 256

#: Content type -> whether it is HTML or XHTML.
HTML = _Html()
