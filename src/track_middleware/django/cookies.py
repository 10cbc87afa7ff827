"""Our cookies in Django's responses: one header line each, made once."""

from __future__ import annotations

from http.cookies import Morsel
from typing import Any

from django.http.response import HttpResponseBase

from ..http import Cookie


class Line(Morsel):  # type: ignore[type-arg]
    """A cookie whose header line is ready; Django would parse it and put it together again."""

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802  the standard library's name
        """The value of its ``Set-Cookie`` header."""
        return self.line

    line: str = ""


def add(response: HttpResponseBase, cookie: Cookie) -> None:
    """Adds a cookie that ``response.cookies`` shows like any other; of two of one name (the host's
    alone and the domain's) the first under a key of its own."""
    line = Line()
    line.set(cookie.name, cookie.value, cookie.value)
    line.line = cookie.line()
    line["max-age"], line["path"], line["samesite"] = cookie.max_age, "/", "Lax"
    line["httponly"] = cookie.http_only
    if cookie.secure:
        line["secure"] = True
    if cookie.domain:
        line["domain"] = cookie.domain
    former = response.cookies.get(cookie.name)
    if isinstance(former, Line):
        dict.__setitem__(response.cookies, f"{cookie.name} {former['domain']}", former)
    dict.__setitem__(response.cookies, cookie.name, line)
