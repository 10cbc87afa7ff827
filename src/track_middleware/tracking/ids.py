"""Ids: what is one, what never is, and ids derived from others."""

from __future__ import annotations

import hashlib
import re

from ..errors import EventError
from ..event import ID_LENGTH

#: What broken front ends send for "nobody"; never an id (ankane/ahoy issues 203, 240, 469).
NOBODY = frozenset(
    {
        "", "0", "-1", "null", "nil", "none", "undefined", "nan", "false", "true", "guest",
        "anonymous", "unknown", "user", "id", "distinct_id", "not_authenticated", "[object object]",
        "00000000-0000-0000-0000-000000000000",
    }
)  # fmt: skip

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_BITS = re.compile(r"[0-9a-f]{32}\Z")
_USER_LENGTH = 255

#: A copy of a state costs half of a new one.
_BEGUN = hashlib.blake2s(digest_size=16)


def user(value: object) -> str | None:
    """A user id as text, or None for nobody. EventError when it can be no id."""
    if value is None:
        return None
    if type(value) is str:
        text = value.strip()
    elif isinstance(value, (bool, list, dict, float, bytes)):
        raise EventError(f"user_id is a {type(value).__name__}; pass a string or a number")
    else:
        text = str(value).strip()
    if text.lower() in NOBODY:
        return None
    return text if len(text) <= _USER_LENGTH else text[:_USER_LENGTH]


def event_id(value: object) -> str:
    """A caller's own event id; EventError when it is no string of 1 to 100 characters."""
    text = str(value) if not isinstance(value, (bytes, list, dict)) else ""
    if not 0 < len(text) <= ID_LENGTH:
        raise EventError(f"event_id must have 1 to {ID_LENGTH} characters")
    return text


def is_uuid(text: object) -> bool:
    """Whether a text is a UUID in its usual, lower-case form."""
    return isinstance(text, str) and _UUID.match(text) is not None


def view_id(text: str) -> str | None:
    """The UUID of a view by the browser's own 128 random bits: in hexadecimal digits, or, by an
    older script that a cache has kept, as a UUID. None for anything else."""
    if _BITS.match(text):
        return uuid_text(bytes.fromhex(text), 4)
    return text if is_uuid(text) else None


def uuid_text(digest: bytes, version: int = 8) -> str:
    """The first 16 bytes of a digest in a UUID's form (RFC 9562, version 8 unless told)."""
    return _uuid(digest[:16].hex(), version)


def _uuid(h: str, version: int) -> str:
    return f"{h[:8]}-{h[8:12]}-{version}{h[13:16]}-a{h[17:20]}-{h[20:]}"


def moment(millisecond: int) -> str:
    """What a UUID of version 7 (RFC 9562) begins with: its moment in milliseconds since 1970."""
    return millisecond.to_bytes(6).hex("-", -4)


def endings(random: bytes) -> tuple[str, list[str]]:
    """What such UUIDs go on with, of random bytes: what the first three make, which all of them
    share, and what the others do, six each."""
    shared = random[:3].hex()
    return f"-7{shared[:3]}-a{shared[3:]}-", random[3:].hex(" ", 6).split()


def derived(*parts: str) -> str:
    """An id that follows from its parts: the same parts make the same id everywhere."""
    digest = _BEGUN.copy()
    digest.update("\0".join(parts).encode())
    return _uuid(digest.hexdigest(), 8)
