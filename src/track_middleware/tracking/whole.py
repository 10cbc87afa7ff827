"""The end of an exchange whose response is known whole: head and body in one step.

Most pages are; what comes in pieces is closed, fed and finished step by step.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import origin
from .consent import Consent, as_json
from .context import page, url
from .cookies import Held
from .exchange import Exchange
from .inject import tagged
from .response import Ending
from .scene import took, view
from .shareable import PRIVATE
from .usual import is_page
from .whose import Whose, json

#: What becomes of a usual page besides its tag.
_SHOWN = Ending(PRIVATE)


def settled(
    exchange: Exchange, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Ending, bytes]:
    """What becomes of the response, and its body with the tag in it: the very same object where
    there is none. Headers as for ``close``; the exchange is finished."""
    if exchange.usual is not None and status == 200 and is_page(headers):
        # To look may make the exchange another's: it may say that somebody impersonates.
        look = exchange._loaded_user
        is_loaded = look is not None and look() is not None
        held = None if is_loaded else exchange.usual
        if held is not None and held.whose is not None:
            return _shown(exchange, held, held.whose, headers["content-type"], body)
    ending = exchange.close(status, headers)
    if ending.injector is not None:
        body = ending.injector.whole(body)
    exchange.finish()
    return ending, body


def is_usual(exchange: Exchange, status: int, headers: Mapping[str, str]) -> bool:
    """Whether head and body are best settled together: so far it is a usual page."""
    return exchange.usual is not None and status == 200 and is_page(headers)


def _shown(
    exchange: Exchange, held: Held, whose: Whose, content_type: str, body: bytes
) -> tuple[Ending, bytes]:
    """A usual page with its tag, after which the exchange is over."""
    core, request = exchange._core, exchange._request
    exchange._page_id = page_id = core.new_id()
    token = core.tokens.make(page_id, exchange._at, "counted")
    tag = core.snippet.tag(f"{request.root_path}/{core.prefix}", token, "")
    body = tagged(body, tag, content_type, everywhere=core.settings.inject)
    consent = core.rules.usual if held.choice is None else core.rules.decide(held.choice, ())[0]
    frame = _frame(exchange, page_id, whose, consent)
    exchange._closed = exchange._finished = True
    exchange._loaded_user = None
    core.keep_last((frame,))
    is_due = exchange._at > held.until
    ending = Ending(PRIVATE, core.cookies.due(held, request, exchange._at)) if is_due else _SHOWN
    request.forget()
    return ending, body


def _frame(exchange: Exchange, page_id: str, whose: Whose, consent: Consent) -> bytes:
    """The frame of a usual page's view."""
    core, request, at = exchange._core, exchange._request, exchange._at
    redaction, query, referrer = core.redaction, request.query, request.referrer
    path = redaction.path(request.root_path + request.path)
    where = url(request.scheme, request.host, path, redaction.query(query) if query else query)
    referrer = redaction.url(referrer) if referrer else ""
    measured = f',"status":200,"durationMs":{took(core.now() - at)}'
    shown = page(where, path, page_id, exchange._route, referrer, measured)
    peer, rest = request.peer, ',"awaitHalf":true'
    if core.is_told_of_origins:
        peer, facts = origin.address(core, request), origin.told(core, request, consent)
        rest = rest if facts is None else f',"facts":{json(facts).decode()}{rest}'
    client = core.clients[request.agent, peer, request.language]
    return view(core, at, page_id, whose, shown, client, as_json(consent), rest)
