"""Where a content lies at the brokers, as text: partition, offset, and a sum over the content.

The sum tells a message from another one that brokers put at the same offset after they had lost the
first (a topic made anew, a leader elected that was behind).
"""

from __future__ import annotations

from zlib import crc32


def written(partition: int, offset: int, content: bytes) -> str:
    """A place as the ledger keeps it."""
    return f"{partition}:{offset}:{crc32(content):08x}"


def read(place: str) -> tuple[int, int, int]:
    """The partition, the offset and the content's CRC-32 that ``written`` wrote."""
    partition, offset, check = place.split(":")
    return int(partition), int(offset), int(check, 16)
