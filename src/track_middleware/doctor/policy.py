"""What a Content-Security-Policy permits (W3C CSP Level 3, sections 6.6 and 6.7). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

#: Which directive governs, the first that a policy has.
SCRIPTS = ("script-src-elem", "script-src", "default-src")
CALLS = ("connect-src", "default-src")

_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """What a page wants to load: its own origin's scheme, host and port, and a path."""

    scheme: str
    host: str
    port: int
    path: str


def place(url: str) -> Place:
    """An address, taken apart."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return Place(parts.scheme, (parts.hostname or "").lower(), port, parts.path)


def forbidding(
    policies: Iterable[str], wanted: Place, *, governs: Sequence[str], nonce: str = ""
) -> str:
    """The directive that forbids what lies on the page's own origin; "" where none does.
    ``policies``: the values of the header's lines, each of which may hold several."""
    for policy in [each for line in policies for each in line.split(",")]:
        directives = _directives(policy)
        name = next((each for each in governs if each in directives), None)
        if name is not None and not _permits(directives[name], wanted, nonce):
            return f"{name} {' '.join(directives[name])}".strip()
    return ""


def _directives(policy: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in policy.split(";"):
        words = part.split()
        if words:
            found.setdefault(words[0].lower(), words[1:])
    return found


def _permits(sources: Sequence[str], wanted: Place, nonce: str) -> bool:
    if nonce and f"'nonce-{nonce}'" in sources:
        return True
    lowered = [each.lower() for each in sources]
    if "'strict-dynamic'" in lowered:
        return False  # then neither hosts nor 'self' count
    return any(_matches(each, wanted) for each in lowered)


def _matches(source: str, wanted: Place) -> bool:
    if source in ("*", "'self'"):
        return True
    if source.startswith("'"):
        return False
    if source.endswith(":"):
        return _scheme(source[:-1], wanted.scheme)
    scheme, _, rest = source.rpartition("://")
    host, slash, path = rest.partition("/")
    name, colon, port = host.partition(":")
    return (
        (not scheme or _scheme(scheme, wanted.scheme))
        and _host(name, wanted.host)
        and (not colon or port in ("*", str(wanted.port)))
        and (not slash or _path(f"/{path}", wanted.path))
    )


def _scheme(said: str, wanted: str) -> bool:
    return said == wanted or (said, wanted) == ("http", "https")


def _host(said: str, wanted: str) -> bool:
    if said.startswith("*."):
        return wanted.endswith(said[1:])
    return said in ("*", wanted)


def _path(said: str, wanted: str) -> bool:
    if said == "/":
        return True
    said, wanted = said.lower(), wanted.lower()
    return wanted.startswith(said) if said.endswith("/") else wanted == said
