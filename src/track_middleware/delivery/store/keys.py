"""How ids are remembered: as 16 bytes. A pure function."""

from __future__ import annotations

import uuid

from ...event import NAMESPACE


def key_of(event_id: str) -> bytes:
    """The 16 bytes by which an id is remembered: a UUID's own, else its UUIDv5's."""
    try:
        key = bytes.fromhex(event_id.replace("-", ""))
    except ValueError:
        key = b""
    return key if len(key) == 16 else uuid.uuid5(NAMESPACE, event_id).bytes
