"""The console's views: reached through the whole middleware chain, so that the project's own
sign-in, second factor and allow-lists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.views.decorators.csrf import csrf_exempt

from ..console.permission import is_developers
from ..http import Errand
from . import errand, site
from .boundary import ours
from .middleware import described

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange


def operator(request: HttpRequest) -> bool:
    """Whether a request is an operator's: staff; in development also who sits at this machine."""
    user = getattr(request, "user", None)
    if user is not None and user.is_active and getattr(user, "is_staff", False):
        return True
    return bool(settings.DEBUG) and is_developers(described(request))


@csrf_exempt  # type: ignore[untyped-decorator]
def page(request: HttpRequest, **_path: Any) -> HttpResponseBase:
    """Every page, table, action and file of the console; its forms carry a token of their own."""
    asked = _asked(request)
    allowed = _allowed(request)
    if allowed is False and (away := _to_sign_in(request)) is not None:
        return away
    return errand.answer(asked, request, ours, allowed=allowed)


@csrf_exempt  # type: ignore[untyped-decorator]
async def stream(request: HttpRequest, **_path: Any) -> HttpResponseBase:
    """Events as they come."""
    asked = _asked(request)
    allowed = await sync_to_async(_allowed)(request)
    response = await errand.aanswer(asked, request, ours, allowed=allowed)
    # GZipMiddleware would keep what it compresses until there is more of it.
    response["Content-Encoding"] = "identity"
    return response


def _asked(request: HttpRequest) -> Errand:
    """What is asked for; Http404 where the middleware has not seen the console's path."""
    exchange: Exchange | None = getattr(request, "track", None)
    if exchange is None or exchange.own is None or not exchange.own.is_console:
        raise Http404
    reply = exchange.reply(b"")
    assert isinstance(reply, Errand)
    return reply


def _allowed(request: HttpRequest) -> bool | None:
    """What the setting's callable says; None where there is a token instead. One that fails
    permits nobody, and nothing of ours is answered with a 5xx."""
    found = ours(_said, request)
    return False if found is None else found[0]


def _said(request: HttpRequest) -> tuple[bool | None]:
    try:
        return (site.wiring().console.permission.asked(request),)
    except PermissionDenied:
        return (False,)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase | None:
    """Where somebody who is not signed in may do so, if the project has such a page."""
    user = getattr(request, "user", None)
    is_known = user is None or user.is_authenticated
    if is_known or site.wiring().settings.console != site.OPERATOR or request.method != "GET":
        return None
    from django.contrib.auth.views import redirect_to_login  # with models that few need

    try:
        address = reverse("admin:login")
    except NoReverseMatch:
        address = resolve_url(settings.LOGIN_URL)
        try:
            resolve(address)
        except Resolver404:
            return None
    return redirect_to_login(request.get_full_path(), address)
