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

from ..http import Cookie, Request, Terms, terms
from ..settings import Settings
from .consent import DENIED, Choice
from .session import RENEW_AFTER as SEEN_AFTER
from .session import Session, kept
from .signing import Seal
from .visitor import RENEW_AFTER, Visitor
from .whose import Whose, json, whose

#: A cookie of ours never has more bytes; browsers must allow 4,096 (RFC 6265, 6.1).
MOST_BYTES = 1500
_MOST_REMEMBERED = 4096

#: Whole Cookie headers that are remembered, and how long one may be.
_MOST_HEADERS, _LONGEST_HEADER = 1024, 4096

_T = TypeVar("_T", bound=msgspec.Struct)


class Jar(Generic[_T]):
    """One of the cookies: a signed value of one type."""

    __slots__ = ("_decoder", "_known", "_open", "_sign", "name")

    def __init__(self, name: str, kind: type[_T], keys: Sequence[str]) -> None:
        self.name = name
        seal = Seal(keys, f"track-middleware/{kind.__name__.lower()}/1")
        self._open, self._sign = seal.open, seal.sign
        self._decoder = msgspec.json.Decoder(kind)
        self._known: dict[str, _T] = {}

    def read(self, value: str) -> _T | None:
        """What a cookie's value holds; None when it is none of ours."""
        known = self._known.get(value)
        if known is not None:
            return known
        if len(value) > MOST_BYTES:
            return None
        signed = self._open(value)
        if signed is None:
            return None
        try:
            held = self._decoder.decode(binascii.a2b_base64(signed.translate(_FROM_URL)))
        except (msgspec.DecodeError, binascii.Error, UnicodeDecodeError):
            return None
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[value] = held
        return held

    def write(self, held: _T) -> str:
        """The cookie's value for what it shall hold. It is not remembered: most visitors that it
        is given to come back to another process, or never."""
        text = binascii.b2a_base64(json(held), newline=False)
        # Of so many bytes a table's translation takes twice as long.
        return self._sign(text.replace(b"+", b"-").replace(b"/", b"_"))


_FROM_URL = bytes.maketrans(b"-_", b"+/")


class Held(msgspec.Struct, frozen=True, gc=False):
    """What a request's Cookie header holds of ours: the raw values of the visitor's and session's
    cookies (None where there is none), what they say once they are verified, and the choice.
    ``whose`` is what an event says of these where nothing has changed them, and ``until`` the last
    moment (epoch seconds) at which time alone changes nothing of them: neither visitor nor session
    is renewed, and the session goes on; ``lasts`` the last one at which it still goes on, and no
    more than its cookie is renewed. ``several``: there is more than one cookie of a name.
    ``is_new``: there is none yet; it is what the response shall bring.
    """

    visitor_value: str | None = None
    session_value: str | None = None
    choice: Choice | None = None
    visitor: Visitor | None = None
    session: Session | None = None
    whose: Whose | None = None
    several: bool = False
    until: float = 0.0
    lasts: float = 0.0
    is_new: bool = False

    @property
    def is_choice_alone(self) -> bool:
        """Whether there is a choice, once, and neither visitor nor session."""
        values = self.visitor_value, self.session_value
        return self.choice is not None and values == (None, None) and not self.several

    @property
    def campaign_arrived(self) -> bool:
        """Whether a campaign has brought this visitor just now."""
        return self.is_new and self.session is not None and self.session.campaign is not None


_EMPTY = Held()


class Cookies:
    """The three jars, and the cookies that a response sets or deletes.

    ``known`` are whole headers whose visitor has been verified, and may be tracked. ``mark`` stands
    in every header with a cookie of ours. ``rotates``: some may be signed with a former key.
    ``domain_of`` gives the Domain attribute for a host; None for a cookie of this host only.
    """

    __slots__ = (
        "_domain_of", "_idle", "_longest", "_max_age", "choice", "known", "mark", "rotates",
        "session", "visitor",
    )  # fmt: skip

    def __init__(
        self, settings: Settings, keys: Sequence[str], domain_of: Callable[[str], str | None]
    ) -> None:
        name = settings.cookie_name
        self.visitor = Jar(f"{name}_v", Visitor, keys)
        self.session = Jar(f"{name}_s", Session, keys)
        self.choice = Jar(f"{name}_c", Choice, keys)
        self.mark = f"{name}_"
        self.rotates = len(keys) > 1
        self._max_age = settings.cookie_max_age
        self._idle, self._longest = settings.session_timeout, settings.session_max
        self._domain_of = domain_of
        self.known: dict[str, Held] = {}

    def held(self, header: str) -> Held:
        """What a Cookie header holds of ours. Visitor and session are there only where ``verified``
        has read them before, from the same header."""
        known = self.known.get(header)
        if known is not None:
            return known
        if self.mark not in header:
            return _EMPTY
        visitor = value_of(header, self.visitor.name)
        session = value_of(header, self.session.name)
        chosen = value_of(header, self.choice.name)
        known_of = (visitor is not None) + (session is not None) + (chosen is not None)
        if header.count(self.mark) > known_of:
            choices = filter(None, map(self.choice.read, values_of(header, self.choice.name)))
            held = max(choices, key=_latest, default=None)
            some = max(values_of(header, self.visitor.name), key=len, default=None)
            if self._is_several(header):
                return Held(some, session, held, several=True)
            # One of each, though perhaps with other spaces between them than browsers write.
            last = next(iter(values_of(header, self.session.name)), None)
            return Held(some, last, held)
        return Held(visitor, session, self.choice.read(chosen) if chosen else None)

    def _is_several(self, header: str) -> bool:
        jars: tuple[Jar[Any], ...] = (self.visitor, self.session, self.choice)
        return any(len(values_of(header, jar.name)) > 1 for jar in jars)

    def verified(self, header: str, held: Held) -> Held:
        """``held`` with the visitor and the session that its values hold; for a visitor who may be
        tracked."""
        visitor = self.visitor.read(held.visitor_value or "")
        session = self.session.read(held.session_value) if held.session_value else None
        if held.several:
            visitor, session = self._first(header)
        if visitor is None:
            return held
        campaign = session.campaign if session is not None else None
        user = visitor.user if visitor.signed_in else None
        said = whose(visitor, session, user, campaign)
        whole = Held(
            held.visitor_value, held.session_value, held.choice, visitor, session, said,
            held.several, *self._until(held, visitor, session),
        )  # fmt: skip
        if len(header) <= _LONGEST_HEADER:
            if len(self.known) >= _MOST_HEADERS:
                self.known.clear()
            self.known[header] = whole
        return whole

    def _until(self, held: Held, visitor: Visitor, session: Session | None) -> tuple[float, float]:
        is_odd = held.several or (held.choice is not None and self.rotates)
        if is_odd or session is None or session.visitor != visitor.id:
            return 0.0, 0.0
        lasts = min(
            visitor.renewed + RENEW_AFTER, session.seen + self._idle, session.start + self._longest
        )
        if visitor.signed_in:
            lasts = min(lasts, visitor.confirmed + self._longest)
        return min(lasts, session.seen + SEEN_AFTER), lasts

    def _first(self, header: str) -> tuple[Visitor | None, Session | None]:
        """Of several cookies that verify, the visitor who was there first and their last session:
        the same whatever their order, which says who set them and not who is right."""
        visitors = filter(None, map(self.visitor.read, values_of(header, self.visitor.name)))
        visitor = min(visitors, key=lambda each: (each.minted, -each.renewed), default=None)
        sessions = filter(None, map(self.session.read, values_of(header, self.session.name)))
        whose = visitor.id if visitor is not None else ""
        return visitor, max(
            (each for each in sessions if each.visitor == whose),
            key=lambda each: each.seen,
            default=None,
        )

    def widened(self, request: Request) -> list[Cookie]:
        """The end of cookies of this host alone where ours are a whole domain's: a browser keeps
        both, and sends the older one first."""
        if self._domain_of(request.host) is None:
            return []
        over = terms(0, request.scheme == "https", None)
        return [Cookie(jar.name, "", over) for jar in (self.visitor, self.session, self.choice)]

    def dated(self, header: str, choice: Choice) -> Choice | None:
        """The choice, where its cookie was signed with a former key: it is written once, and must
        outlive that key."""
        if not self.rotates:
            return None
        is_current = value_of(header, self.choice.name) == self.choice.write(choice)
        return None if is_current else choice

    def set(self, jar: Jar[_T], held: _T, request: Request) -> Cookie:
        """The cookie that keeps a value."""
        return Cookie(jar.name, jar.write(held), self._terms(request))

    def due(self, held: Held, request: Request, at: float) -> tuple[Cookie, ...]:
        """The cookies that keep a new visitor and their session, or the session that goes on."""
        visitor, session = held.visitor, held.session
        if visitor is None or session is None:
            return ()
        if not held.is_new:
            return (self.set(self.session, kept(session, at), request),)
        both = self._terms(request)
        return (
            Cookie(self.visitor.name, self.visitor.write(visitor), both),
            Cookie(self.session.name, self.session.write(session), both),
        )

    def _terms(self, request: Request) -> Terms:
        return terms(self._max_age, request.scheme == "https", self._domain_of(request.host))

    def ended(self, request: Request) -> list[Cookie]:
        """The end of visitor and session; also of cookies of this host alone, from before
        ``cookie_domain`` said more: a browser keeps both."""
        domains = dict.fromkeys((self._domain_of(request.host), None))
        over = [terms(0, request.scheme == "https", domain) for domain in domains]
        return [Cookie(jar.name, "", each) for jar in (self.visitor, self.session) for each in over]


def value_of(header: str, name: str) -> str | None:
    """A cookie's value in a Cookie header; None where there is none of that name."""
    sign = f"{name}="
    at = header.find(sign)
    while at > 0 and header[at - 2 : at] != "; " and header[at - 1] != ";":  # in another
        at = header.find(sign, at + 1)
    return header[at + len(sign) :].partition(";")[0].strip(' "') if at >= 0 else None


#: Cookies of one name that are looked at: a browser sends one for every path and domain.
_MOST_TWINS = 8


def values_of(header: str, name: str) -> list[str]:
    """The values of every cookie of a name, in their order; of very many the first."""
    sign = f"{name}="
    pairs = (pair.strip(" \t") for pair in header.split(";"))
    found = [pair[len(sign) :].strip(' "') for pair in pairs if pair.startswith(sign)]
    return found[:_MOST_TWINS]


def _latest(choice: Choice) -> tuple[int, int]:
    """Later choices count for more, and of one second that which refuses more."""
    return choice.at, sum(state == DENIED for state in choice.states.values())
