"""The way of a request for the console through the project's middleware chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.http import HttpRequest

from .. import wiring as wirings

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange

#: The project's URLs with the console's before them; imported when the console is first asked for.
_ROOTS = "track_middleware.django.roots"


@contextmanager
def through(request: HttpRequest, exchange: Exchange) -> Iterator[None]:
    """Nothing of the request is tracked, and its path leads to our views."""
    exchange.excluded = True
    request.urlconf = _ROOTS
    token = wirings.CURRENT.set(exchange)
    try:
        yield
    finally:
        wirings.CURRENT.reset(token)
        exchange.finish()
