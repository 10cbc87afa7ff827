"""Who acts as somebody else, by what the usual packages leave in Django's session and request.

django-hijack: ``hijack_history``, the ids of whoever hijacked, the first first
(hijack/views.py). django-su: ``exit_users_pk``, pairs of id and backend (django_su/utils.py).
django-loginas: the operator's signed id under ``LOGINAS_FROM_USER_SESSION_FLAG``
(loginas/utils.py). django-impersonate: the operator as ``request.impersonator``
(impersonate/middleware.py).

Only a session that the project has loaded is looked at: loading it would add ``Vary: Cookie``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest


def operator(request: HttpRequest) -> str | None:
    """The id of the operator who acts as the request's user; "" where it cannot be read, None when
    nobody does."""
    lying = request.__dict__
    impersonator = lying.get("impersonator")
    if impersonator is not None:
        return str(impersonator.pk)
    session = lying.get("session")
    held = None if session is None else getattr(session, "_session_cache", None)
    if not held:
        return None
    for key, read in _readers().items():
        if held.get(key):
            return read(held[key])
    return None


@cache
def _readers() -> Mapping[str, Callable[[Any], str]]:
    """What to look for in a session, and how the operator's id is read from it."""
    loginas = getattr(settings, "LOGINAS_FROM_USER_SESSION_FLAG", "loginas_from_user")
    return {
        "hijack_history": _first,
        "exit_users_pk": lambda said: _first(_first_of(said)),
        loginas: _signed,
    }


def _first_of(said: Any) -> Any:
    return said[0] if isinstance(said, (list, tuple)) and said else None


def _first(said: Any) -> str:
    first = _first_of(said)
    return "" if first is None else str(first)


def _signed(said: Any) -> str:
    """Older releases wrote the id as it is."""
    text = str(said)
    try:
        return str(signing.TimestampSigner().unsign(text))
    except signing.BadSignature:
        return "" if ":" in text else text
