"""What may leave the request: addresses cut short, secrets taken out of queries."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
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


def _bare(hop: str) -> str:
    """An address without port or brackets."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


@lru_cache(maxsize=4096)
def kept_address(address: str, mode: str) -> str | None:
    """What is kept of an address: IPv4 without its last byte, IPv6 without its last 80 bits
    (as Google Analytics documents its own), all of it in ``full``, nothing in ``none``."""
    if mode == "none":
        return None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if mode == "full":
        return str(parsed)
    if parsed.version == 4:
        return str(ipaddress.ip_network((int(parsed) & 0xFFFFFF00, 32)).network_address)
    if parsed.ipv4_mapped:
        return kept_address(str(parsed.ipv4_mapped), mode)
    return str(ipaddress.IPv6Address(int(parsed) >> 80 << 80))


def redacted_query(query: str, names: Collection[str]) -> str:
    """A raw query string with the values of these (lower-case) names replaced."""
    if not query or not any(_name(pair) in names for pair in query.split("&")):
        return query
    return "&".join(
        f"{pair.partition('=')[0]}={REDACTED}" if _name(pair) in names else pair
        for pair in query.split("&")
    )


def _name(pair: str) -> str:
    name = pair.partition("=")[0]
    return (unquote_plus(name) if "%" in name or "+" in name else name).lower()


def redacted_url(url: str, names: Collection[str]) -> str:
    """A URL with secrets taken out of its query, credentials and query-like fragment."""
    scheme, separator, rest = url.partition("://")
    if separator:
        netloc, slash, path = rest.partition("/")
        if "@" in netloc:
            url = f"{scheme}://{netloc.rpartition('@')[2]}{slash}{path}"
    if "?" not in url and "#" not in url:
        return url
    url, hash_, fragment = url.partition("#")
    if "=" in fragment:
        fragment = redacted_query(fragment, names)
    base, mark, query = url.partition("?")
    return f"{base}{mark}{redacted_query(query, names)}{hash_}{fragment}"
