"""From destination URLs to destinations: the built-in ones and other packages' entry points."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points

from ..errors import SettingsError
from ..settings import Address, address
from . import (
    Destination,
    Maker,
    amplitude,
    clickhouse,
    filters,
    ga4,
    heap,
    jsonl,
    mixpanel,
    postgresql,
    posthog,
    rudderstack,
    segment,
    snowplow,
    webhook,
)  # fmt: skip
from .filters import Filter
from .options import nearest

#: Packages that add destinations name them here: scheme = "package.module:make".
GROUP = "track_middleware.destinations"

BUILT_IN: Mapping[str, Maker] = {
    "amplitude": amplitude.make,
    "clickhouse": clickhouse.make,
    "ga4": ga4.make,
    "heap": heap.make,
    "jsonl": jsonl.make,
    "mixpanel": mixpanel.make,
    "postgresql": postgresql.make,
    "posthog": posthog.make,
    "rudderstack": rudderstack.make,
    "segment": segment.make,
    "snowplow": snowplow.make,
    "webhook+http": webhook.make,
    "webhook+https": webhook.make,
}


@dataclass(frozen=True, slots=True)
class Route:
    """A destination, and which events go there.

    ``repeat``: what a call that nobody answered carried is sent again, even where the vendor would
    count it twice (``?on_doubt=repeat``); else it counts as delivered.
    """

    destination: Destination
    filter: Filter
    repeat: bool = False

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

    The name is ``?name=``, else the scheme; where a scheme comes again, its later URLs get a suffix
    made from what they point at, so that it stays the same when the list grows or shrinks behind
    them. SettingsError when two would still have one name.
    """
    named = _named([address(url) for url in urls])
    return tuple(
        Route(make(each), filters.of(each), each.options.get("on_doubt") == "repeat")
        for each in named
    )


def _named(addresses: Sequence[Address]) -> list[Address]:
    taken: Counter[str] = Counter(
        each.options["name"] for each in addresses if "name" in each.options
    )
    found = []
    for each in addresses:
        name = each.options.get("name") or _free_name(each, taken)
        if taken[name] > 1:
            raise SettingsError(
                "destinations", f"two are called {name!r}; tell them apart with ?name="
            )
        found.append(replace(each, options={**each.options, "name": name}))
    return found


def _free_name(each: Address, taken: Counter[str]) -> str:
    plain = each.scheme.partition("+")[0]
    target = f"{each.scheme}://{each.host}{each.path}?{each.options.get('endpoint', '')}"
    suffixed = f"{plain}-{hashlib.sha256(target.encode()).hexdigest()[:6]}"
    name = suffixed if taken[plain] else plain
    taken[name] += 1
    return name


def _added(scheme: str) -> Maker:
    found: dict[str, EntryPoint] = {each.name: each for each in entry_points(group=GROUP)}
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
