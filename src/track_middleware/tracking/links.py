"""Follows a link to a linked domain: ``GET /<prefix>/x?u=<address>``."""

from __future__ import annotations

from urllib.parse import parse_qs

from ..http import Reply, Request
from .core import Core
from .crossing import bare, host_of
from .door import refusal
from .identity import Identity


def follow(core: Core, request: Request, identity: Identity) -> Reply:
    """A redirect to the address, with the visitor's word where there is one to give. Never to a
    host that is not linked; and whoever may not be tracked gets there all the same."""
    crossing = core.crossing
    if crossing is None:
        return refusal(404, "nothing here")
    try:
        given = parse_qs(request.query, max_num_fields=10).get("u", [""])
    except ValueError:
        given = []
    target = crossing.target(given[0]) if len(given) == 1 else None
    if target is None:
        return refusal(400, "not a linked address")
    url, visitor = target.url, identity.visitor
    # Nothing of a page on https goes over plain http.
    safe = target.secure or request.scheme != "https"
    if visitor is not None and safe and _from_our_page(request):
        url = crossing.decorated(
            target, visitor, identity.peeked_session(),
            nonce=core.new_id(), now=identity.at, agent=request.agent,
        )  # fmt: skip
    return Reply(302, (("Location", url), ("Cache-Control", "no-store")))


def _from_our_page(request: Request) -> bool:
    """Whether a page of this host has the link: by the browser's own word, else by the Referer."""
    site = request.header("sec-fetch-site")
    if site:
        return site == "same-origin"
    return bool(request.host) and host_of(request.referrer) == bare(request.host)
