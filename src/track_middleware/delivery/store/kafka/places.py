"""Where a content lies at the brokers, as text: the message that it is.

A message is its partition, its offset, a sum over its end, and the cluster. The sum tells it from
another one that brokers put at the same offset after they had lost the first (a topic made anew, a
leader elected that was behind). The cluster's mark tells whether these are the brokers at all that
have it.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

#: Bytes of the sum that a seal ends with, which no two contents have alike (``sealing.py``).
_SEAL = 16


class Message(NamedTuple):
    """A message as a place names it: ``cluster`` is its cluster's mark."""

    partition: int
    offset: int
    check: int
    cluster: str


def check(content: bytes) -> int:
    """The sum by which a message is known again: over the seal's own, with which it ends."""
    return crc32(content[-_SEAL:])


def mark(cluster: str) -> str:
    """What stands for a cluster's id in a place."""
    return f"{crc32(cluster.encode()) & 0xFFFF:04x}"


def message(partition: int, offset: int, check: int, cluster: str) -> str:
    """A message as text."""
    return f"{partition}:{offset}:{check:08x}:{cluster}"


def read(text: str) -> Message:
    """The message of which ``message`` wrote this."""
    partition, offset, check, cluster = text.split(":")
    return Message(int(partition), int(offset), int(check, 16), cluster)
