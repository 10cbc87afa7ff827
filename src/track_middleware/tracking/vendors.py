"""Vendors' own cookies: those whose raw values become facts, and those that we write ourselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

import msgspec

from .. import vendor_cookies
from ..address import Address, address
from ..http import Cookie, Request, terms
from .consent import GRANTED, PURPOSES, Consent, any_granted
from .cookies import value_of

#: Longer values are nobody's: they would only fill the spool.
_MOST, _MOST_OF_GOOGLE = 1500, 400
#: A cookie's longest (RFC 6265, 6.1); of a JSON one little is kept.
_MOST_JSON = 4096

#: How long a cookie that we write lives, in seconds: as long as the vendors' own.
MAX_AGE = 365 * 86400

_JSON = "%7B"
# Members of a percent-encoded JSON object that name a browser or its session: texts without
# escapes, a list of numbers and an id. The rest (a first URL, properties) never leaves the request.
_MEMBER = re.compile(
    r"%22(?:distinct_id|(?:%24|\$)device_id|(?:%24|\$)user_state|userId|sessionId)%22(?:%3A|:)"
    r"%22(?:[^%]|%(?!22|5C)){1,255}%22"
    r"|%22(?:%24|\$)sesid%22(?:%3A|:)(?:%5B|\[)(?:[0-9a-f,-]|%2C|%22){1,120}(?:%5D|\])",
    re.IGNORECASE,
)

_SNOWPLOW = vendor_cookies.SNOWPLOW + "."


def cookie_names(
    destinations: Sequence[str], bridge: Sequence[str] = (), granted: Collection[str] = PURPOSES
) -> tuple[str, ...] | None:
    """The cookies that these destinations want to know; None when they want none.

    ``ga4://G-ABC:…``: Google's client, ``_ga``, and its session of that stream, ``_ga_ABC``. What
    other vendors' scripts keep is read for the vendors that ``bridge`` names. A destination whose
    purpose is not among ``granted`` wants nothing.
    """
    served = [each for each in map(address, destinations) if _purpose(each) in granted]
    hosts = [each.host for each in served if each.scheme == "ga4"]
    streams = dict.fromkeys(host.partition(":")[0].removeprefix("G-") for host in hosts)
    google = ("_ga", *(f"_ga_{stream}" for stream in streams)) if hosts else ()
    named = [vendor_cookies.cookie(each) for each in served if each.scheme in bridge]
    names = dict.fromkeys((*google, *filter(None, named)))
    if vendor_cookies.RUDDERSTACK in names:
        names[vendor_cookies.RUDDERSTACK_SESSION] = None
    return tuple(names) or None


def _purpose(destination: Address) -> str:
    return destination.options.get("purpose", PURPOSES[0])


class Wanted:
    """The names that are read of a request's cookies, by what its visitor permits beside
    analytics, without which nothing is read at all."""

    __slots__ = ("_all", "_unmarketed")

    def __init__(self, destinations: Sequence[str], bridge: Sequence[str]) -> None:
        self._all = cookie_names(destinations, bridge)
        self._unmarketed = cookie_names(destinations, bridge, PURPOSES[:1])

    def __bool__(self) -> bool:
        return self._all is not None

    def values(self, header: str, consent: Mapping[str, str]) -> dict[str, str]:
        """Those of them that a Cookie header holds, as ``values``."""
        names = self._all if consent["marketing"] == GRANTED else self._unmarketed
        return values(header, names) if names else {}


def values(header: str, names: Sequence[str]) -> dict[str, str]:
    """The raw values of those cookies in a Cookie header; of a JSON object's, the ids alone."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip(" ").partition("=")
        if name.startswith(_SNOWPLOW):
            name = vendor_cookies.SNOWPLOW
        if name not in names:
            continue
        if value.startswith(_JSON) and name != vendor_cookies.RUDDERSTACK_SESSION:
            value = _ids_of(value)
        if len(value) <= (_MOST_OF_GOOGLE if name.startswith("_ga") else _MOST):
            found.setdefault(name, value)
    return found


def _ids_of(value: str) -> str:
    """A percent-encoded JSON object with nothing in it but ids."""
    return f"%7B{'%2C'.join(_MEMBER.findall(value[:_MOST_JSON])[:8])}%7D"


class Written(NamedTuple):
    """A vendor's cookie that we write where it is missing, and one of ``purposes`` is granted.
    ``value`` makes its value of a visitor's id, ``holds`` says whether a value is what we wrote for
    one."""

    name: str
    purposes: frozenset[str]
    value: Callable[[str], str]
    holds: Callable[[str, str], bool]


def renewed(
    written: Sequence[Written], request: Request, site: str | None, consent: Consent, *,
    former: str | None, visitor: str | None,
) -> list[Cookie]:  # fmt: skip
    """Vendors' cookies for this visitor where they are missing, or still hold the one before; for
    nobody, and without consent to their purpose, the end of those that hold what we wrote."""
    made: list[Cookie] = []
    for each in written:
        value = value_of(request.cookie, each.name)
        whose = visitor if any_granted(consent, each.purposes) else None
        stale = value and former and former != whose and each.holds(value, former)
        if stale or (value is None and whose is not None):
            said, age = ("", 0) if whose is None else (each.value(whose), MAX_AGE)
            secure = request.scheme == "https"
            made.append(Cookie(each.name, said, terms(age, secure, site, http_only=False)))
    return made


def written(destinations: Sequence[str], bridge: Sequence[str]) -> tuple[Written, ...] | None:
    """The cookies that a server may write for the vendors that ``bridge`` names; None without any.

    Only forms that the vendor itself lets a server write: Segment's is the plain id, PostHog's own
    server package for Next.js writes its cookie before the script's first run.
    """
    found: dict[str, tuple[str, set[str]]] = {}
    for each in map(address, destinations) if bridge else ():
        if each.scheme in bridge and each.scheme in _FORMS:
            entry = found.setdefault(vendor_cookies.cookie(each), (each.scheme, set()))
            entry[1].add(_purpose(each))
    if "segment" in bridge:
        found.setdefault(vendor_cookies.SEGMENT, ("segment", {PURPOSES[0]}))
    return (
        tuple(
            Written(name, frozenset(purposes), *_FORMS[scheme])
            for name, (scheme, purposes) in found.items()
        )
        or None
    )


def _plain(visitor: str) -> str:
    return visitor


def _is_plain(value: str, visitor: str) -> bool:
    """Older releases of Segment's script put the id into quotes."""
    return unquote(value).strip('"') == visitor


def _posthog(visitor: str) -> str:
    said = {"distinct_id": visitor, "$device_id": visitor, "$user_state": "anonymous"}
    return quote(msgspec.json.encode(said), safe="")


def _is_posthog(value: str, visitor: str) -> bool:
    return f"%22distinct_id%22%3A%22{visitor}%22" in value


_FORMS: dict[str, tuple[Callable[[str], str], Callable[[str, str], bool]]] = {
    "segment": (_plain, _is_plain),
    "posthog": (_posthog, _is_posthog),
}
