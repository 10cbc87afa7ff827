"""Where a content lies at the brokers, as text: a message, and which part of it.

A message is its partition, its offset, a sum over it, and the cluster. The sum tells it from
another one that brokers put at the same offset after they had lost the first (a topic made anew, a
leader elected that was behind). The cluster's mark tells whether these are the brokers at all that
have it.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32


class Message(NamedTuple):
    """A message as a place names it: ``check`` is its CRC-32, ``cluster`` its cluster's mark."""

    partition: int
    offset: int
    check: int
    cluster: str


def mark(cluster: str) -> str:
    """What stands for a cluster's id in a place."""
    return f"{crc32(cluster.encode()) & 0xFFFF:04x}"


def message(partition: int, offset: int, check: int, cluster: str) -> str:
    """A message as text."""
    return f"{partition}:{offset}:{check:08x}:{cluster}"


def part(start: int, end: int) -> str:
    """What stands behind a message's text in the place of a content that is a part of it."""
    return f":{start}:{end}"


def parted(place: str) -> tuple[str, int, int]:
    """A place's message as text, and where in it the content starts and ends."""
    text, start, end = place.rsplit(":", 2)
    return text, int(start), int(end)


def read(text: str) -> Message:
    """The message of which ``message`` wrote this."""
    partition, offset, check, cluster = text.split(":")
    return Message(int(partition), int(offset), int(check, 16), cluster)
