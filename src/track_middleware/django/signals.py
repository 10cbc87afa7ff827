"""Django's sign-in signals, told to the exchange of their request."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out

from .boundary import ours
from .person import id_of


def connect() -> None:
    """Listens; a second call changes nothing."""
    user_logged_in.connect(_signed_in, dispatch_uid="track_middleware.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="track_middleware.signed_out")


def _signed_in(*, request: Any, user: Any, **_more: Any) -> None:
    exchange = getattr(request, "track", None)
    if exchange is not None:
        ours(exchange.signed_in, id_of(user))


def _signed_out(*, request: Any, user: Any = None, **_more: Any) -> None:
    exchange = getattr(request, "track", None)
    if exchange is not None:
        ours(exchange.signed_out, None if user is None else id_of(user))
