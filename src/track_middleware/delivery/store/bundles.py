"""Bodies that go to a broker in one parcel: neighbours of one shard, in the log's order.

Brokers, clients and ciphers have work with each parcel, whatever its size: one for each body costs
more than all the rest of storing it. No I/O happens here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from zlib import crc32

from . import NewRow
from .bodies import SHARDS

#: The most bodies of a parcel.
MOST = 1000


class Bundle:
    """What becomes one parcel; ``numbers`` are its rows' among all of a put."""

    __slots__ = ("bodies", "numbers", "shard", "size")

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.numbers: list[int] = []
        self.bodies: list[bytes] = []
        self.size = 0


def bundles(rows: Sequence[NewRow], together: int) -> Iterator[Bundle]:
    """The bodies of rows in parcels of up to so many bytes, each as soon as it is full; 0: each
    alone, and so is one that is larger than a parcel should be. What the log does not keep goes
    apart from what it keeps, since it is gone sooner."""
    waiting: dict[int, Bundle] = {}
    shard = cache(_shard)  # most visitors come several times
    for number, row in enumerate(rows):
        body = row.body
        where, size = shard(row.order_key) + row.passes * SHARDS, len(body)
        bundle = waiting.get(where)
        if bundle is None or bundle.size + size > together:
            if bundle is not None:
                yield bundle
            bundle = waiting[where] = Bundle(where % SHARDS)
        bundle.size += size
        bundle.numbers.append(number)
        bundle.bodies.append(body)
        if bundle.size >= together or len(bundle.bodies) == MOST:
            yield waiting.pop(where)
    yield from waiting.values()


def _shard(order_key: str) -> int:
    return crc32(order_key.encode("utf-8", "replace")) % SHARDS
