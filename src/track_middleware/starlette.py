"""The Starlette and FastAPI face: ``app.add_middleware(TrackMiddleware, **settings)``, over ASGI.

The exchange is ``request.state.track``. Added before ``SessionMiddleware`` (so that it stands
inside it), it also mirrors a new campaign into the session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from starlette.authentication import BaseUser
from starlette.requests import Request

from . import wiring as wirings
from .asgi import App, Scope, Starting, answer
from .tracking.banner import Html, banner

if TYPE_CHECKING:
    from .tracking.exchange import Exchange
    from .wiring import Wiring


class TrackMiddleware:
    """Tracks a Starlette or FastAPI app; keyword arguments are the settings.

    SettingsError for one that cannot be used.
    """

    def __init__(self, app: App, **settings: Any) -> None:
        self.app = app
        self.wiring = wiring = wirings.build(settings)
        wiring.console.about = _about
        self.user = partial(_asked, wiring) if wiring.asks_user else _user
        self.opened = _opened

    __call__ = answer  # itself, as ASGI's own middleware


#: Where a request's scope keeps the wiring of its tracker.
_WIRING = "track_middleware.wiring"


def track_banner(request: Request, **words: Any) -> Html:
    """Our own banner, the same bytes for everybody: ``templates.env.globals["track_banner"] =
    track_banner`` for ``{{ track_banner(request) }}``. ``text``, ``accept``, ``reject``, ``label``,
    ``version`` and ``purposes`` say otherwise what it says; nothing where the request is not
    tracked."""
    scope = request.scope
    wiring: Wiring | None = scope.get(_WIRING)
    root = scope.get("app_root_path", scope.get("root_path", ""))
    return banner(wiring.tracker.core, root, **words) if wiring is not None else Html("")


@contextmanager
def _about(scope: object) -> Iterator[Request]:
    """The request that the console's callable is asked about."""
    yield Request(cast(Scope, scope))


def _opened(scope: Scope, exchange: Exchange, wiring: Wiring) -> Starting:
    """Puts the exchange where the app finds it; what is to be done when the response starts."""
    scope[_WIRING] = wiring
    state = scope.setdefault("state", {})
    if "track" in state:  # a server that shares one state among a connection's requests
        state = scope["state"] = {**state}
    state["track"] = exchange
    # The session counts only where the request carried it and its middleware stands around us.
    return _starts_with_session if scope.get("session") else _starts


def _starts(exchange: Exchange, scope: Scope, headers: Mapping[str, str]) -> None:
    """What is looked up when the response starts: the route; mostly it lies there as it is."""
    is_within = "app_root_path" in scope or "fastapi" in scope
    exchange.route = route(scope) if is_within else getattr(scope.get("route"), "path_format", None)


def _starts_with_session(exchange: Exchange, scope: Scope, headers: Mapping[str, str]) -> None:
    """The same, and a new campaign is put into the session."""
    exchange.route = route(scope)
    campaign = exchange.mirror(headers)
    if campaign:
        scope["session"]["track_campaign"] = campaign


def _asked(wiring: Wiring, scope: Scope) -> str | None:
    """The user whom the ``user_id`` setting names, else that of AuthenticationMiddleware."""
    look = wiring.user_look(lambda: Request(scope), partial(_user, scope))
    return None if look is None else look()


def _user(scope: Scope) -> str | None:
    """The user of AuthenticationMiddleware: its id, "" for nobody, None where there is none yet."""
    user = scope.get("user")
    if user is None:
        return None
    if not user.is_authenticated:
        return ""
    if getattr(type(user), "identity", None) is BaseUser.identity:  # SimpleUser has a name alone
        return str(getattr(user, "username", "")) or None
    return str(user.identity)


def route(scope: Scope) -> str | None:
    """The template of the route that was matched, with those of the mounts it lies under. FastAPI's
    context of a route of an included router knows the router's prefix."""
    matched, extended = scope.get("route"), scope.get("fastapi")
    if extended is not None:
        matched = extended.get("effective_route_context") or matched
    path = getattr(matched, "path_format", None)
    before = scope.get("app_root_path")
    if path is None:
        return None
    if before is None or before == scope.get("root_path"):
        return str(path)
    inside = scope["root_path"][len(before) :]
    return _mounts(getattr(scope.get("router"), "routes", ()), inside + "/") + str(path)


def _mounts(routes: Iterable[Any], path: str) -> str:
    """The templates of the mounts that lead along ``path``; the path itself where none is known."""
    for each in routes:
        found = each.path_regex.match(path) if hasattr(each, "path_regex") else None
        if found is None or "path" not in found.groupdict() or not hasattr(each, "routes"):
            continue
        rest = "/" + found["path"]
        return str(each.path) + ("" if rest == "/" else _mounts(each.routes, rest))
    return path.rstrip("/")
