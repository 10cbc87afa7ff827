"""What an exchange begins with: who it is, what it may say, and what its response becomes."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..http import Request
from . import pageview, routes
from .banners import heard
from .cookies import Held
from .core import Core
from .identity import Identity
from .own import Own
from .response import Response
from .scene import Scene


class Parts(NamedTuple):
    """The parts of an exchange; ``own``: its request is for one of our own paths."""

    identity: Identity
    scene: Scene
    visit: pageview.Visit
    response: Response
    own: Own | None
    excluded: bool


def parts(core: Core, request: Request, at: float, held: Held | None, page_id: str | None) -> Parts:
    """Of an exchange that is not, or no longer, a usual page's: ``held`` is what that was made of,
    ``page_id`` that of the view that it has told of before."""
    identity = identified(core, request, at)
    if held is not None and held.is_new:
        identity.become(held.visitor, held.session)
        identity.campaign_arrived = held.campaign_arrived
    scene = Scene(core, request, identity, known_page_id=page_id)
    visit: pageview.Visit = "other"
    own, excluded, path = None, False, request.path
    if path.startswith(core.starts) and (rest := routes.own(path)) is not None:
        own = Own(core, request, identity, rest)
    elif core.excluded is not None and core.excluded.match(path) is not None:
        excluded = True
    else:
        visit = pageview.visit(request)
        if visit == "navigation":
            identity.arrive()
    response = Response(core, request, identity, scene, visit)
    return Parts(identity, scene, visit, response, own, excluded)


def part(index: int) -> Any:
    """The property of an exchange that is one of its ``Parts``, made by the first one asked for."""
    return property(lambda exchange: (exchange._made or (exchange._make(),))[0][index])


def identified(core: Core, request: Request, at: float) -> Identity:
    """Who a request is. Consent is decided first: who may not be tracked is not even read."""
    cookies = core.cookies
    held, denied = cookies.held(request.cookie), core.rules.denied(request)
    news = core.banners and heard(request.cookie, core.banners, held.choice, at)
    consent, allowed = core.rules.decide(news.choice if news else held.choice, denied)
    if not allowed:
        identity = Identity(core, request, at, held, denied, consent, allowed, None)
        identity._deleting = held.visitor_value is not None or held.session_value is not None
    else:
        if held.visitor is None and held.visitor_value:
            held = cookies.verified(request.cookie, held)
        identity = Identity(core, request, at, held, denied, consent, allowed, held.visitor)
    if news:
        identity._choice, identity.heard = news.choice, news if news.source else None
    return identity
