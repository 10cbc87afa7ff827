"""What an exchange begins with: who it is, what it may say, and what its response becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import pageview, routes
from .identity import identified
from .own import Own
from .response import Response
from .scene import Scene

if TYPE_CHECKING:
    from .exchange import Exchange

#: The parts, which ``make`` makes together.
PARTS = frozenset(("_identity", "_response", "_scene", "_visit"))


def make(exchange: Exchange) -> None:
    """Makes the parts of an exchange that is not, or no longer, a usual page's."""
    core, request = exchange._core, exchange._request
    exchange.usual = None
    exchange._identity = identity = identified(core, request, exchange._at)
    exchange._scene = scene = Scene(core, request, identity, exchange._route)
    visit: pageview.Visit = "other"
    path = request.path
    if path.startswith(core.starts) and (rest := routes.own(path)) is not None:
        exchange.own = Own(core, request, identity, rest)
    elif core.excluded is not None and core.excluded.match(path) is not None:
        exchange.excluded = True
    else:
        visit = pageview.visit(request)
        if visit == "navigation":
            identity.arrive()
    exchange._visit = visit
    exchange._response = Response(core, request, identity, scene, visit)
