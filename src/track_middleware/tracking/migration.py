"""A former tool's visitor: the id in its cookie becomes the visitor's; switching loses nobody.

Whoever comes without a cookie of ours is looked at once. A former tool's cookie is not signed: its
own browser can write what it likes there, and so becomes whoever it names. Hence nothing but an id
of that tool's own form is taken, never a word such as ``guest`` or a test's made-up one, it brings
no user along, and from then on only our signed cookie counts.

Sources of the forms: ``vendor_cookies.py``; Ahoy's ``lib/ahoy/tracker.rb`` (its visitor token),
Matomo's ``js/piwik.js`` (``_pk_id``: sixteen hexadecimal digits, then the time of the first visit),
Google's ``_ga`` (its last two fields).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from .. import vendor_cookies
from ..address import Address, address
from ..bridge import browser_id
from ..errors import SettingsError
from .consent import DENIED, Choice

#: Tools that have no destination here, or another name for one: a cookie's name -> its tool.
COOKIES = {
    vendor_cookies.SEGMENT: "segment",
    vendor_cookies.RUDDERSTACK: "rudderstack",
    vendor_cookies.SNOWPLOW: "snowplow",
    "ahoy_visitor": "ahoy",
    "_pk_id": "matomo",
    "_ga": "ga4",
}

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: Amplitude's older scripts made 22 letters and an R.
_AMPLITUDE = re.compile(_UUID.pattern + r"|[A-Za-z0-9_-]{22}R", re.IGNORECASE)
_POSTHOG = re.compile(r"[0-9a-f]{4,16}(?:-[0-9a-f]{4,16}){4}")
_MIXPANEL = re.compile(_POSTHOG.pattern + "|" + _UUID.pattern, re.IGNORECASE)
_MATOMO = re.compile(r"([0-9a-f]{16})\.[0-9]{1,20}(?:\.[0-9.]*)?", re.ASCII)
_GOOGLE = re.compile(r"GA1\.[0-9-]{1,8}\.([1-9][0-9]{0,19}\.[1-9][0-9]{0,19})", re.ASCII)
_HEAP = re.compile(r"[1-9][0-9]{9,15}", re.ASCII)

#: Fewer different letters than this are nobody's id, but one that somebody typed.
_DIFFERENT = 5

_LONGEST, _MOST_COOKIES = 4096, 200


class Tool(NamedTuple):
    """A former tool. ``names`` are the beginnings and ends of its cookies' names, ``id`` makes an
    id of a cookie's name and value; "" where there is none."""

    name: str
    names: tuple[tuple[str, str], ...]
    id: Callable[[str, str], str]


class Migrated(NamedTuple):
    """Whom a former tool knew: the visitor's id there, and the tool."""

    id: str
    tool: str


def _vendors(form: re.Pattern[str]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        found = form.fullmatch(browser_id(name, value))
        return found[0] if found else ""

    return read


def _first(form: re.Pattern[str]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        found = form.fullmatch(unquote(value))
        return found[1] if found else ""

    return read


_READ: Mapping[str, tuple[tuple[str, str], Callable[[str, str], str]]] = {
    "ahoy": (("ahoy_visitor", "="), _first(re.compile(f"({_UUID.pattern})", re.IGNORECASE))),
    "amplitude": (("AMP_", ""), _vendors(_AMPLITUDE)),
    "ga4": (("_ga", "="), _first(_GOOGLE)),
    "heap": (("_hp2_id.", ""), _vendors(_HEAP)),
    "matomo": (("_pk_id", ""), _first(_MATOMO)),
    "mixpanel": (("mp_", "_mixpanel"), _vendors(_MIXPANEL)),
    "posthog": (("ph_", "_posthog"), _vendors(_POSTHOG)),
    "rudderstack": ((vendor_cookies.RUDDERSTACK, "="), _vendors(_UUID)),
    "segment": ((vendor_cookies.SEGMENT, "="), _vendors(_UUID)),
    "snowplow": ((vendor_cookies.SNOWPLOW, ""), _vendors(_UUID)),
}


def tools(named: Sequence[str], destinations: Sequence[str]) -> tuple[Tool, ...] | None:
    """The tools that the setting names, by name or by their cookie's; None where it names none.

    Where a destination is the same vendor's, the cookie of its very project counts. SettingsError
    for a tool that is not known.
    """
    ours = [address(url) for url in destinations] if named else []
    return tuple(_tool(each, ours) for each in named) or None


def _tool(named: str, ours: Sequence[Address]) -> Tool:
    name = COOKIES.get(named, named)
    if name not in _READ:
        known = ", ".join((*_READ, *COOKIES))
        raise SettingsError("migrate_cookies", f"knows {known}, not {named[:40]!r}")
    shape, read = _READ[name]
    exact = {vendor_cookies.cookie(each) for each in ours if each.scheme == name} - {""}
    if name == "snowplow" or not exact:
        return Tool(name, (shape,), read)
    return Tool(name, tuple((each, "=") for each in sorted(exact)), read)


def migrated(header: str, known: Sequence[Tool], chosen: Choice | None) -> Migrated | None:
    """Whom the first of these tools that knew this browser knew; None where none did. Whoever has
    refused once, and comes back, is nobody's any more."""
    if not header or (chosen is not None and DENIED in chosen.states.values()):
        return None
    cookies = list(_cookies(header))
    for tool in known:
        for name, value in cookies:
            if any(_is_named(name, *each) for each in tool.names):
                found = tool.id(name, value)
                if len(set(found)) >= _DIFFERENT:
                    return Migrated(found, tool.name)
    return None


def _is_named(name: str, start: str, end: str) -> bool:
    """Whether a cookie's name is ``start`` (``end`` is "="), or begins and ends so."""
    return name == start if end == "=" else name.startswith(start) and name.endswith(end)


def _cookies(header: str) -> Iterator[tuple[str, str]]:
    for pair in header.split(";", _MOST_COOKIES)[:_MOST_COOKIES]:
        name, sign, value = pair.strip(" ").partition("=")
        if sign and len(value) <= _LONGEST:
            yield name, value.strip(' "')
