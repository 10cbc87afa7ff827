"""How ids are remembered: as 16 bytes, or where only counted, as a number. Pure functions."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from functools import lru_cache

from ...event import NAMESPACE, uuid_bytes


def keys_of(event_ids: Sequence[str]) -> bytes:
    """The keys of many ids, one behind the other."""
    return uuid_bytes(event_ids) or b"".join(map(key_of, event_ids))


def key_of(event_id: str) -> bytes:
    """The 16 bytes by which an id is remembered: a UUID's own, else its UUIDv5's."""
    try:
        key = bytes.fromhex(event_id.replace("-", ""))
    except ValueError:
        key = b""
    return key if len(key) == 16 else uuid.uuid5(NAMESPACE, event_id).bytes


@lru_cache(maxsize=8192)
def short_key(text: str) -> int:
    """The short hash under which an id is counted: 63 bits, never 0."""
    found = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(found, "big") >> 1 or 1
