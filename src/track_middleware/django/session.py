"""The campaign's mirror in Django's session.

Our middleware stands outside the session's, which has saved its session when the response comes by;
so a new campaign is written, and the session's own middleware asked once more to save it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange


def arrived(
    request: HttpRequest, response: HttpResponseBase, exchange: Exchange
) -> dict[str, str] | None:
    """A campaign that has just arrived on a request that came with a session's cookie."""
    if not exchange.has_news or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    return exchange.mirror(headers(response))


def headers(response: HttpResponseBase) -> dict[str, str]:
    """A response's headers by lower-case name. Django keeps them so, and by its public names each
    would be looked up again."""
    found = {}
    for name, (_, value) in response.headers._store.items():
        found[name] = value
    return found


def mirror(request: HttpRequest, response: HttpResponseBase, campaign: dict[str, str]) -> None:
    """Puts a campaign into the session that the request came with, which this loads and saves."""
    session: Any = request.__dict__["session"]
    session.get("track_campaign")  # loads it; one that is no longer there loses its key
    if session.session_key != request.COOKIES[settings.SESSION_COOKIE_NAME]:
        return
    session["track_campaign"] = campaign
    _middleware().process_response(request, response)


@lru_cache(maxsize=1)
def _middleware() -> Any:
    """The project's session middleware, which may be a class of its own."""
    for path in settings.MIDDLEWARE:
        found = import_string(path)
        if isinstance(found, type) and issubclass(found, SessionMiddleware):
            return found(_no_response)
    return SessionMiddleware(_no_response)


def _no_response(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
