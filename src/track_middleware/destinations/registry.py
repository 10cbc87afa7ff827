"""From destination URLs to destinations: the built-in ones and other packages' entry points."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

from ..address import Address, address
from ..errors import SettingsError
from . import Destination, Maker, fields, filters
from .fields import Fields
from .filters import Filter
from .options import nearest, no_plain_http

#: Packages that add destinations name them here: scheme = "package.module:make".
GROUP = "track_middleware.destinations"


def _codec(module: str) -> Maker:
    """The ``make`` of a codec, which is imported when a site has such a destination."""

    def make(address: Address) -> Destination:
        maker: Maker = import_module(f"{__package__}.{module}").make
        return maker(address)

    return make


#: The file of this folder that holds a scheme's codec.
FILES: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "amplitude", "clickhouse", "ga4", "heap", "jsonl", "mixpanel", "postgresql", "posthog",
            "rudderstack", "segment", "snowplow",
        )
    },
    "webhook+http": "webhook",
    "webhook+https": "webhook",
}  # fmt: skip

BUILT_IN: Mapping[str, Maker] = {scheme: _codec(file) for scheme, file in FILES.items()}


@dataclass(frozen=True, slots=True)
class Route:
    """A destination, and which events go there.

    ``repeat``: what a call that nobody answered carried is sent again, even where the vendor would
    count it twice (``?on_doubt=repeat``); else it counts as delivered. ``target`` is what it points
    at (``target_of``), ``is_named`` whether its URL says ``?name=``. ``fields``: what of an event
    it gets; None: all.
    """

    destination: Destination
    filter: Filter
    repeat: bool = False
    target: str = ""
    is_named: bool = False
    fields: Fields | None = None

    @property
    def name(self) -> str:
        """The name that its job, its dead letters and people know it by."""
        return self.destination.name


def make(address: Address) -> Destination:
    """The destination of a URL; SettingsError says what is wrong with it, without its secrets."""
    maker = BUILT_IN.get(address.scheme) or _added(address.scheme)
    return maker(address)


def routes(urls: Sequence[str]) -> tuple[Route, ...]:
    """The destinations of these URLs, each under a name of its own.

    The name is ``?name=``, else the scheme; where several URLs have one scheme, each gets a suffix
    made from what it points at. Names are for people: a job is found by its target. SettingsError
    when two would have one name, or a URL stands there twice.
    """
    if len(set(urls)) < len(urls):
        twice = address(next(url for url in urls if urls.count(url) > 1))
        raise SettingsError("destinations", f"the same {twice.scheme} URL stands there twice")
    given = [address(url) for url in urls]
    for each in given:
        no_plain_http(each)
    return tuple(
        Route(
            make(named),
            filters.of(named),
            named.options.get("on_doubt") == "repeat",
            target_of(each),
            bool(each.options.get("name")),
            fields.of(named),
        )
        for each, named in zip(given, _named(given), strict=True)
    )


#: Options that make another destination of the same key or host.
_POINTING = ("region", "table", "host", "app_id")


def target_of(address: Address) -> str:
    """What a URL points at, as a digest: the same however its other options, its name or a secret
    that can be renewed (password, service account, GA4's API secret) change."""
    who = address.host
    if address.scheme == "ga4":
        who = address.host.partition(":")[0]
    elif address.scheme == "mixpanel":
        who = address.options.get("token", address.host)
    elif address.scheme == "rudderstack":
        who = f"{address.user}@{address.host}"
    base = address.options.get("endpoint", "").rstrip("/")
    target = f"{address.scheme}://{who}{address.path.rstrip('/')}?{base}"
    for name in _POINTING:
        told = address.options.get(name, "")
        if told and (name, told) != ("region", "us"):
            target += f"&{name}={told}"
    return hashlib.sha256(target.encode()).hexdigest()[:32]


def _named(addresses: Sequence[Address]) -> list[Address]:
    schemes = Counter(_plain(each) for each in addresses if not each.options.get("name"))
    told = {each.options.get("name") for each in addresses}
    names = [each.options.get("name") or _default_name(each, schemes, told) for each in addresses]
    for name, times in Counter(names).items():
        if times > 1:
            raise SettingsError(
                "destinations", f"two are called {name!r}; tell them apart with ?name="
            )
    return [
        replace(each, options={**each.options, "name": name})
        for each, name in zip(addresses, names, strict=True)
    ]


def _plain(each: Address) -> str:
    return each.scheme.partition("+")[0]


def _default_name(each: Address, schemes: Counter[str], told: Collection[str | None]) -> str:
    plain = _plain(each)
    if schemes[plain] == 1 and plain not in told:
        return plain
    return f"{plain}-{target_of(each)[:6]}"


def _added(scheme: str) -> Maker:
    from importlib.metadata import entry_points  # 20 ms, for a scheme that is not ours

    found = {each.name: each for each in entry_points(group=GROUP)}
    if scheme not in found:
        known = [*BUILT_IN, *found]
        raise SettingsError(
            "destinations", f"there is no destination {scheme!r}{nearest(scheme, known)}"
        )
    try:
        maker: Maker = found[scheme].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            "destinations", f"{scheme} is announced by {found[scheme].value}, which fails: {error}"
        ) from error
    return maker
