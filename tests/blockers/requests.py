"""What a page asks of its host: a URL, the kind of request, and the page that asks.

Kinds are WebExtensions' resource types, which every engine here understands: ``main_frame``,
``script``, ``xmlhttprequest`` (``fetch`` too), ``ping`` (``sendBeacon``), ``image``,
``stylesheet``, ``other``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from track_middleware.tracking.routes import prefix

#: Hosts under whose names everything is tried: rules may ask for a top-level domain.
HOSTS = ("www.teashop.com", "teashop.de", "tea.shop", "shop.tea.co.uk", "teashop.io")


class Asked(NamedTuple):
    """One request of a page."""

    url: str
    kind: str
    page: str


def derived(number: int) -> list[str]:
    """The path prefixes that as many secret keys give; the same ones each time."""
    return [prefix(f"key {n} of a site") for n in range(number)]


def on_hosts(walked: Iterable[Asked], hosts: Iterable[str] = HOSTS) -> list[Asked]:
    """The same requests on other hosts' pages, each once."""
    asked = list(walked)
    moved = (
        Asked(_moved(each.url, host), each.kind, _moved(each.page, host))
        for host in hosts
        for each in asked
    )
    return list(dict.fromkeys(moved))


def under(prefixes: Iterable[str], walked: Iterable[Asked], present: str) -> Iterator[Asked]:
    """Our own requests of a walk, which lie under the ``present`` prefix, under each of others."""
    own = [each for each in walked if urlsplit(each.url).path.startswith(f"/{present}/")]
    for other in prefixes:
        for each in own:
            yield each._replace(url=each.url.replace(f"/{present}/", f"/{other}/", 1))


def _moved(url: str, host: str) -> str:
    return urlunsplit(urlsplit(url)._replace(scheme="https", netloc=host))
