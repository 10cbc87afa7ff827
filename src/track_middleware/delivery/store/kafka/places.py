"""Where a content lies at the brokers, as text: partition, offset, a sum over it, and the cluster.

The sum tells a message from another one that brokers put at the same offset after they had lost the
first (a topic made anew, a leader elected that was behind). The cluster's mark tells whether these
are the brokers at all that have it.
"""

from __future__ import annotations

from zlib import crc32


def mark(cluster: str) -> str:
    """What stands for a cluster's id in a place."""
    return f"{crc32(cluster.encode()) & 0xFFFF:04x}"


def written(partition: int, offset: int, content: bytes, cluster: str) -> str:
    """A place as the ledger keeps it; ``cluster`` is its mark."""
    return f"{partition}:{offset}:{crc32(content):08x}:{cluster}"


def read(place: str) -> tuple[int, int, int, str]:
    """The partition, the offset, the content's CRC-32 and the cluster's mark that ``written``
    wrote."""
    partition, offset, check, cluster = place.split(":")
    return int(partition), int(offset), int(check, 16), cluster
