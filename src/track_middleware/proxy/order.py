"""What is asked of a vendor: from a request under our prefix to a call, as plain values.

No I/O happens here. What leaves is an allow-list: the host's cookies, credentials and page never
do.
"""

from __future__ import annotations

import re

import msgspec

from ..http import Errand, Reply, Request
from ..tracking.door import refusal
from ..tracking.relay import Ask
from .names import Names
from .vendor import Route, Vendor

#: Headers of the browser's that a vendor gets.
_UP = ("accept", "accept-encoding", "accept-language", "content-encoding", "content-type",
       "user-agent")  # fmt: skip

#: What a vendor gets where a browser said nothing: nothing of a library's own.
_UNSAID = {"accept-encoding": "identity", "user-agent": "Mozilla/5.0"}

#: How scripts are asked for.
_OF_NOBODY = (("accept", "*/*"), ("accept-encoding", "gzip"), ("user-agent", "Mozilla/5.0"))

#: Segments that lead elsewhere than they say, and so off the list.
_DOTS = frozenset((".", ".."))

_QUERY = re.compile(r"[!-~]{0,8192}\Z")
_VERSION = re.compile(r"(?:^|&)(v=[\w.-]{1,32})(?=&|\Z)", re.ASCII)
_HOST = re.compile(r"[\w.:\[\]-]{1,255}\Z")


class Place(msgspec.Struct, frozen=True):
    """Where the page finds a vendor: what is put into its scripts. Scheme and host are empty where
    no script of the vendor's is told them."""

    base: str
    scheme: str
    host: str


class Order(msgspec.Struct, frozen=True):
    """One call for a vendor. ``length`` is the body's, None where the browser named none."""

    slot: str
    route: Route
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    place: Place
    length: int | None = 0
    busy: int = 429
    known: str = ""
    takes_gzip: bool = False


class Proxied:
    """One vendor behind a slot of ours; ``purpose``: whose consent its calls need."""

    def __init__(
        self,
        vendor: Vendor,
        names: Names,
        *,
        name: str,
        upstreams: dict[str, str],
        purpose: str,
    ) -> None:
        self.name = name
        self.vendor = vendor
        self.names = names
        self.purpose = purpose
        self._upstreams = upstreams
        self._is_told_host = any("{host}" in into for _, into in vendor.texts)
        self._routes = [(re.compile(route.path, re.ASCII), route) for route in vendor.routes]

    @property
    def script(self) -> str:
        """The path of the vendor's script behind the slot."""
        return self.names.neutral(self.vendor.script)

    def asked(self, ask: Ask) -> Reply | Errand:
        """The errand of a call on the vendor's list; a refusal for any other."""
        request, path = ask.request, self.names.vendors(ask.path)
        route = self._route(path) if _DOTS.isdisjoint(path.split("/")) else None
        if route is None:
            return refusal(404, "nothing here")
        if request.method not in route.methods:
            allowed = ", ".join(route.methods)
            return refusal(405, f"{route.methods[0]} only", ("Allow", allowed))
        length = _length(request) if request.method == "POST" else 0
        if length is not None and length > route.limit:
            return refusal(413, "the body is too large")
        if not _QUERY.match(request.query) or not _HOST.match(request.host):
            return refusal(400, "unreadable")
        return Errand("proxy", self._order(ask, route, path, length))

    def _route(self, path: str) -> Route | None:
        return next((route for form, route in self._routes if form.fullmatch(path)), None)

    def _order(self, ask: Ask, route: Route, path: str, length: int | None) -> Order:
        request = ask.request
        query = _version(request.query) if route.is_script else request.query
        scheme, host = (request.scheme, request.host) if self._is_told_host else ("", "")
        return Order(
            slot=self.names.slot,
            route=route,
            method=request.method,
            url=f"{self._upstreams[route.upstream]}/{path}{'?' if query else ''}{query}",
            headers=self._headers(ask, route),
            place=Place(ask.base, scheme, host),
            length=length,
            busy=self.vendor.busy,
            known=request.header("if-none-match"),
            takes_gzip="gzip" in request.header("accept-encoding"),
        )

    def _headers(self, ask: Ask, route: Route) -> tuple[tuple[str, str], ...]:
        if route.is_script:  # the same for everybody: nobody's address or browser
            return _OF_NOBODY
        passed = {name: ask.request.header(name) for name in _UP}
        usable = {name: value for name, value in passed.items() if value and value.isprintable()}
        sent = [*(_UNSAID | usable).items()]
        if ask.address is not None:
            sent += [(name, ask.address) for name in self.vendor.address]
        return tuple(sent)


def _length(request: Request) -> int | None:
    """What the browser says of its body's length; None where it says nothing usable."""
    length = request.header("content-length")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 16 else None


def _version(query: str) -> str:
    """The version that a script is asked for in, the only part of its query that means another
    script: no query may fill the cache."""
    found = _VERSION.search(query)
    return found[1] if found else ""
