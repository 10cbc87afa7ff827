"""Our cookies in Django's responses: one header line each, made once."""

from __future__ import annotations

from functools import lru_cache
from http.cookies import Morsel
from typing import Any

from django.http.response import HttpResponseBase

from ..http import Cookie, Terms


class Line(Morsel):  # type: ignore[type-arg]
    """A cookie whose header line is ready; Django would parse it and put it together again."""

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802  the standard library's name
        """The value of its ``Set-Cookie`` header."""
        return self.line

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:
        """Header and value, as a morsel puts them together; Django asks for this."""
        return f"{header} {self.line}"

    line: str = ""


def add(response: HttpResponseBase, cookie: Cookie) -> None:
    """Adds a cookie that ``response.cookies`` shows like any other; of two of one name (the host's
    alone and the domain's) the first under a key of its own."""
    line = Line.__new__(Line)
    dict.update(line, _attributes(cookie.terms))
    said = {"key": cookie.name, "value": cookie.value, "coded_value": cookie.value}
    line.__setstate__(said)  # type: ignore[attr-defined]  # typeshed leaves it out
    line.line = cookie.line()
    former = response.cookies.get(cookie.name)
    if isinstance(former, Line):
        dict.__setitem__(response.cookies, f"{cookie.name} {former['domain']}", former)
    dict.__setitem__(response.cookies, cookie.name, line)


@lru_cache(maxsize=64)
def _attributes(terms: Terms) -> dict[str, Any]:
    """What a cookie's morsel says beside its name and value; a morsel looks at each word by itself,
    and ours say the same again and again."""
    morsel: Morsel[str] = Morsel()
    morsel["max-age"], morsel["path"], morsel["samesite"] = terms.max_age, "/", "Lax"
    morsel["httponly"] = terms.http_only
    if terms.secure:
        morsel["secure"] = True
    if terms.domain:
        morsel["domain"] = terms.domain
    return dict(morsel)
