"""The country of a visit: a CDN's word, else a look-up of the address.

No file is read here: the look-up is given by whoever opened the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address

#: Address -> ISO 3166 country code in capitals, or None where the database knows none.
Place = Callable[[str], str | None]

#: Codes that CDNs send for "unknown" (Cloudflare: XX; T1, a Tor exit, is no two letters).
_NOWHERE = frozenset({"XX", "ZZ"})


def country(facts: Mapping[str, str], address: str | None, place: Place | None) -> str | None:
    """The country of a visit as two capital letters.

    ``facts["country"]`` is what a CDN's header said; ``address`` may be truncated to its network,
    which a country database does not mind.
    """
    told = _code(facts.get("country"))
    if told or place is None or not address or not _is_address(address):
        return told
    return _code(place(address))


def _code(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    code = text.upper()
    if len(code) != 2 or not (code.isascii() and code.isalpha()) or code in _NOWHERE:
        return None
    return code


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
