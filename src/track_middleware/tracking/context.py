"""The ``context`` of an event as Segment's spec and docs/wire.md have it, as pieces of JSON.

A piece holds members of an object, each behind a comma, without the braces around them. Every text
in one has gone through the encoder. Pieces that the same few values make again and again are
remembered by exactly these values.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

import msgspec

from ..event import iso
from .privacy import kept_address
from .session import Session

_SAFE = "/-._~!$&'()*+,;=:@%"

#: Longer ones are no browser's, and are not remembered.
_LONGEST_AGENT = 512

#: Any value as JSON.
json = msgspec.json.Encoder().encode


def client(agent: str, accept_language: str, address: str, ip: str) -> bytes:
    """What is said of a client: its User-Agent, language, and what is kept of its address."""
    if len(agent) + len(accept_language) > _LONGEST_AGENT:
        return _described(agent, accept_language, address, ip)
    return _client(agent, accept_language, address, ip)


def _described(agent: str, accept_language: str, address: str, ip: str) -> bytes:
    said = b',"userAgent":' + json(agent) if agent else b""
    kept = kept_address(address, ip) if address else None
    if kept is not None:
        said += b',"ip":' + json(kept)
    locale = language(accept_language)
    return said + b',"locale":' + json(locale) if locale is not None else said


_client = lru_cache(maxsize=1024)(_described)


def standing(
    session: Session | None, campaign: dict[str, str] | None, first: dict[str, str] | None
) -> bytes:
    """What is said of the session, the campaign that holds, and the visitor's first one."""
    said = b""
    if session is not None:
        about = {"id": session.id, "number": session.number, "start": iso(session.start)}
        said = b',"session":' + json(about)
    if campaign:
        said += b',"campaign":' + json(campaign)
    if first is not None:
        said += b',"firstCampaign":' + json(first)
    return said


def place(scheme: str, host: str, path: str, query: str) -> tuple[bytes, bytes]:
    """An absolute URL of parts, and the path in it; in the URL it is percent-encoded where it must
    be. JSON texts side by side are one text."""
    said = written = json(path)
    if not (path.isascii() and path.isprintable() and " " not in path):
        written = json(quote(path, _SAFE))
    begun = _begun if len(host) <= _LONGEST_AGENT else _begun.__wrapped__
    url = begun(scheme, host) + written[1:]
    return (b"".join((url[:-1], b"?", json(query)[1:])) if query else url), said


@lru_cache(maxsize=256)
def _begun(scheme: str, host: str) -> bytes:
    """The beginning of a URL, as a JSON text that is still open."""
    return json(f"{scheme}://{host}")[:-1]


def language(accept_language: str) -> str | None:
    """The language that a browser prefers: the first of its Accept-Language."""
    return _language(accept_language[:_LONGEST_AGENT])


@lru_cache(maxsize=1024)
def _language(accept_language: str) -> str | None:
    return accept_language.partition(",")[0].partition(";")[0].strip()[:40] or None
