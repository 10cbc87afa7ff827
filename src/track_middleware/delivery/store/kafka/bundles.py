"""Contents that go to the brokers in one message: neighbours of one shard, in the log's order.

Brokers and clients have work with each message, whatever its size: one for each content would cost
more than sealing it and writing its row. No I/O happens here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..bodies import Parcel
from . import places

#: Bytes of a message that takes no more contents. Whoever wants a single one reads all of it.
FULL = 32_768


class Bundle:
    """What becomes one message; ``numbers`` are its contents' among all of a put."""

    __slots__ = ("_contents", "_parts", "numbers", "shard", "size")

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.numbers: list[int] = []
        self.size = 0
        self._contents: list[bytes] = []
        self._parts: list[str] = []

    def add(self, number: int, content: bytes) -> None:
        """One more content, behind the others."""
        start = self.size
        self.size += len(content)
        self.numbers.append(number)
        self._contents.append(content)
        self._parts.append(places.part(start, self.size))

    def message(self) -> bytes:
        """The contents, one behind the other: their places know where each begins and ends."""
        return b"".join(self._contents)

    def lie(self, message: str) -> Iterable[tuple[int, str]]:
        """Each content's number and place, once it is known where the message lies."""
        return zip(self.numbers, [message + part for part in self._parts], strict=True)


def bundles(parcels: Iterable[Parcel]) -> Iterator[Bundle]:
    """Parcels in messages, each as soon as it is full. A parcel that is larger than a message
    should be is alone in one."""
    waiting: dict[int, Bundle] = {}
    for number, parcel in enumerate(parcels):
        bundle = waiting.get(parcel.shard)
        if bundle is None or bundle.size + len(parcel.content) > FULL:
            if bundle is not None:
                yield bundle
            bundle = waiting[parcel.shard] = Bundle(parcel.shard)
        bundle.add(number, parcel.content)
    yield from waiting.values()
