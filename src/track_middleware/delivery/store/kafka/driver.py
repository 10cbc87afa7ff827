"""Contents at Kafka's brokers, as the store's seam wants them (``bodies.py``).

There is no consumer group: who serves whom is decided by the ledger's leases, and from where by its
positions. A second authority about it would have to agree with the first at every crash.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from ....errors import StoreError
from ..bodies import Held, Parcel
from ..broker import Broker
from . import places, topic
from .address import address
from .clients import PATIENCE, Said, admin, asking, told
from .faults import faults, max_age
from .pool import Pool
from .writing import Writer


class Kafka:
    """``Bodies`` in one topic, a parcel a message. ``patience``: seconds after which brokers count
    as away."""

    #: Brokers and clients have work with each message, whatever its size.
    together = 65_536

    def __init__(
        self,
        broker: Broker,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self.name = broker.name
        self._where = where = address(broker)
        self._writer = Writer(where, monotonic=monotonic, patience=patience)
        self._pool = Pool(where, monotonic=monotonic, patience=patience)

    def put(self, parcels: Iterable[Parcel]) -> Sequence[str]:
        """``Bodies.put``."""
        return self._writer.put(parcels)

    def get(self, at: Sequence[str]) -> Mapping[str, bytes]:
        """``Bodies.get``."""
        messages = {each: places.read(each) for each in at}
        offsets = defaultdict[int, list[int]](list)
        for message in messages.values():
            offsets[message.partition].append(message.offset)
        clusters = {message.cluster for message in messages.values()}
        found = self._pool.get(offsets, clusters) if offsets else {}
        return {
            each: content
            for each, message in messages.items()
            if (content := found.get(message[:2])) is not None
            and places.check(content) == message.check
        }

    def forget(self, oldest: Sequence[str]) -> None:
        """Nothing: how long brokers keep a message is the topic's ``retention.ms``."""

    def held(self) -> Held:
        """``Bodies.held``. How many bytes there are Kafka's protocol does not tell."""
        name = self._where.topic
        with self._explained() as said, asking(self._where, said) as client:
            spread = topic.layout(client, name)
            ends = topic.ends(client, name, spread.partitions)
            oldest = topic.oldest(client, name, ends)
            known = topic.said(admin(self._where, said), name)
        return Held(
            messages=sum(end - first for first, end in ends.values()),
            size=None,
            oldest=oldest,
            max_age=max_age(known),
            copies=spread.copies,
            replicas=spread.replicas,
            faults=tuple(faults(known, spread.replicas)),
        )

    def make(self, keep_days: int) -> bool:
        """Makes the topic unless it is there; whether it was not. StoreError when it cannot."""
        with self._explained() as said:
            client = admin(self._where, said)
            replicas = self._where.replicas
            return topic.make(client, self._where.topic, replicas=replicas, keep_days=keep_days)

    def close(self) -> None:
        """``Bodies.close``."""
        self._writer.close()
        self._pool.close()

    @contextmanager
    def _explained(self) -> Iterator[Said]:
        said = Said()
        try:
            yield said
        except KafkaException as error:
            raise StoreError(told(error.args[0], self._where, said)) from error
        except TimeoutError as error:
            raise StoreError(told(KafkaError(KafkaError._TIMED_OUT), self._where, said)) from error
