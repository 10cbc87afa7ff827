"""The usual page: its visitor is known or new, nothing has changed, and nobody asks for more.

Most requests are that from their beginning to their end, and for them the parts of an exchange are
never made: what their view says lies ready with the cookies, or is made as they will hold it, and
the rest is said in one step (``whole``). Whatever is unusual takes the way of all others, which
says the same.
"""

from __future__ import annotations

from ..http import Request
from .campaign import campaign
from .cookies import Held
from .core import Core
from .newcomer import newcomer


def usual(core: Core, request: Request, at: float) -> Held | None:
    """What the cookies of such a request hold, or shall hold; None where it is another. No header
    of it refuses anything. Its visitor's session goes on, and no query brings a campaign; or there
    is no visitor yet."""
    if (
        request.destination != "document" or request.method != "GET" or request.purpose
        or request.gpc or not core.is_plain
    ):  # fmt: skip
        return None
    path, excluded, cookies = request.path, core.excluded, core.cookies
    if path.startswith(core.starts) or (excluded is not None and excluded.match(path)):
        return None
    held = cookies.known.get(request.cookie)
    if held is None:
        if cookies.mark not in request.cookie:
            return newcomer(core, request, at, None) if core.greets else None
        held = _verified(core, request.cookie)
        if held.is_choice_alone and core.is_first and _permits(core, held) and not cookies.rotates:
            return newcomer(core, request, at, held.choice)
    if at > held.lasts or (request.query and _brings(core, request.query)):
        return None
    return held


def _brings(core: Core, query: str) -> bool:
    """Whether a query brings a campaign, or may bring another site's visitor."""
    return core.crossing is not None or bool(campaign(core.redaction.query(query)))


def _verified(core: Core, cookie: str) -> Held:
    """What a header holds that comes for the first time; who may not be tracked is not read."""
    held = core.cookies.held(cookie)
    is_read = held.visitor_value and _permits(core, held)
    return core.cookies.verified(cookie, held) if is_read else held


def _permits(core: Core, held: Held) -> bool:
    """Whether its choice, or what holds without one, lets the visitor be tracked."""
    return core.rules.decide(held.choice, ())[1]
