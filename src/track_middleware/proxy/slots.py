"""The ``proxies`` setting becomes slots under our prefix, and the runner of their errands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from ..errors import SettingsError
from ..http import Caller, Running
from ..settings import Settings
from ..tracking.consent import PURPOSES
from .cache import Cache
from .names import Names
from .order import Order, Proxied
from .relay import Relay
from .scripts import Scripts
from .upstream import Upstream
from .vendor import Vendor
from .vendors import REFUSED, VENDORS

_OPTIONS = ("endpoint", "scripts", "region", "purpose", "name")


class Proxies:
    """One site's vendors. ``slots`` are those of every key that pages may still be served with."""

    def __init__(self, settings: Settings, keys: Sequence[str], folder: Path) -> None:
        self.present = tuple(proxied(settings.proxies, keys[-1]))
        former = [each for key in keys[:-1] for each in proxied(settings.proxies, key)]
        self.slots = {each.names.slot: each for each in (*former, *self.present)}
        self._cache = Cache(folder, min_free=settings.min_free)
        self._begin: Callable[[Order], Running] | None = None
        self._pid = 0

    def begin(self, order: Order, caller: Caller) -> Running:
        """The errand of one call, ready to be started. A forked child shares neither connections
        nor locks with its parent."""
        if self._begin is None or self._pid != os.getpid():
            upstream = Upstream()
            names = {slot: each.names for slot, each in self.slots.items()}
            scripts = Scripts(self._cache, upstream, names)
            self._begin = partial(Relay, upstream=upstream, scripts=scripts)
            self._pid = os.getpid()
        return self._begin(order)


def problems(proxies: Sequence[str]) -> Iterator[SettingsError]:
    """What of the setting cannot be used: the first of it."""
    try:
        list(proxied(proxies, ""))
    except SettingsError as problem:
        yield problem


def proxied(proxies: Sequence[str], key: str) -> Iterator[Proxied]:
    """The vendors that the setting names, under one secret key; SettingsError for the first that
    cannot be used."""
    seen: set[str] = set()
    for text in proxies:
        vendor, options = _parsed(text)
        name = options.get("name", vendor.name)
        if name in seen:
            raise SettingsError("proxies", f"{name} is there twice; ?name= tells them apart")
        seen.add(name)
        yield Proxied(
            vendor,
            Names(vendor, key=key, name=name),
            name=name,
            upstreams=_upstreams(vendor, options),
            purpose=options.get("purpose", PURPOSES[0]),
        )


def _parsed(text: str) -> tuple[Vendor, dict[str, str]]:
    word, _, rest = text.partition("://")
    known = ", ".join(sorted(VENDORS))
    if word in REFUSED:
        raise SettingsError("proxies", f"{word} cannot be served from here: {REFUSED[word]}")
    if word not in VENDORS:
        raise SettingsError("proxies", f"there is no vendor {word[:40]!r}; known are {known}")
    place, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(_OPTIONS))
    if place.strip("/") or unknown:
        what = f"no option {unknown[0][:40]!r}" if unknown else "no keys here: pages name them"
        raise SettingsError("proxies", f"{word} takes {what}; options are {', '.join(_OPTIONS)}")
    if options.get("purpose", PURPOSES[0]) not in PURPOSES:
        raise SettingsError("proxies", f"purpose of {word} is {' or '.join(PURPOSES)}")
    return VENDORS[word], options


def _upstreams(vendor: Vendor, options: dict[str, str]) -> dict[str, str]:
    """The vendor's base URLs: its region's, and those that the site names itself."""
    region = options.get("region")
    if region is not None and region not in vendor.regions:
        known = ", ".join(vendor.regions) or "none"
        raise SettingsError(
            "proxies", f"{vendor.name} has no region {region[:20]!r}; known: {known}"
        )
    bases = {**vendor.upstreams, **(vendor.regions[region] if region else {})}
    endpoint = options.get("endpoint")
    scripts = options.get("scripts") or (endpoint if vendor.is_one_host else None)
    given = {"api": endpoint, "scripts": scripts}
    return bases | {name: _base(vendor, url) for name, url in given.items() if url is not None}


def _base(vendor: Vendor, url: str) -> str:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
        parts.port  # noqa: B018  reading it checks it
    except ValueError:
        is_usable = False
    if not is_usable or "@" in url or not url.isascii() or not url.isprintable():
        raise SettingsError(
            "proxies", f"the base URLs of {vendor.name} look like https://host or http://host:port"
        )
    return url.rstrip("/")
