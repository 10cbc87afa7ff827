"""Puts contents at the brokers: each acknowledged by all copies that are in step, or it is told.

A message has no key. Its partition is its shard's, and brokers that were told to compact the topic,
which would throw away all but the last message of a key, refuse one that has none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ....errors import StoreError
from ..bodies import Parcel
from . import forks, places
from .address import Address
from .clients import PATIENCE, Said, asking, position, producer, told
from .topic import Layout, layout

_Report = Callable[[KafkaError | None, Message], None]

#: Seconds that a full queue of librdkafka's is given at once.
_PAUSE = 0.1


class Writer:
    """One producer, made when it is first needed, and anew after whatever went wrong: what it still
    had goes with it, since whoever put that comes again with everything. Any thread uses it."""

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
        self._said = Said()
        self._producer: Producer | None = None
        self._layout = Layout("", (), 0, 0)
        forks.watch(self)

    def put(self, parcels: Iterable[Parcel]) -> Sequence[str]:
        """``Bodies.put``. Messages are on their way while the next parcels are made."""
        with self._lock:
            try:
                return self._put(parcels, self._monotonic() + self._patience)
            except KafkaException as error:
                why = told(error.args[0], self._where, self._said)
                self._give_up()
                raise StoreError(why) from error
            except BaseException:
                self._give_up()
                raise

    def close(self) -> None:
        """Lets the producer go; nothing waits in it."""
        with self._lock:
            self._give_up()

    def abandon(self) -> Iterable[object]:
        """``forks.Holds.abandon``."""
        former, self._producer = self._producer, None
        self._lock, self._said = threading.Lock(), Said()
        return [former]

    def _put(self, parcels: Iterable[Parcel], until: float) -> Sequence[str]:
        reports = _Reports()
        for parcel in parcels:
            self._send(self._producer or self._connect(), parcel, reports, until)
        if self._producer is not None:
            self._producer.flush(max(0.0, until - self._monotonic()))
        return reports.places()

    def _send(self, client: Producer, parcel: Parcel, reports: _Reports, until: float) -> None:
        """Gives a message to librdkafka, which sends it, as soon as there is room for it."""
        content, partitions = parcel.content, self._layout.partitions
        partition = partitions[parcel.shard % len(partitions)]
        report = reports.next(places.check(content), self._layout.cluster)
        topic = self._where.topic
        while True:
            try:
                return client.produce(topic, content, partition=partition, on_delivery=report)
            except BufferError:
                self._make_room(client, until)

    def _make_room(self, client: Producer, until: float) -> None:
        """Waits until librdkafka's queue, which was full, has half of its place again."""
        half = len(client) // 2
        while len(client) > half:
            client.poll(_PAUSE)
            if self._monotonic() > until:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def _connect(self) -> Producer:
        with asking(self._where, self._said) as client:
            self._layout = layout(client, self._where.topic, patience=self._patience)
        self._producer = producer(self._where, self._said, patience=self._patience)
        return self._producer

    def _give_up(self) -> None:
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0)
        self._producer = None
        self._said = Said()


class _Reports:
    """What became of each message, and so where it lies."""

    def __init__(self) -> None:
        self._error: KafkaError | None = None
        self._places: list[str] = []

    def next(self, check: int, cluster: str) -> _Report:
        """What librdkafka's delivery report of one more message is given to."""
        number = len(self._places)
        self._places.append("")

        def take(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._error = self._error or error
                return
            self._places[number] = places.message(*position(message), check, cluster)

        return take

    def places(self) -> Sequence[str]:
        """All places, in the order of the parcels. KafkaException where a message was refused, or
        nobody has said that it is kept."""
        if self._error is not None or not all(self._places):
            raise KafkaException(self._error or KafkaError(KafkaError._TIMED_OUT))
        return self._places
