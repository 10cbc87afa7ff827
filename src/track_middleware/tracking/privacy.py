"""What may leave the request: addresses cut short, secrets taken out of queries."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from functools import lru_cache
from urllib.parse import unquote_plus

REDACTED = "redacted"


def client_address(peer: str, forwarded: str, proxies: int) -> str:
    """The client's address: the peer's, or what the last trusted proxy saw.

    ``forwarded`` is X-Forwarded-For; ``proxies`` of our own append to it, so it is read from the
    right and nothing further left is believed.
    """
    if proxies < 1 or not forwarded:
        return peer
    hops = [hop.strip() for hop in forwarded.split(",")]
    return _bare(hops[-proxies] if proxies <= len(hops) else hops[0])


#: Longest text that is looked at as an address: IPv6 with a zone's name and a port.
_LONGEST = 64


def _bare(hop: str) -> str:
    """An address without port or brackets; of what is too long to be one only the beginning."""
    hop = hop[:_LONGEST]
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def kept_address(address: str, mode: str) -> str | None:
    """What is kept of an address: IPv4 without its last byte, IPv6 without its last 80 bits
    (as Google Analytics documents its own), all of it in ``full``, nothing in ``none``."""
    return _kept(address, mode) if mode != "none" and len(address) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _kept(address: str, mode: str) -> str | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if mode == "full":
        return str(parsed)
    if parsed.version == 4:
        return str(ipaddress.ip_network((int(parsed) & 0xFFFFFF00, 32)).network_address)
    if parsed.ipv4_mapped:
        return _kept(str(parsed.ipv4_mapped), mode)
    return str(ipaddress.IPv6Address(int(parsed) >> 80 << 80))


class Redaction:
    """Takes the values of named query parameters out of queries and URLs, and parameters of ours
    (``removed``) altogether."""

    __slots__ = ("_names", "_removed")

    def __init__(self, names: Collection[str], *, removed: Sequence[str] = ()) -> None:
        self._removed = tuple(f"{name}=" for name in removed)
        self._names = frozenset(name.lower() for name in (*names, *removed))

    def query(self, query: str) -> str:
        """A raw query string without these values."""
        if not query:
            return query
        pairs = query.split("&")
        names = self._names
        for pair in pairs:
            name = pair.partition("=")[0]
            if "%" in name or "+" in name or name.lower() in names:
                break  # the rare query that has to be looked at closely
        else:
            return query
        if self._removed:
            pairs = [pair for pair in pairs if not pair.startswith(self._removed)]
        return "&".join([pair if self._is_harmless(pair) else _redacted(pair) for pair in pairs])

    def url(self, url: str) -> str:
        """A URL without secrets in its query, credentials and query-like fragment."""
        if "@" in url:
            url = _without_credentials(url)
        if "?" not in url and "#" not in url:
            return url
        url, hash_, fragment = url.partition("#")
        if "=" in fragment:
            fragment = self.query(fragment)
        base, mark, query = url.partition("?")
        if query and not (query := self.query(query)):
            mark = ""
        return f"{base}{mark}{query}{hash_}{fragment}"

    def _is_harmless(self, pair: str) -> bool:
        name = pair.partition("=")[0].lower()
        if "%" in name or "+" in name:
            name = unquote_plus(name).lower()
        return name not in self._names


def _redacted(pair: str) -> str:
    return f"{pair.partition('=')[0]}={REDACTED}"


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    return f"{scheme}{separator}{netloc.rpartition('@')[2]}{slash}{path}" if separator else url
