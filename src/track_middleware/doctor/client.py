"""Asks a site as a browser would, and keeps what came back as it came."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..errors import TrackError

#: Seconds that connecting and each read may take.
_PATIENCE = 20

#: So much of a page is looked at.
_MOST = 8 * 2**20

#: Another address than a proxy's on the same machine has: all of 127.0.0.0/8 is the machine itself.
_OWN_LOOPBACK = "127.0.0.77"


class Unreachable(TrackError):
    """The site gives no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``headers``: its lines in order, names in lower case; ``body``: without its
    content encoding; ``length``: the bytes that came; ``whole``: whether all came that were
    promised; ``own``: the address from which was asked; ``at``: when it was asked and when its head
    came, in epoch seconds."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    length: int
    whole: bool
    own: str
    at: tuple[float, float]

    def lines(self, name: str) -> list[str]:
        """The values of every header line of a name."""
        return [value for each, value in self.headers if each == name]

    def header(self, name: str) -> str:
        """Them joined by commas; "" where there is none."""
        return ", ".join(self.lines(name))


def ask(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Answer:
    """One request over a connection of its own, redirects not followed. Unreachable says why there
    is no answer."""
    parts = parted(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = _connected(parts.scheme, parts.hostname or "", parts.port)
        with closing(connection):
            began = time.time()
            own = str(connection.sock.getsockname()[0])  # no more there once a server closes
            connection.request(method, path, body=body, headers=dict(headers))
            return _answer(url, own, connection.getresponse(), began)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(f"{_origin(url)} gives no answer: {_reason(error)}") from error


def _answer(url: str, own: str, response: http.client.HTTPResponse, began: float) -> Answer:
    at = (began, time.time())
    try:
        raw, whole = response.read(_MOST), True
    except http.client.IncompleteRead as error:
        raw, whole = error.partial, False
    except ConnectionError:
        raw, whole = b"", False
    headers = tuple((name.lower(), value) for name, value in response.getheaders())
    encoding = response.getheader("content-encoding", "").lower()
    body = _decoded(raw, encoding)
    return Answer(url, response.status, headers, body, len(raw), whole, own, at)


def _decoded(raw: bytes, encoding: str) -> bytes:
    if encoding not in ("gzip", "deflate"):
        return raw
    with suppress(zlib.error):
        return zlib.decompressobj(wbits=47 if encoding == "gzip" else 15).decompress(raw, _MOST)
    return raw


def _connected(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    """A connection. A site on this machine is asked from a loopback address of our own, where there
    may be one: so it can be told whether a proxy stands between."""
    if scheme not in ("http", "https") or not host:
        raise ValueError("it must begin with http:// or https:// and name a host")
    if _is_loopback(host):
        with suppress(OSError):
            return _connection(scheme, host, port, (_OWN_LOOPBACK, 0))
    return _connection(scheme, host, port, None)


def _connection(
    scheme: str, host: str, port: int | None, source: tuple[str, int] | None
) -> http.client.HTTPConnection:
    given: dict[str, Any] = {"timeout": _PATIENCE, "source_address": source}
    if scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, context=context, **given
        )
    else:
        connection = http.client.HTTPConnection(host, port, **given)
    try:
        connection.connect()
    except OSError:
        connection.close()
        raise
    return connection


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(each[4][0]).is_loopback for each in found)


def parted(url: str) -> SplitResult:
    """An address, taken apart; Unreachable when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Unreachable(f"{url[:200]} is no address: {error}") from error
    return parts


def _origin(url: str) -> str:
    parts = parted(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid here ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return f"nothing came within {_PATIENCE} s"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection"
    said = error.strerror if isinstance(error, OSError) else str(error)
    return said or type(error).__name__
