"""Consent banners of others: what the cookies that they keep say of our purposes.

Each reader is handed a look at the request's cookies and says which of the banner's categories were
granted, or None where nobody has chosen. What cannot be read is no choice; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from ...errors import SettingsError
from ...settings import BANNERS
from ..consent import PURPOSES, Choice, chosen
from ..cookies import value_of
from . import cookiebot, django_cookie_consent, klaro, onetrust, tcf

#: A cookie's raw value by its name; "" where there is none or it is too long to be a banner's.
Look = Callable[[str], str]

#: Category -> whether it was granted; None: nobody has chosen.
Read = Callable[[Look, str], "Mapping[str, bool] | None"]

#: Longer values are no browser's (RFC 6265, 6.1 asks for 4,096 bytes), and are not looked at.
_LONGEST = 4096
_MOST_COOKIES = 200

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}", re.ASCII)


class Told(NamedTuple):
    """What a banner's cookie says: whose it is, and our purposes as granted or not."""

    source: str
    states: dict[str, bool]

    @property
    def word(self) -> str:
        """What tells one saying from another, in a few letters."""
        return self.source + "".join(
            f" {purpose[0]}{'1' if granted else '0'}" for purpose, granted in self.states.items()
        )


class Reader(NamedTuple):
    """One banner as the site has it: its cookie's name, and which of its categories are ours. A
    purpose is granted where all its categories are; one that the banner does not list was never
    asked for."""

    source: str
    read: Read
    cookie: str
    categories: Mapping[str, tuple[str, ...]]

    def told(self, header: str) -> Told | None:
        """What a Cookie header says; None where it says nothing."""
        said = self.read(lambda name: _bounded(value_of(header, name)), self.cookie)
        if not said:
            return None
        states = {
            purpose: all(said.get(each, False) for each in names)
            for purpose, names in self.categories.items()
            if not said.keys().isdisjoint(names)
        }
        return Told(self.source, states) if states else None


class Hook(NamedTuple):
    """A function of the site's: cookies by name -> {purpose: bool}, None for no choice."""

    source: str
    call: Callable[[Mapping[str, str]], Any]

    def told(self, header: str) -> Told | None:
        """What the site's function makes of a Cookie header; of another form it is no choice."""
        said = self.call(_cookies(header))
        if not isinstance(said, Mapping):
            return None
        states = {each: said[each] for each in PURPOSES if isinstance(said.get(each), bool)}
        return Told(self.source, states) if states else None


Banner = Reader | Hook

_READERS: dict[str, tuple[Read, str, Mapping[str, tuple[str, ...]]]] = {
    "cookiebot": (cookiebot.read, cookiebot.COOKIE, cookiebot.CATEGORIES),
    "django-cookie-consent": (
        django_cookie_consent.read,
        django_cookie_consent.COOKIE,
        django_cookie_consent.CATEGORIES,
    ),
    "klaro": (klaro.read, klaro.COOKIE, klaro.CATEGORIES),
    "onetrust": (onetrust.read, onetrust.COOKIE, onetrust.CATEGORIES),
    "tcf": (tcf.read, tcf.COOKIE, tcf.CATEGORIES),
}


def banners(
    named: Sequence[Any], resolved: Callable[[str, Any], Callable[..., Any] | None]
) -> tuple[Banner, ...] | None:
    """The banners that the setting names, in its order; None where it names none.

    ``resolved`` finds the function at a dotted path. SettingsError says what cannot be used.
    """
    return tuple(_banner(each, resolved) for each in named) or None


class Heard(NamedTuple):
    """What a banner's new word makes of the choice. ``source`` is empty where the visitor's choice
    is the same as before, so that there is nothing to record but that it was seen. ``once`` is the
    same for every request that brings this word after the same choice."""

    choice: Choice
    source: str
    once: str


def heard(header: str, known: Sequence[Banner], before: Choice | None, now: float) -> Heard | None:
    """What the cookies of the first of these banners that says something say anew; None where none
    does, or it says what it said last. So the later choice holds, the banner's or ours."""
    told = next(filter(None, (each.told(header) for each in known)), None) if header else None
    if told is None or (before is not None and before.seen == told.word):
        return None
    choice = chosen(told.states, before, now)
    is_same = before is not None and before.states == choice.states
    kept = before if is_same and before is not None else choice
    return Heard(
        msgspec.structs.replace(kept, seen=told.word),
        "" if is_same else told.source,
        f"{told.word} {before.at if before is not None else 0}",
    )


def _banner(named: Any, resolved: Callable[[str, Any], Callable[..., Any] | None]) -> Banner:
    name, _, query = named.partition("?") if isinstance(named, str) else ("", "", "")
    if name not in BANNERS:
        call = resolved("banners", named)
        if call is None:
            raise SettingsError("banners", f"{named!r} is no banner")
        said = getattr(call, "__name__", type(call).__name__)
        return Hook(said if said.isidentifier() else "function", call)
    read, cookie, categories = _READERS[name]
    options = _options(name, query)
    given = {each: _names(options.pop(each)) for each in PURPOSES if each in options}
    categories = {each: names for each, names in {**categories, **given}.items() if names}
    cookie = options.pop("cookie", cookie)
    if options:
        raise SettingsError("banners", f"{name} has no option {next(iter(options))!r}")
    if not categories:
        raise SettingsError(
            "banners", f"{name} names its categories itself: give {name}?analytics=…&marketing=…"
        )
    return Reader(name, read, cookie, categories)


def _options(name: str, query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs):
        raise SettingsError("banners", f"{name} is given an option twice")
    if not _NAME.fullmatch(options.get("cookie", name)):
        raise SettingsError("banners", f"{name}'s cookie has a name that no cookie can have")
    return options


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in text.split(","))))


def _bounded(value: str | None) -> str:
    return value if value and len(value) <= _LONGEST else ""


def _cookies(header: str) -> dict[str, str]:
    """Cookies by name; of several of one name the first, as browsers put the nearest first."""
    found: dict[str, str] = {}
    for pair in header.split(";", _MOST_COOKIES)[:_MOST_COOKIES]:
        name, sign, value = pair.strip(" ").partition("=")
        if sign:
            found.setdefault(name, _bounded(value.strip(' "')))
    return found
