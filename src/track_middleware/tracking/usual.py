"""The usual page: its visitor is known, nothing has changed, and nobody asks for more.

Most requests are that from their beginning to their end, and for them the parts of an exchange are
never made: what their view says lies ready with the cookies, and the rest is said in one step.
Whatever is unusual takes the way of all others, which says the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..http import Request
from . import pageview
from .consent import as_json
from .context import page, url
from .cookies import Held
from .core import Core
from .inject import Injector
from .response import TELLING
from .scene import took, view


def usual(core: Core, request: Request, at: float) -> Held | None:
    """What the cookies of such a request hold; None where it is another. Its visitor's session goes
    on, no header of it refuses anything, and no query could bring a campaign."""
    held = core.cookies.known.get(request.cookie)
    if (
        held is None or at > held.until or request.destination != "document" or request.query
        or request.method != "GET" or request.purpose or request.gpc or not core.is_plain
    ):  # fmt: skip
        return None
    path, excluded = request.path, core.excluded
    is_ours = path.startswith(core.starts)
    return None if is_ours or (excluded is not None and excluded.match(path)) else held


def is_page(headers: Mapping[str, str]) -> bool:
    """Whether the response with these headers is a page that says nothing but its type."""
    content_type = headers.get("content-type")
    is_html = content_type is not None and pageview.is_html(content_type)
    return is_html and TELLING.isdisjoint(headers)


def shown(
    core: Core,
    request: Request,
    held: Held,
    at: float,
    route: str | None,
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[bytes, msgspec.Raw, str] | None:
    """Such a request's page with the tag in it, the frame of its view, and the view's id; None
    where the response is no such page. Its status is 200."""
    whose = held.whose
    if whose is None or not is_page(headers):
        return None
    page_id, redaction, referrer = core.new_id(), core.redaction, request.referrer
    token = core.tokens.make(page_id, at, "counted")
    tag = core.snippet.tag(f"{request.root_path}/{core.prefix}", token, "")
    body = Injector(tag, headers["content-type"], core.settings.inject).whole(body)
    path = redaction.path(request.root_path + request.path)
    where = url(request.scheme, request.host, path, "")
    referrer = redaction.url(referrer) if referrer else ""
    measured = f',"status":200,"durationMs":{took(core.now() - at)}'
    consent = core.rules.usual if held.choice is None else core.rules.decide(held.choice, ())[0]
    frame = view(
        core, at, page_id, whose, page(where, path, page_id, route, referrer, measured),
        core.clients[request.agent, request.peer, request.language], as_json(consent),
        ',"awaitHalf":true',
    )  # fmt: skip
    return body, frame, page_id
