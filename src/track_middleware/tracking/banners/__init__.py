"""Consent banners of others: what the cookies that they keep say of our purposes.

Each banner's own file says how its cookie is written: which of its categories were granted, or None
where nobody has chosen. What cannot be read is no choice; nothing here raises.
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

#: A cookie's raw value -> its categories, each granted or not; None: nobody has chosen.
Read = Callable[[str], "Mapping[str, bool] | None"]

#: Longer values are no browser's (RFC 6265, 6.1 asks for 4,096 bytes), and are not looked at.
_LONGEST = 4096
_MOST_COOKIES = 200
_MOST_REMEMBERED = 512

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}", re.ASCII)


class Told(NamedTuple):
    """What a banner's cookie says: whose it is, and our purposes as granted or not. ``word`` tells
    one saying from another, in a few letters."""

    source: str
    states: dict[str, bool]
    word: str


def _told(source: str, states: dict[str, bool]) -> Told | None:
    if not states:
        return None
    letters = (f" {purpose[0]}{'1' if granted else '0'}" for purpose, granted in states.items())
    return Told(source, states, source + "".join(letters))


class Form(NamedTuple):
    """How one banner writes: its cookie's usual name, and its categories that are ours. ``part``
    is what of a value matters, where the rest changes with every page; ``answered`` is a cookie
    that is only there once somebody has chosen."""

    read: Read
    cookie: str
    categories: Mapping[str, tuple[str, ...]]
    part: Callable[[str], str] | None = None
    answered: str = ""


class Reader:
    """One banner as the site has it. A purpose is granted where all its categories are; one that
    the banner does not list was never asked for. What a value says is remembered."""

    __slots__ = ("_categories", "_cookie", "_form", "_known", "source")

    def __init__(
        self, source: str, form: Form, cookie: str, categories: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.source = source
        self._form = form
        self._cookie = cookie
        self._categories = categories
        self._known: dict[str, Told | None] = {}

    def told(self, header: str) -> Told | None:
        """What a Cookie header says; None where it says nothing."""
        form, value = self._form, value_of(header, self._cookie)
        if not value or len(value) > _LONGEST:
            return None
        if form.answered and not value_of(header, form.answered):
            return None
        if form.part is not None:
            value = form.part(value)
        if value in self._known:
            return self._known[value]
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        told = self._known[value] = self._read(value)
        return told

    def _read(self, value: str) -> Told | None:
        said = self._form.read(value)
        if not said:
            return None
        states = {
            purpose: all(said.get(each, False) for each in names)
            for purpose, names in self._categories.items()
            if not said.keys().isdisjoint(names)
        }
        return _told(self.source, states)


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
        return _told(self.source, states)


Banner = Reader | Hook

_FORMS = {
    "cookiebot": Form(cookiebot.read, cookiebot.COOKIE, cookiebot.CATEGORIES),
    "django-cookie-consent": Form(
        django_cookie_consent.read, django_cookie_consent.COOKIE, django_cookie_consent.CATEGORIES
    ),
    "klaro": Form(klaro.read, klaro.COOKIE, klaro.CATEGORIES),
    "onetrust": Form(
        onetrust.read, onetrust.COOKIE, onetrust.CATEGORIES, onetrust.groups, onetrust.ANSWERED
    ),
    "tcf": Form(tcf.read, tcf.COOKIE, tcf.CATEGORIES),
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
    seen = {word.partition(" ")[0]: word for word in before.seen.split(",")} if before else {}
    if seen.get(told.source) == told.word:
        return None
    # Also of those that stand behind it: what they said before it is no news once it is gone.
    said = filter(None, (each.told(header) for each in reversed(known)))
    seen |= {each.source: each.word for each in said}
    choice = chosen(told.states, before, now)
    is_same = before is not None and before.states == choice.states
    kept = before if is_same and before is not None else choice
    return Heard(
        msgspec.structs.replace(kept, seen=",".join(filter(None, seen.values()))),
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
    form = _FORMS[name]
    options = _options(name, query)
    given = {each: _names(options.pop(each)) for each in PURPOSES if each in options}
    categories = {each: names for each, names in {**form.categories, **given}.items() if names}
    cookie = options.pop("cookie", form.cookie)
    if options:
        raise SettingsError("banners", f"{name} has no option {next(iter(options))!r}")
    if not categories:
        raise SettingsError(
            "banners", f"{name} names its categories itself: give {name}?analytics=…&marketing=…"
        )
    return Reader(name, form, cookie, categories)


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
