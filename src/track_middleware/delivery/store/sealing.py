"""What a broker keeps of an event, and what stands in the event's row instead of its body.

A body is sealed with a key of its own (AES-256-GCM), which the row keeps beside the place: once the
row is gone nobody can read what the broker still has. A key seals one content, so that there is
nothing to count or draw for a nonce.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...errors import StoreError
from .home import MARK

#: Bytes of a key.
_KEY = 32
_PLACE = len(MARK) + _KEY
_ONCE = bytes(12)


def new_keys(number: int) -> Sequence[bytes]:
    """So many random keys, drawn at once."""
    drawn = secrets.token_bytes(_KEY * number)
    return [drawn[at : at + _KEY] for at in range(0, len(drawn), _KEY)]


def sealed(body: bytes, key: bytes) -> bytes:
    """What a key, which has sealed nothing yet, seals a body as."""
    return AESGCM(key).encrypt(_ONCE, body, None)


def note(key: bytes, place: str) -> bytes:
    """What stands in a row instead of a body that is sealed with this key and lies there."""
    return MARK + key + place.encode("ascii")


def place(said: bytes) -> str:
    """Where the body lies for which a note stands."""
    return said[_PLACE:].decode("ascii")


def opened(said: bytes, content: bytes) -> bytes:
    """The body for which a note stands. StoreError when the content is another's, or damaged."""
    try:
        return AESGCM(said[len(MARK) : _PLACE]).decrypt(_ONCE, content, None)
    except InvalidTag:
        raise StoreError(
            f"the broker has something else at {place(said)} than was put there: was its log made "
            "anew, or does store name another one?"
        ) from None
