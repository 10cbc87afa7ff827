"""The ``context`` of an event as Segment's spec and docs/wire.md have it.

What the same few values make again and again is remembered by exactly these values.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

import msgspec

from ..event import quoted
from .privacy import kept_address
from .redaction import Redaction

_SAFE = "/-._~!$&'()*+,;=:@%"

#: Longer ones are no browser's, and are not remembered.
_LONGEST = 512
_MOST_CLIENTS = _MOST_PLACES = 2048


class Page(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """A page and, once it is there, its response. ``url`` is absolute, ``path`` as people read it;
    ``duration_ms`` how long the response took to begin and end."""

    url: str
    path: str
    id: str | None = None
    route: str | None = None
    referrer: str | None = None
    status: int | None = None
    duration_ms: float | None = None


class Context(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """What holds for every event of one request. ``session``, ``campaign`` and ``first_campaign``
    are JSON; ``migrated`` is the tool that knew the visitor before."""

    page: Page
    library: msgspec.Raw
    platform: str
    consent: dict[str, str]
    user_agent: str | None = None
    ip: str | None = None
    locale: str | None = None
    session: msgspec.Raw | None = None
    campaign: msgspec.Raw | None = None
    first_campaign: msgspec.Raw | None = None
    cookieless: bool = False
    migrated: str | None = None


def page(
    url: str, path: str, page_id: str | None, route: str | None, referrer: str, measured: str = ""
) -> str:
    """A page as JSON, as ``Page`` would be encoded; ``measured`` are further members."""
    named = "" if page_id is None else f',"id":"{page_id}"'
    routed = "" if route is None else f',"route":{quoted(route)}'
    referred = f',"referrer":{quoted(referrer)}' if referrer else ""
    return f'{{"url":{quoted(url)},"path":{quoted(path)}{named}{routed}{referred}{measured}}}'


class Clients(dict[tuple[str, str, str], str]):
    """What a context says of a client, as JSON with a comma before each member, by User-Agent,
    address and Accept-Language. ``mode`` says what is kept of an address."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode

    def __missing__(self, client: tuple[str, str, str]) -> str:
        agent, address, accept_language = client
        kept = kept_address(address, self._mode) if address else None
        members = {"userAgent": agent or None, "ip": kept, "locale": language(accept_language)}
        said = "".join(
            f',"{name}":{quoted(each)}' for name, each in members.items() if each is not None
        )
        if max(map(len, client)) <= _LONGEST:
            if len(self) >= _MOST_CLIENTS:
                self.clear()
            self[client] = said
        return said


class Places(dict[tuple[str, str, str, str], tuple[str, str]]):
    """Where a page is, as the JSON of ``Page``, by scheme, host, root path and path: what stands
    before the URL's query, and what behind it, up to the page's id. Without what looks secret."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._kept = redaction.path

    def __missing__(self, place: tuple[str, str, str, str]) -> tuple[str, str]:
        scheme, host, root_path, path = place
        path = self._kept(root_path + path)
        said = (
            f'"url":{quoted(url(scheme, host, path, ""))[:-1]}',
            f'","path":{quoted(path)},"id":"',
        )
        if sum(map(len, place)) <= _LONGEST:
            if len(self) >= _MOST_PLACES:
                self.clear()
            self[place] = said
        return said


def url(scheme: str, host: str, path: str, query: str) -> str:
    """An absolute URL of parts; the path is percent-encoded where it must be."""
    if not (path.isascii() and path.isprintable() and " " not in path):
        path = quote(path, _SAFE)
    return f"{scheme}://{host}{path}?{query}" if query else f"{scheme}://{host}{path}"


def language(accept_language: str) -> str | None:
    """The language that a browser prefers: the first of its Accept-Language."""
    return _language(accept_language[:_LONGEST])


@lru_cache(maxsize=1024)
def _language(accept_language: str) -> str | None:
    return accept_language.partition(",")[0].partition(";")[0].strip()[:40] or None
