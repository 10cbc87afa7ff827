"""What is kept of a client's address."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache


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


#: A message's word on an address, in what may be no JSON; also cut off in the middle.
_SAID = re.compile(r'("ip"\s*:\s*")([^"]*)')


def without_addresses(text: str, mode: str) -> str:
    """A refused message in which no more stands of the address that it names than is kept."""
    if mode == "full":
        return text
    return _SAID.sub(lambda found: found[1] + (kept_address(found[2], mode) or ""), text)


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
