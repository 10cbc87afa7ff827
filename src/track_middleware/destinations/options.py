"""What every destination's URL may say, and how a codec reads it. Secrets are never repeated."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..address import OPTIONS, Address
from ..errors import SettingsError

_YES = frozenset(("1", "true", "yes", "on"))
_NO = frozenset(("", "0", "false", "no", "off"))


#: Options that only erasing a person needs, by scheme.
ERASING: Mapping[str, tuple[str, ...]] = {
    "amplitude": ("secret", "erase_endpoint"),
    "ga4": ("property_id", "erase_token", "erase_endpoint"),
    "heap": ("erase_key", "erase_endpoint"),
    "mixpanel": ("erase_token", "erase_endpoint"),
    "posthog": ("personal_key", "project_id", "erase_endpoint"),
    "segment": ("erase_token", "erase_endpoint"),
}


def wrong(address: Address, problem: str) -> SettingsError:
    """The error that tells what is wrong with one destination's URL."""
    return SettingsError("destinations", f"the {address.scheme} URL {problem}")


def nearest(word: str, known: Sequence[str]) -> str:
    """``; did you mean 'x'?``, or the list of what there is."""
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}"


def check(address: Address, *, extra: Sequence[str] = ()) -> None:
    """SettingsError when the URL names an option that its destination does not take."""
    known = (*OPTIONS, *extra)
    for name in address.options:
        if name not in known:
            raise wrong(address, f"has an unknown option {name!r}{nearest(name, known)}")


def no_plain_http(address: Address) -> None:
    """SettingsError when ``?endpoint=`` would carry key and events over plain http to another
    machine."""
    given = [address.options.get(each, "") for each in ("endpoint", "erase_endpoint")]
    plain = [each for each in map(urlsplit, given) if each.scheme == "http"]
    if any(not loopback(each.hostname or "") for each in plain):
        raise wrong(address, "sends events over plain http, which only this machine may get")


def loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def key(address: Address, what: str) -> str:
    """The vendor's key, which stands where other URLs have their host."""
    if not address.host:
        raise wrong(address, f"has no key: {address.scheme}://{what}")
    if address.path not in ("", "/"):
        raise wrong(address, f"has a path behind the key; write {address.scheme}://{what}")
    return address.host


def base(address: Address, regions: Mapping[str, str]) -> str:
    """The vendor's base URL, without a slash at its end: ``?endpoint=``, else the region's."""
    region = address.options.get("region", "us")
    if region not in regions:
        raise wrong(address, f"has an unknown region {region!r}{nearest(region, [*regions])}")
    return address.options.get("endpoint", regions[region]).rstrip("/")


def name(address: Address) -> str:
    """What ``status`` and dead letters call the destination: ``?name=``, else the scheme."""
    return address.options.get("name") or address.scheme.partition("+")[0]


def https(address: Address) -> str:
    """The base URL of the user's own host, without a slash at its end: ``?endpoint=``, else HTTPS
    to where the URL points."""
    if "endpoint" in address.options:
        return address.options["endpoint"].rstrip("/")
    if not address.host:
        raise wrong(address, "has no host")
    return "https://" + urlsplit(address.url).netloc.rpartition("@")[2]


def flag(address: Address, name: str) -> bool:
    """A yes-or-no option; no when it is missing."""
    text = address.options.get(name, "").lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise wrong(address, f"has {name}={text!r}; it is 1 or 0")


def choice(address: Address, name: str, known: Sequence[str]) -> str | None:
    """One of a few words; None when the option is missing."""
    text = address.options.get(name)
    if text is None or text in known:
        return text
    raise wrong(address, f"has {name}={text!r}{nearest(text, known)}")
