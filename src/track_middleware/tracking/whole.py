"""The end of an exchange whose response is known whole: head and body in one step.

Most pages are; what comes in pieces is closed, fed and finished step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..event import quoted
from . import origin
from .consent import as_json
from .cookies import Held
from .core import Core
from .exchange import Exchange
from .inject import tagged
from .pageview import HTML
from .response import TELLING, Ending
from .scene import took, view
from .shareable import PRIVATE
from .visitor import Visitor
from .whose import json

#: What becomes of a usual page besides its tag.
_SHOWN = Ending(PRIVATE)


def settled(
    exchange: Exchange,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    content_type: str | None = None,
) -> tuple[Ending, bytes]:
    """What becomes of the response, and its body with the tag in it: the very same object where
    there is none. Headers as for ``close``; the exchange is finished. ``content_type``: where
    ``usual_type`` has told it."""
    content_type = content_type or usual_type(exchange, status, headers)
    end = None if content_type is None else shown(exchange, content_type, body)
    return end or closed(exchange, status, headers, body)


def closed(
    exchange: Exchange, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Ending, bytes]:
    """As ``settled``, of a response that is no usual page."""
    ending = exchange.close(status, headers)
    if ending.injector is not None:
        body = ending.injector.whole(body)
    exchange.finish()
    return ending, body


def usual_type(exchange: Exchange, status: int, headers: Mapping[str, str]) -> str | None:
    """The content type of what so far is a usual page, whose head and body are best looked at
    together; None of anything else."""
    content_type = headers.get("content-type")
    if content_type is None or not is_usual(exchange, status, content_type, headers):
        return None
    return content_type


def is_usual(exchange: Exchange, status: int, content_type: str, names: Iterable[str]) -> bool:
    """Whether a response so far is one; ``names`` are its headers', in lower case."""
    return (
        exchange.usual is not None and status == 200
        and HTML[content_type] and TELLING.isdisjoint(names)
    )  # fmt: skip


def shown(exchange: Exchange, content_type: str, body: bytes) -> tuple[Ending, bytes] | None:
    """What becomes of a usual page, as ``settled``; None where it is none after all, and nothing
    has become of it yet."""
    # To look may make the exchange another's: it may say that somebody impersonates.
    look, core, at = exchange.loaded_user, exchange._core, exchange._at
    seen = None if look is None else look()
    held = exchange.usual
    if held is None or held.whose is None:
        return None
    if seen is not None and (held.visitor is None or not _confirms(core, seen, held.visitor, at)):
        return None
    request = exchange._request
    exchange._page_id = page_id = core.new_id(int(at * 1000))
    token = core.tokens.make(page_id, at, "counted")
    tag = core.snippet.tag(request.root_path, token, "")
    inject = core.settings.inject
    body = tagged(body, tag, content_type, everywhere=inject, where=request.path)
    frame = _frame(exchange, page_id, held)
    exchange._closed = exchange.finished = True
    exchange.loaded_user = None
    if core.last_keep(frame) is False:
        core.refused()
    ending = _SHOWN if at <= held.until else Ending(PRIVATE, core.cookies.due(held, request, at))
    request.forget()
    return ending, body


def _confirms(core: Core, seen: str, visitor: Visitor, at: float) -> bool:
    """Whether the user whom the app has loaded ("" for nobody) is whom the visitor's cookie says,
    and need not be noted there again."""
    if not visitor.signed_in:
        return not seen
    return visitor.user == seen and at - visitor.confirmed <= core.confirm_after


def _frame(exchange: Exchange, page_id: str, held: Held) -> bytes:
    """The frame of a usual page's view."""
    core, request, at = exchange._core, exchange._request, exchange._at
    query, route, referrer, peer = request.query, exchange.route, request.referrer, request.peer
    where, named = core.places[request.scheme, request.host, request.root_path, request.path]
    if query and (query := core.redaction.query(query)):
        where = f"{where}?{quoted(query)[1:-1]}"
    routed = "" if route is None else f',"route":{quoted(route)}'
    if referrer and (referrer := core.redaction.url(referrer)):
        referrer = f',"referrer":{quoted(referrer)}'
    rest = ',"awaitHalf":true'
    consent, said = core.rules.usual, core.rules.usual_json
    if held.choice is not None:
        consent = core.rules.decide(held.choice, ())[0]
        said = as_json(consent)
    if core.is_told_of_origins:
        peer, facts = origin.address(core, request), origin.told(core, request, consent)
        rest = rest if facts is None else f',"facts":{json(facts).decode()}{rest}'
    page = (
        f'{{{where}{named}{page_id}"{routed}{referrer},"status":200,'
        f'"durationMs":{took(core.now() - at)}}}'
    )
    client = core.clients[request.agent, peer, request.language]
    assert held.whose is not None
    return view(core, at, page_id, held.whose, page, client, said, rest)
