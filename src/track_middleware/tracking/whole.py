"""The end of an exchange whose response is known whole: head and body in one step.

Most pages are; what comes in pieces is closed, fed and finished step by step.
"""

from __future__ import annotations

from collections.abc import Mapping

from .exchange import Exchange
from .newcomer import brought
from .response import Ending
from .shareable import PRIVATE
from .usual import is_page, shown

#: What becomes of a usual page besides its tag.
_SHOWN = Ending(PRIVATE)


def settled(
    exchange: Exchange, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Ending, bytes]:
    """What becomes of the response, and its body with the tag in it: the very same object where
    there is none. Headers as for ``close``; the exchange is finished."""
    if exchange.usual is not None and status == 200:
        end = _shown(exchange, headers, body)
        if end is not None:
            return end
    ending = exchange.close(status, headers)
    if ending.injector is not None:
        body = ending.injector.whole(body)
    exchange.finish()
    return ending, body


def is_usual(exchange: Exchange, status: int, headers: Mapping[str, str]) -> bool:
    """Whether head and body are best settled together: so far it is a usual page."""
    return exchange.usual is not None and status == 200 and is_page(headers)


def _shown(
    exchange: Exchange, headers: Mapping[str, str], body: bytes
) -> tuple[Ending, bytes] | None:
    """A usual page with its tag, after which the exchange is over; None where it is another."""
    look, core, request = exchange._loaded_user, exchange._core, exchange._request
    # To look may make the exchange another's: it may say that somebody impersonates.
    if look is not None and look() is not None:
        return None
    held = exchange.usual
    if held is None:
        return None
    made = shown(core, request, held, exchange._at, exchange._route, headers, body)
    if made is None:
        return None
    body, frame, exchange._page_id = made
    exchange._closed = exchange._finished = True
    exchange._loaded_user = None
    core.keep_last((frame,))
    request.forget()
    ending = Ending(PRIVATE, brought(core, request, held)) if held.is_new else _SHOWN
    return ending, body
