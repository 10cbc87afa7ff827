"""How ids are remembered: as 16 bytes. Pure functions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

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
