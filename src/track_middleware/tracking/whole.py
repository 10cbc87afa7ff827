"""The end of an exchange whose response is known whole: head and body in one step.

Most pages are; what comes in pieces is closed, fed and finished step by step.
"""

from __future__ import annotations

from collections.abc import Mapping

from .exchange import Exchange
from .response import Ending


def settled(
    exchange: Exchange, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Ending, bytes]:
    """What becomes of the response, and its body with the tag in it: the very same object where
    there is none. Headers as for ``close``; the exchange is finished."""
    ending = exchange.close(status, headers)
    if ending.injector is not None:
        body = ending.injector.whole(body)
    exchange.finish()
    return ending, body
