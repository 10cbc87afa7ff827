"""Bodies that go to a broker in one parcel: neighbours of one shard, in the log's order.

Brokers, clients and ciphers have work with each parcel, whatever its size: one for each body costs
more than all the rest of storing it. No I/O happens here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple
from zlib import crc32

from . import NewRow
from .bodies import SHARDS

#: The most bodies of a parcel.
MOST = 1000


class Bundle(NamedTuple):
    """What becomes one parcel; ``numbers`` are its rows' among all of a put."""

    shard: int
    numbers: Sequence[int]
    bodies: Sequence[bytes]


def bundles(rows: Sequence[NewRow], together: int) -> Iterator[Bundle]:
    """The bodies of rows in parcels of up to so many bytes, a shard's one behind the other; 0: each
    alone and in order, and alone is one that is larger than a parcel should be. What the log does
    not keep goes apart from what it keeps, since it is gone sooner."""
    shard = cache(_shard)  # most visitors come several times
    if not together:
        for number, row in enumerate(rows):
            yield Bundle(shard(row.order_key), [number], [row.body])
        return
    piles = defaultdict[int, list[int]](list)
    for number, row in enumerate(rows):
        piles[shard(row.order_key) + SHARDS * row.passes].append(number)
    for pile, numbers in piles.items():
        bodies = [rows[number].body for number in numbers]
        for start, end in _pieces(bodies, together):
            yield Bundle(pile % SHARDS, numbers[start:end], bodies[start:end])


def _pieces(bodies: Sequence[bytes], together: int) -> Iterator[tuple[int, int]]:
    """Where pieces of up to so many bytes begin and end."""
    ends = list(accumulate(map(len, bodies)))
    start, before = 0, 0
    while start < len(ends):
        end = min(max(bisect_right(ends, before + together), start + 1), start + MOST)
        yield start, end
        start, before = end, ends[end - 1]


def _shard(order_key: str) -> int:
    return crc32(order_key.encode("utf-8", "replace")) % SHARDS
