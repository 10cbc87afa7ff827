"""Our own paths: a prefix that no filter list can know, and what lies under it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple

from . import beacon, segment
from .signing import Mac

_CHOICE_LIMIT = 4096


class Place(NamedTuple):
    """What lies somewhere under the prefix: the methods it takes, what it is for, and the most
    bytes of body that are read."""

    methods: tuple[str, ...]
    purpose: str
    limit: int = 0


#: What lies under the prefix.
OWN = {
    "m.js": Place(("GET", "HEAD"), "script"),
    "m2.js": Place(("GET", "HEAD"), "extras"),
    "q": Place(("POST",), "collect", beacon.LIMIT),
    "x": Place(("GET", "HEAD"), "cross"),
    "n.png": Place(("GET", "HEAD"), "pixel"),
    "c": Place(("POST",), "consent", _CHOICE_LIMIT),
    ".well-known/gpc.json": Place(("GET", "HEAD"), "gpc"),
    "matomo.js": Place(("GET", "HEAD"), "bait"),
    "b.css": Place(("GET", "HEAD"), "banner"),
}

#: Where a site says that it heeds GPC (W3C GPC, "GPC Support Resource"); not under our prefix.
GPC = "/.well-known/gpc.json"

#: Everything under these is Segment's protocol; the second is where RudderStack's beacons go.
_SEGMENTS = ("v1/", "beacon/v1/")
_SEGMENT = Place(("POST", "GET", "HEAD", "OPTIONS"), "segment", segment.LIMIT)

_HASHED = re.compile(r"(m2?)\.[0-9a-f]{8}\.js\Z")


def prefix(secret_key: str) -> str:
    """The first path segment of everything the browser calls, derived from the secret key."""
    digest = hmac.new(secret_key.encode(), b"track-middleware/path/1", hashlib.sha256).digest()
    return base64.b32encode(digest)[:8].decode("ascii").lower()


def own(path: str) -> str | None:
    """The rest of a path that begins with one of ``starts``, without its prefix; None when it is
    not ours after all."""
    if path.startswith(GPC):
        return GPC[1:] if path == GPC else None
    return path.split("/", 2)[2]


def starts(prefixes: Iterable[str], *, gpc: bool) -> tuple[str, ...]:
    """The beginnings of our own paths; ``gpc``: we say there that the site heeds GPC."""
    ours = tuple(f"/{each}/" for each in dict.fromkeys(prefixes))
    return (*ours, GPC) if gpc else ours


def place(rest: str) -> Place | None:
    """What lies at ``rest`` under the prefix; None when nothing does."""
    if rest.startswith(_SEGMENTS):
        return _SEGMENT
    hashed = _HASHED.match(rest)
    return OWN.get(f"{hashed[1]}.js" if hashed else rest)


def load_mac(secret_key: str) -> Mac:
    """Makes a visitor's id of a load id, where a page from a shared cache could carry none."""
    return Mac(b"track-middleware/load/1\0" + secret_key.encode())
