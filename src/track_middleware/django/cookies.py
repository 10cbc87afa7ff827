"""Our cookies in Django's responses: one header line each, made once."""

from __future__ import annotations

from http.cookies import Morsel
from typing import Any, Self

from django.http.response import HttpResponseBase

from ..http import Cookie, Terms


class Line(Morsel):  # type: ignore[type-arg]
    """A cookie whose header line is ready; Django would parse it and put it together again. One
    that was changed or copied is put together like any other."""

    # Made of a morsel's whole attributes, which Morsel's own would first set one by one.
    __init__ = dict.__init__

    line: str = ""
    _key: str
    _value: str
    _coded_value: str

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802  the standard library's name
        """The value of its ``Set-Cookie`` header."""
        return self.line if self.line and attrs is None else super().OutputString(attrs)

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:
        """Header and value, as a morsel puts them together; Django asks for this."""
        return f"{header} {self.line if self.line and attrs is None else self.OutputString(attrs)}"

    # Whoever changes it (a middleware that hardens all cookies, an app that deletes ours) is heard.

    def __setitem__(self, name: str, value: Any) -> None:
        self.line = ""
        super().__setitem__(name, value)

    def setdefault(self, name: str, value: Any = None) -> Any:
        """As a morsel's."""
        self.line = ""
        return super().setdefault(name, value)

    def update(self, values: Any) -> None:  # type: ignore[override]
        """As a morsel's."""
        self.line = ""
        super().update(values)

    def __delitem__(self, name: str) -> None:
        self.line = ""
        super().__delitem__(name)

    def __ior__(self, more: Any) -> Self:  # type: ignore[override,misc]
        self.line = ""
        return super().__ior__(more)

    def pop(self, *name: Any) -> Any:
        """As a dict's."""
        self.line = ""
        return super().pop(*name)

    def popitem(self) -> tuple[str, Any]:
        """As a dict's."""
        self.line = ""
        return super().popitem()

    def clear(self) -> None:
        """As a dict's."""
        self.line = ""
        super().clear()

    def set(self, key: str, val: Any, coded_val: str) -> None:
        """As a morsel's."""
        self.line = ""
        super().set(key, val, coded_val)


def add(response: HttpResponseBase, cookies: tuple[Cookie, ...]) -> None:
    """Adds cookies that ``response.cookies`` shows like any other; of two of one name (the host's
    alone and the domain's) the first under a key of its own."""
    before = response.cookies
    response.cookies = shown = type(before)()
    if before:
        dict.update(shown, before)
    for cookie in cookies:
        terms = cookie.terms
        line = Line(_KNOWN.get(terms.said) or _attributes(terms))
        # As a morsel keeps them, whose own ``set`` looks for what is no cookie in ours.
        line._key = name = cookie.name
        line._value = line._coded_value = value = cookie.value
        line.line = f"{name}={value}{terms.said}"
        if name in shown:
            _keep_apart(shown, name)
        _set(shown, name, line)


#: A jar's own would ask whether it is a morsel.
_set = dict.__setitem__


def _keep_apart(shown: Any, name: str) -> None:
    """A cookie of ours gets a key of its own, as another of its name is to come."""
    former = shown[name]
    if isinstance(former, Line):  # any middleware may set a cookie of such a name, too
        _set(shown, f"{name}.{former['domain']}", former)


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
    if len(_KNOWN) >= _MOST_TERMS:
        _KNOWN.clear()
    _KNOWN[terms.said] = made = dict(morsel)
    return made


#: Such attributes by what the terms say in a header, whose hash lies ready.
_KNOWN: dict[str, dict[str, Any]] = {}
_MOST_TERMS = 64
