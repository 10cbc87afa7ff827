"""Readers of one topic: whoever reads gets the one that is nearest to what he asks for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from confluent_kafka import KafkaException

from ....errors import StoreError
from . import forks
from .address import Address
from .clients import PATIENCE, Said, consumer, told
from .reading import Behind, Found, Reader
from .topic import layout

logger = logging.getLogger("track_middleware")

#: Readers that wait for the next who asks.
_READERS = 8

#: A log that ended too soon for so many seconds has lost its end: no copy that is in step is so far
#: behind (``replica.lag.time.max.ms`` is 30 seconds).
LOST = 120.0


class Pool:
    """Any thread uses it, several at once."""

    def __init__(
        self,
        where: Address,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._where = where
        self._patience = patience
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._idle: list[tuple[Reader, Said]] = []
        self._cluster = ""
        self._short: dict[int, float] = {}
        forks.watch(self)

    def get(self, wanted: Mapping[int, Sequence[int]], clusters: Iterable[str]) -> Found:
        """The contents at offsets of partitions; what brokers no longer have is left out.
        StoreError when they cannot be asked, or are of another cluster than these marks say."""
        asked = dict(wanted)
        while True:
            try:
                found = self._read(asked, clusters)
            except Behind as short:
                if not self._is_lost(short):
                    raise StoreError(
                        f"{self._where.shown}: {short}, which was acknowledged: are all of its "
                        "brokers up?"
                    ) from short
                asked[short.partition] = [at for at in asked[short.partition] if at < short.end]
            else:
                self._recovered(
                    partition for partition in wanted if asked[partition] == wanted[partition]
                )
                return found

    def close(self) -> None:
        """Lets those go that nobody uses just now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for reader, _ in idle:
            reader.close()

    def abandon(self) -> Iterable[object]:
        """``forks.Holds.abandon``."""
        former, self._idle = self._idle, []
        self._lock = threading.Lock()
        return [reader for reader, _ in former]

    def _read(self, wanted: Mapping[int, Sequence[int]], clusters: Iterable[str]) -> Found:
        reader, said = self._taken(wanted)
        try:
            self._check(clusters)
            found = reader.get(wanted, self._monotonic() + self._patience)
        except KafkaException as error:
            reader.close()
            raise StoreError(told(error.args[0], self._where, said)) from error
        except BaseException:
            reader.close()
            raise
        self._put_back(reader, said)
        return found

    def _taken(self, wanted: Mapping[int, Sequence[int]]) -> tuple[Reader, Said]:
        """The reader that is nearest; else a new one, or the one that was idle longest."""
        partition, offsets = next(iter(wanted.items()))
        with self._lock:
            for number, (reader, _) in enumerate(self._idle):
                if reader.has_near(partition, offsets[0]):
                    return self._idle.pop(number)
            if len(self._idle) == _READERS:
                return self._idle.pop(0)
        return self._made()

    def _made(self) -> tuple[Reader, Said]:
        said = Said()
        client = consumer(self._where, said)
        try:
            found = layout(client, self._where.topic, patience=self._patience)
        except KafkaException as error:
            client.poll(0)  # gives ``said`` the reason
            client.close()
            raise StoreError(told(error.args[0], self._where, said)) from error
        self._cluster = found.cluster
        return Reader(client, self._where.topic, monotonic=self._monotonic), said

    def _check(self, clusters: Iterable[str]) -> None:
        if any(each != self._cluster for each in clusters):
            raise StoreError(
                f"{self._where.shown} is another cluster than the one that has the bodies of the "
                "ledger's events: set store to that one"
            )

    def _put_back(self, reader: Reader, said: Said) -> None:
        with self._lock:
            self._idle.append((reader, said))
            surplus = self._idle.pop(0)[0] if len(self._idle) > _READERS else None
        if surplus is not None:
            surplus.close()

    def _recovered(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._short.pop(partition, None)

    def _is_lost(self, short: Behind) -> bool:
        """Whether a partition's log has ended too soon for so long that nothing more will come."""
        now = self._monotonic()
        if now - self._short.setdefault(short.partition, now) < LOST:
            return False
        logger.error("%s: %s: its brokers have lost what they had", self._where.shown, short)
        return True
