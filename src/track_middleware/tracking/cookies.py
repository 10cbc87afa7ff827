"""Our three cookies: reading, verifying and writing them.

Each is a signed JSON array under its own salt. What has been verified is remembered by the very
text that it was read from, so that a visitor's cookies are verified once and not with every
request; nothing unverified is.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from ..http import Cookie
from ..settings import Settings
from .consent import Choice
from .context import json, standing
from .session import Session
from .signing import Seal
from .visitor import Visitor

#: A cookie of ours never has more bytes; browsers must allow 4,096 (RFC 6265, 6.1).
MOST_BYTES = 1500
_MOST_REMEMBERED = 4096

#: Whole Cookie headers that are remembered, and how long one may be.
_MOST_HEADERS, _LONGEST_HEADER = 1024, 4096

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
        encoded = binascii.b2a_base64(json(held), newline=False)
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


class Held(msgspec.Struct, frozen=True, gc=False):
    """What a request's Cookie header holds of ours: the raw values of the visitor's and session's
    cookies (None where there is none), what they say once they are verified, and the choice.
    ``standing`` is what an event says of this session and visitor where nothing has changed them.
    """

    visitor_value: str | None = None
    session_value: str | None = None
    choice: Choice | None = None
    visitor: Visitor | None = None
    session: Session | None = None
    standing: bytes = b""


_EMPTY = Held()


class Cookies:
    """The three jars, and the cookies that a response sets or deletes.

    ``domain_of`` gives the Domain attribute for a host; None for a cookie of this host only.
    """

    __slots__ = ("_domain_of", "_known", "_mark", "_max_age", "choice", "session", "visitor")

    def __init__(
        self, settings: Settings, keys: Sequence[str], domain_of: Callable[[str], str | None]
    ) -> None:
        name = settings.cookie_name
        self.visitor = Jar(f"{name}_v", Visitor, keys)
        self.session = Jar(f"{name}_s", Session, keys)
        self.choice = Jar(f"{name}_c", Choice, keys)
        self._mark = f"{name}_"
        self._max_age = settings.cookie_max_age
        self._domain_of = domain_of
        self._known: dict[str, Held] = {}

    def held(self, header: str) -> Held:
        """What a Cookie header holds of ours. Visitor and session are there only where ``verified``
        has read them before, from the same header."""
        known = self._known.get(header)
        if known is not None:
            return known
        if self._mark not in header:
            return _EMPTY
        chosen = value_of(header, self.choice.name)
        return Held(
            value_of(header, self.visitor.name),
            value_of(header, self.session.name),
            self.choice.read(chosen) if chosen else None,
        )

    def verified(self, header: str, held: Held) -> Held:
        """``held`` with the visitor and the session that its values hold; for a visitor who may be
        tracked."""
        visitor = self.visitor.read(held.visitor_value or "")
        if visitor is None:
            return held
        session = self.session.read(held.session_value) if held.session_value else None
        campaign = session.campaign if session is not None else None
        said = standing(session, campaign, visitor.first)
        whole = Held(held.visitor_value, held.session_value, held.choice, visitor, session, said)
        if len(header) <= _LONGEST_HEADER:
            if len(self._known) >= _MOST_HEADERS:
                self._known.clear()
            self._known[header] = whole
        return whole

    def set(self, jar: Jar[Any], held: msgspec.Struct, *, host: str, secure: bool) -> Cookie:
        """The cookie that keeps a value."""
        return Cookie(jar.name, jar.write(held), self._max_age, secure, self._domain_of(host))

    def delete(self, jar: Jar[Any], *, host: str, secure: bool) -> list[Cookie]:
        """The cookies that delete a jar's; also one of this host alone, from before
        ``cookie_domain`` said more: a browser keeps both."""
        domains = dict.fromkeys((self._domain_of(host), None))
        return [Cookie(jar.name, "", 0, secure, domain) for domain in domains]


def value_of(header: str, name: str) -> str | None:
    """A cookie's value in a Cookie header; None where there is none of that name."""
    sign = f"{name}="
    at = header.find(sign)
    while at > 0 and header[at - 2 : at] != "; " and header[at - 1] != ";":  # in another
        at = header.find(sign, at + 1)
    return header[at + len(sign) :].partition(";")[0].strip(' "') if at >= 0 else None
