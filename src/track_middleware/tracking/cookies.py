"""Our three cookies: reading, verifying and writing them.

Each is a signed JSON array under its own salt. A verified value is remembered, so that a visitor's
cookie is verified once and not with every request; nothing unverified is.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from ..http import Cookie
from ..settings import Settings
from .consent import Choice
from .session import Session
from .signing import Seal
from .visitor import Visitor

#: A cookie of ours never has more bytes; browsers must allow 4,096 (RFC 6265, 6.1).
MOST_BYTES = 1500
_MOST_REMEMBERED = 4096

_T = TypeVar("_T", bound=msgspec.Struct)


class Jar(Generic[_T]):
    """One of the cookies: a signed value of one type."""

    __slots__ = ("_decoder", "_known", "_seal", "name")

    def __init__(self, name: str, kind: type[_T], keys: Sequence[str]) -> None:
        self.name = name
        self._seal = Seal(keys, f"track-middleware/{kind.__name__.lower()}/1")
        self._decoder = msgspec.json.Decoder(kind)
        self._known: dict[str, _T] = {}

    def read(self, value: str) -> _T | None:
        """What a cookie's value holds; None when it is none of ours."""
        known = self._known.get(value)
        if known is not None:
            return known
        if len(value) > MOST_BYTES:
            return None
        signed = self._seal.open(value)
        if signed is None:
            return None
        try:
            held = self._decoder.decode(binascii.a2b_base64(signed.translate(_FROM_URL)))
        except (msgspec.DecodeError, binascii.Error, UnicodeDecodeError):
            return None
        return self._remember(value, held)

    def write(self, held: _T) -> str:
        """The cookie's value for what it shall hold."""
        encoded = binascii.b2a_base64(msgspec.json.encode(held), newline=False)
        value = self._seal.sign(encoded.translate(_TO_URL))
        self._remember(value, held)
        return value

    def _remember(self, value: str, held: _T) -> _T:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[value] = held
        return held


_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


class Cookies:
    """The three jars, and the cookies that a response sets or deletes.

    ``domain_of`` gives the Domain attribute for a host; None for a cookie of this host only.
    """

    __slots__ = ("_domain_of", "_max_age", "_names", "choice", "session", "visitor")

    def __init__(
        self, settings: Settings, keys: Sequence[str], domain_of: Callable[[str], str | None]
    ) -> None:
        name = settings.cookie_name
        self.visitor = Jar(f"{name}_v", Visitor, keys)
        self.session = Jar(f"{name}_s", Session, keys)
        self.choice = Jar(f"{name}_c", Choice, keys)
        self._names = {"v": f"{name}_v=", "s": f"{name}_s=", "c": f"{name}_c="}
        self._max_age = settings.cookie_max_age
        self._domain_of = domain_of

    def values(self, header: str) -> dict[str, str]:
        """Our cookies' raw values in a Cookie header, by their letter: v, s, c."""
        if not header:
            return {}
        found = {}
        for letter, name in self._names.items():
            at = header.find(name)
            while at > 0 and header[at - 2 : at] != "; " and header[at - 1] != ";":  # in another
                at = header.find(name, at + 1)
            if at >= 0:
                found[letter] = header[at + len(name) :].partition(";")[0].strip(' "')
        return found

    def set(self, jar: Jar[Any], held: msgspec.Struct, *, host: str, secure: bool) -> Cookie:
        """The cookie that keeps a value."""
        return Cookie(jar.name, jar.write(held), self._max_age, secure, self._domain_of(host))

    def delete(self, jar: Jar[Any], *, host: str, secure: bool) -> Cookie:
        """The cookie that deletes a jar's."""
        return Cookie(jar.name, "", 0, secure, self._domain_of(host))
