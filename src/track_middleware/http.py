"""Requests, replies and cookies as plain values, shared by every face.

No I/O happens here: a face fills a ``Request`` and spends a ``Reply``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

#: Looks a header up by its lower-case name; "" when it is missing.
Header = Callable[[str], str]


class Request(msgspec.Struct):
    """What the core needs to know of one request.

    ``path`` is percent-decoded and holds no ``root_path``; ``query`` is raw, without ``?``;
    ``peer`` is the address of the connection. Header values are text (latin-1), "" where a header
    is missing; several lines of one name are joined as RFC 9110 says (cookies by ``; ``). Those
    that every page is asked for lie ready: ``purpose`` (Sec-Purpose, else Purpose), ``cookie``,
    ``agent`` (User-Agent), ``language`` (Accept-Language), ``referrer`` (Referer), ``destination``
    (Sec-Fetch-Dest) and ``gpc`` (Sec-GPC); ``header`` looks up any other.
    """

    method: str
    path: str
    header: Header
    query: str = ""
    scheme: str = "http"
    host: str = ""
    root_path: str = ""
    peer: str = ""
    purpose: str = ""
    cookie: str = ""
    agent: str = ""
    language: str = ""
    referrer: str = ""
    destination: str = ""
    gpc: str = ""

    def forget(self) -> None:
        """Lets go of the headers: the request is over."""
        self.header = _nothing


def _nothing(name: str) -> str:
    return ""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A whole answer of our own: status, headers in order, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The headers with the body's length; an answer without a body (HEAD, 304) states none."""
        if not self.body:
            return self.headers
        return (*self.headers, ("Content-Length", str(len(self.body))))


class Errand(msgspec.Struct, frozen=True):
    """What an answer of our own must wait for: a plain value that a face has run off its event
    loop. ``name`` says who runs it, ``order`` is what they are asked for."""

    name: str
    order: Any


class Caller(msgspec.Struct, frozen=True):
    """For whom a face runs an errand: its framework's own request, and whether the answer may last
    for minutes without holding a worker. ``allowed``: what the face knows of the operator's
    permission, None where it leaves that to the console."""

    request: object = None
    may_last: bool = False
    allowed: bool | None = None


class Head(msgspec.Struct, frozen=True):
    """Status and headers of an answer whose body follows piece by piece."""

    status: int
    headers: tuple[tuple[str, str], ...]


#: Reads at most so many bytes of a request's body; b"" at its end, OSError when the client is gone.
Read = Callable[[int], bytes]


class Running(Protocol):
    """An errand under way. ``start`` and ``piece`` may wait, and are called by one thread at a
    time; ``close`` comes in any case, from any thread, and ends what they wait for."""

    def start(self, read: Read) -> Reply | Head:
        """The whole answer, or its head."""
        ...

    def piece(self) -> bytes:
        """The next piece of the body behind a head, b"" at its end; OSError when it broke off."""
        ...

    def close(self) -> None:
        """Lets go of everything."""
        ...


class Terms(msgspec.Struct, frozen=True, gc=False):
    """On what terms a browser keeps a cookie; ``max_age`` in seconds, 0 deletes it. Always Lax and
    Path=/; HttpOnly unless a vendor's script is to read it. ``said``: the same in a header."""

    max_age: int
    secure: bool
    domain: str | None
    http_only: bool
    said: str


class _Terms(dict[tuple[int, bool, "str | None", bool], Terms]):
    """Terms by what they are: the same again and again."""

    def __missing__(self, named: tuple[int, bool, str | None, bool]) -> Terms:
        max_age, secure, domain, http_only = named
        within = f"; Domain={domain}" if domain else ""
        hidden, safe = "; HttpOnly" if http_only else "", "; Secure" if secure else ""
        said = f"; Max-Age={max_age}; Path=/{within}{hidden}; SameSite=Lax{safe}"
        if len(self) >= _MOST_TERMS:
            self.clear()
        self[named] = made = Terms(max_age, secure, domain, http_only, said)
        return made


_MOST_TERMS = 64
_TERMS = _Terms()


def terms(max_age: int, secure: bool, domain: str | None, *, http_only: bool = True) -> Terms:
    """These terms."""
    return _TERMS[max_age, secure, domain, http_only]


class Cookie(msgspec.Struct, frozen=True, gc=False):
    """One cookie to set."""

    name: str
    value: str
    terms: Terms

    def line(self) -> str:
        """The value of its ``Set-Cookie`` header (RFC 6265, section 4.1)."""
        return f"{self.name}={self.value}{self.terms.said}"


REASONS = {
    200: "OK", 202: "Accepted", 204: "No Content", 302: "Found", 303: "See Other",
    304: "Not Modified",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Content Too Large", 415: "Unsupported Media Type",
    424: "Failed Dependency", 429: "Too Many Requests",
    503: "Service Unavailable",
}  # fmt: skip


def status_line(status: int) -> str:
    """``200 OK``: the form that WSGI wants."""
    return f"{status} {REASONS.get(status, 'Unknown')}"


def weak_etag(etag: str) -> str:
    """An entity tag that promises meaning, no longer bytes (RFC 9110, 8.8.1)."""
    return f"W/{etag}" if etag.startswith('"') else etag


class _EnvironNames(dict[str, str]):
    """A header's lower-case name -> its key in a WSGI environ; made once per name."""

    def __missing__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        self[name] = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        return self[name]


_ENVIRON_NAMES = _EnvironNames()


def environ_request(
    environ: Mapping[str, Any], path: str, root_path: str, scheme: str, host: str = ""
) -> Request:
    """The request that a WSGI environ (PEP 3333) or Django's ``META`` describes. The caller says
    what servers and frameworks have different ideas of; ``host`` where it knows better."""
    get, names = environ.get, _ENVIRON_NAMES
    return Request(
        environ["REQUEST_METHOD"],
        path,
        lambda name: get(names[name]) or "",
        get("QUERY_STRING", ""),
        scheme,
        host or get("HTTP_HOST") or get("SERVER_NAME", ""),
        root_path,
        get("REMOTE_ADDR") or "",
        get("HTTP_SEC_PURPOSE") or get("HTTP_PURPOSE", ""),
        get("HTTP_COOKIE", ""),
        get("HTTP_USER_AGENT", ""),
        get("HTTP_ACCEPT_LANGUAGE", ""),
        get("HTTP_REFERER", ""),
        get("HTTP_SEC_FETCH_DEST", ""),
        get("HTTP_SEC_GPC", ""),
    )


def by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; lines of one name are joined by commas (RFC 9110, 5.3)."""
    pairs = pairs if type(pairs) is list else list(pairs)
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name.lower()] = value
    return found if len(found) == len(pairs) else _joined(pairs)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        found[key] = value if key not in found else f"{found[key]}, {value}"
    return found


def unreadable() -> Reply:
    """The answer when a request for one of our own paths could not be answered."""
    return Reply(400, (("Content-Type", "application/json"),), b'{"error":"unreadable"}')
