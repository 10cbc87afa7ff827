"""librdkafka's clients as a store needs them: what they are told, and what they say when it fails.

Whoever has not asked for a Kafka store never imports this.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from ....errors import StoreError
from .address import Address

#: Seconds after which brokers that have not answered count as away: a batch of the drain is open
#: meanwhile, and others wait for it.
PATIENCE = 7.0

#: What librdkafka itself logs goes here; it would write to stderr else.
_log = logging.getLogger("track_middleware")

_COMMON: dict[str, Any] = {
    "client.id": "track-middleware",
    "socket.keepalive.enable": True,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "log_level": 2,  # faults of its own; what brokers answer is told by who asked
}

#: Each message once and in order, on every copy that is in step, however often it was sent.
_PRODUCER: dict[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 5,
    "queue.buffering.max.messages": 20_000,
    "queue.buffering.max.kbytes": 16_384,
    "compression.type": "none",  # what was sealed does not become smaller
}

#: No group: who reads what is decided by the ledger's leases, and where by its positions.
_CONSUMER: dict[str, Any] = {
    "group.id": "track-middleware",  # librdkafka wants a name; nobody ever joins it
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
    "fetch.wait.max.ms": 100,
    "fetch.queue.backoff.ms": 10,  # of a queue that was full
    "fetch.error.backoff.ms": 100,
    "fetch.message.max.bytes": 262_144,  # of each partition at once
    "queued.min.messages": 1000,
    "queued.max.messages.kbytes": 4096,
}


class Said:
    """What a client last heard of its brokers: for the error that tells why nothing came."""

    def __init__(self) -> None:
        self._last = ""

    def hear(self, error: KafkaError) -> None:
        """librdkafka's ``error_cb``. That all are down says less than why."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self._last:
            self._last = error.str()

    def why(self, otherwise: str) -> str:
        """The reason, as far as it is known."""
        return self._last or otherwise


def producer(where: Address, said: Said, *, patience: float = PATIENCE) -> Producer:
    """A client that writes, and tries for so many seconds. StoreError where librdkafka refuses what
    the URL says."""
    options = {**_PRODUCER, "message.timeout.ms": int(patience * 1000)}
    with _understood():
        return Producer(_told(where, said, options), logger=_log)


def consumer(where: Address, said: Said) -> Consumer:
    """A client that reads, of no partition yet."""
    with _understood():
        return Consumer(_told(where, said, _CONSUMER), logger=_log)


@contextmanager
def asking(where: Address, said: Said) -> Iterator[Consumer]:
    """A client for a question, which makes nothing by asking."""
    client = consumer(where, said)
    try:
        yield client
    except KafkaException:
        client.poll(0)  # gives ``said`` the reason
        raise
    finally:
        client.close()


def admin(where: Address, said: Said) -> AdminClient:
    """A client that asks about topics and makes them."""
    with _understood():
        return AdminClient(_told(where, said, {}), logger=_log)


def _told(where: Address, said: Said, options: dict[str, Any]) -> dict[str, Any]:
    return {**_COMMON, **where.options, **options, "error_cb": said.hear}


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise StoreError(f"the store's URL cannot be used: {error.args[0].str()}") from error


def position(message: Message) -> tuple[int, int]:
    """A message's partition and offset, which each has that comes from the brokers."""
    return message.partition(), message.offset()  # type: ignore[return-value]


def told(error: KafkaError, where: Address, said: Said) -> str:
    """What an error means to whoever runs the site, and what to do where that is known."""
    known = _MEANT.get(error.code())
    if known is not None:
        return f"{where.shown}: {known.format(topic=where.topic)} ({error.str()})"
    if error.code() in AWAY:
        return f"{where.shown} does not answer: {said.why(error.str())}"
    return f"{where.shown}: {error.str()}"


#: What is answered when nobody answers.
AWAY = {
    KafkaError._TIMED_OUT,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._PURGE_QUEUE,
    KafkaError._PURGE_INFLIGHT,
}

NO_TOPIC = "there is no topic {topic}; `track-middleware init` makes it, if it may"

_NOT_ALLOWED = "its user may not write or read the topic {topic}"

_MEANT = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: NO_TOPIC,
    KafkaError._UNKNOWN_TOPIC: NO_TOPIC,
    KafkaError._UNKNOWN_PARTITION: NO_TOPIC,
    KafkaError.MSG_SIZE_TOO_LARGE: (
        "the topic {topic} takes no batches of this size; set its max.message.bytes to 1048588, as "
        "Kafka does by itself"
    ),
    KafkaError.INVALID_RECORD: "the topic {topic} refuses messages; is its cleanup.policy compact?",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: _NOT_ALLOWED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "its user may not write idempotently; allow it IDEMPOTENT_WRITE on the cluster"
    ),
    KafkaError._AUTHENTICATION: "the brokers do not accept user and password",
    KafkaError.SASL_AUTHENTICATION_FAILED: "the brokers do not accept user and password",
    KafkaError.NOT_ENOUGH_REPLICAS: (
        "of the topic {topic} fewer copies are in step than its min.insync.replicas"
    ),
}
