"""What the page itself shows: whether it has the tag, whole, permitted, and nobody else's. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape

from ..globs import matching
from ..settings import Settings
from . import markup, policy
from .client import Answer
from .finding import Finding
from .markup import Tag
from .visit import Visit

_META_POLICY = re.compile(
    rb'<meta\s+http-equiv="?content-security-policy"?\s+content="([^"]*)"', re.IGNORECASE
)

#: Where compression belongs, by framework.
_OUTSIDE = (
    "let compression stand outside TrackMiddleware: in Django before it in MIDDLEWARE, in "
    "Starlette and FastAPI by an add_middleware that comes later"
)


def answered(visit: Visit) -> Iterator[Finding]:
    """Whether there is a page to look at."""
    page = visit.page
    if not 200 <= page.status < 300:
        message = f"{visit.url} answers {page.status}: there is no page to look at"
    elif "html" not in page.header("content-type").lower():
        message = f"{visit.url} is no HTML document: there is nothing to tag"
    else:
        return
    yield Finding("page", "error", message, "give the doctor a page that everybody may see")


def cut(visit: Visit) -> Iterator[Finding]:
    """Whether the end is missing: a length that was stated before the tag came in."""
    page, head = visit.page, visit.head
    stated = page.header("content-length")
    as_untagged = head is not None and bool(stated) and head.header("content-length") == stated
    if not page.whole or (as_untagged and not markup.ends(page.body)):
        yield Finding(
            "cut", "error",
            f"the page is cut off: {page.length} bytes came, and its end is not among them; "
            "something states the length that it had without the tag",
            "let nothing outside TrackMiddleware set Content-Length, or let it count the body that "
            "it passes on",
        )  # fmt: skip


def untagged(visit: Visit, settings: Settings) -> Iterator[Finding]:
    """Why there is no tag."""
    page, excluded = visit.page, matching(settings.exclude)
    if visit.plain is not None and markup.tag(visit.plain.body) is not None:
        encoding = page.header("content-encoding")
        message = f"the page is compressed ({encoding}) before the tag can be put into it"
        yield Finding("order", "error", message, _OUTSIDE)
    elif excluded is not None and excluded.match(policy.place(page.url).path):
        message = "exclude names this page: it is not tracked"
        yield Finding("excluded", "warning", message, "give the doctor another page")
    elif not settings.inject:
        message = "inject is off, and the page does not say where the tag goes"
        yield Finding("tag", "error", message, "put {% track_script %} into the page's template")
    else:
        aged = " (it comes from a cache)" if page.header("age") not in ("", "0") else ""
        yield Finding(
            "tag", "error", f"the page has no tag{aged}: it did not come through TrackMiddleware",
            "add the middleware to the app that answers this address, and let nothing else answer "
            "its pages",
        )  # fmt: skip


def permitted(visit: Visit, tag: Tag) -> Iterator[Finding]:
    """Whether the page's own policy lets the script load and speak."""
    page = visit.page
    policies = page.lines("content-security-policy")
    policies += [unescape(each.decode("latin-1")) for each in _META_POLICY.findall(page.body)]
    script = policy.place(page.url)._replace(path=f"{tag.base}/m.js")
    by = policy.forbidding(policies, script, governs=policy.SCRIPTS, nonce=tag.nonce)
    if by:
        yield Finding(
            "csp", "error", f"the page's Content-Security-Policy forbids the script: {by}",
            "let the policy's header name 'self' or a nonce in script-src; where the header comes "
            "from outside the app, 'self' or the path of the script",
        )  # fmt: skip
    by = policy.forbidding(policies, script._replace(path=f"{tag.base}/q"), governs=policy.CALLS)
    if by:
        message = f"the page's Content-Security-Policy forbids what the script sends: {by}"
        yield Finding("csp", "error", message, "add 'self' to connect-src")


def cached(visit: Visit, settings: Settings) -> Iterator[Finding]:
    """Whether somebody who asks anew gets what another was given."""
    name = f"{settings.cookie_name}_v"
    tokens = _each(visit, lambda page: (found := markup.tag(page.body)) and found.signed)
    visitors = _each(visit, lambda page: _cookie(page, name))
    if len(set(tokens)) < len(tokens) or len(set(visitors)) < len(visitors):
        yield Finding(
            "cache", "error",
            "a cache gives one visitor's page, with its token and cookies, to the next",
            "let the cache heed Cache-Control and Set-Cookie (nginx: no proxy_ignore_headers); "
            "pages that are the same for everybody belong into `shared`",
        )  # fmt: skip
    elif tokens and not visitors:
        yield Finding(
            "cookies", "error", "the page has a token, and no cookie of ours came with it",
            "let Set-Cookie through (nginx: proxy_hide_header; CDNs strip it from what they cache)",
        )  # fmt: skip


def _each(visit: Visit, of: Callable[[Answer], str | None]) -> list[str]:
    return list(filter(None, map(of, visit.pages)))


def _cookie(page: Answer, name: str) -> str | None:
    start = f"{name}="
    lines = [line for line in page.lines("set-cookie") if line.startswith(start)]
    return lines[0].partition(";")[0] if lines else None
