"""What Django already knows of a request: the user it has loaded, the route it has matched."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from . import impersonation, site

#: Reads an attribute as it lies; a lazy object's own look at each is a call more.
_lying: Callable[[object, str], Any] = object.__getattribute__

#: Without any of these, and without a user, nobody has been loaded and no operator acts.
_SAYING = frozenset(("session", "impersonator", "_cached_user", "_acached_user"))


def asked_about(request: HttpRequest) -> HttpRequest | None:
    """What the ``user_id`` setting is asked about: nothing while an operator acts as somebody."""
    return None if _has_operator(request) else request


def seen(request: HttpRequest) -> str | None:
    """The id of the user that the project has loaded; "" for nobody, None for not loaded, and while
    an operator acts as somebody.

    Looks at what lies in the request and triggers nothing: loading the user would add
    ``Vary: Cookie`` to every page, and is a database query. A lazy user is what it has loaded.
    """
    lying = request.__dict__
    if "user" not in lying and lying.keys().isdisjoint(_SAYING):
        return None  # a project without users, or a page before them
    if (
        "impersonator" in lying or getattr(lying.get("session"), "_session_cache", None)
    ) and _has_operator(request):  # fmt: skip
        return None
    user = lying.get("user")
    if isinstance(user, LazyObject):
        user = _lying(user, "_wrapped")
        if user is empty:
            user = None
    if user is None:
        user = lying.get("_cached_user") or lying.get("_acached_user")
    if user is None:
        return None
    return id_of(user) if user.is_authenticated else ""


def _has_operator(request: HttpRequest) -> bool:
    """Whether an operator acts as the request's user, of which its exchange is told. Where
    ``user_id`` is set, users have other ids than the session's."""
    operator = impersonation.operator(request)
    if operator is None:
        return False
    named = site.wiring().settings.user_id is None
    request.track.impersonating(operator if named else "")
    return True


def id_of(user: Any) -> str:
    """A user's id as events carry it."""
    return str(user.pk)


class _Routes(dict[str, str]):
    """Route templates by the patterns that were matched: a project's are few."""

    def __missing__(self, pattern: str) -> str:
        if len(self) >= _MOST_ROUTES:
            self.clear()
        self[pattern] = made = route(pattern)
        return made


_MOST_ROUTES = 1024
ROUTES = _Routes()


def route(pattern: str) -> str:
    """A matched pattern as a route template; anchors of regular expressions are left out."""
    return "/" + re.sub(r"(?<![\[\\])\^|(?<!\\)\$|\\Z", "", pattern)
