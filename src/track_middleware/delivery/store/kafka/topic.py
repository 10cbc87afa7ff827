"""A topic: whether it is there, how it is made, and what its brokers say of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from ..bodies import SHARDS
from . import places
from .clients import PATIENCE

_DAY = 86_400

#: Contents are kept so many days longer than events: for destinations that are away meanwhile.
_LONGER = 30

#: Copies of a topic that is made, where there are as many brokers.
_COPIES = 3

#: Seconds for a question that one can do without.
_SOON = 2.0


@dataclass(frozen=True, slots=True)
class Layout:
    """A topic's partitions: how many copies of each there are, and how many there should be; the
    mark of its cluster."""

    cluster: str
    partitions: Sequence[int]
    copies: int
    replicas: int


def layout(client: Consumer, name: str, *, patience: float = PATIENCE) -> Layout:
    """A topic as brokers have it. KafkaException when it is not there, or they cannot be asked.
    Asked by a consumer: brokers may make a topic that a producer asks for."""
    found = client.list_topics(name, timeout=patience)
    topic = found.topics[name]
    if topic.error is not None or not topic.partitions:
        raise KafkaException(topic.error or KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    parts = topic.partitions
    return Layout(
        cluster=places.mark(found.cluster_id or ""),
        partitions=sorted(parts),
        copies=min(len(each.isrs) for each in parts.values()),
        replicas=min(len(each.replicas) for each in parts.values()),
    )


def make(client: AdminClient, name: str, *, replicas: int | None, keep_days: int) -> bool:
    """Makes a topic that is not there; whether it was not. KafkaException when it cannot be."""
    brokers = len(client.list_topics(timeout=PATIENCE).brokers)
    copies = replicas or min(_COPIES, brokers)
    options = {
        "cleanup.policy": "delete",
        "retention.ms": str((keep_days + _LONGER) * _DAY * 1000),
        "min.insync.replicas": str(2 if copies > 2 else 1),
    }
    wanted = NewTopic(name, SHARDS, copies, config=options)
    try:
        client.create_topics([wanted], operation_timeout=PATIENCE)[name].result(PATIENCE)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


def said(client: AdminClient, name: str) -> Mapping[str, str] | None:
    """What a topic is set to, by Kafka's names; None where nobody says, or it is not for us."""
    asked = ConfigResource(ResourceType.TOPIC, name)
    try:
        found = client.describe_configs([asked], request_timeout=_SOON)[asked].result(_SOON)
    except (KafkaException, TimeoutError):
        return None
    return {key: str(entry.value) for key, entry in found.items() if entry.value is not None}


def ends(client: Consumer, name: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Where each partition begins and ends. KafkaException when nobody can say."""
    found: dict[int, tuple[int, int]] = {}
    for partition in partitions:
        at = TopicPartition(name, partition)
        low, high = client.get_watermark_offsets(at, timeout=PATIENCE) or (0, 0)
        found[partition] = low, high
    return found


def oldest(client: Consumer, name: str, ends: Mapping[int, tuple[int, int]]) -> float | None:
    """When the oldest message that is kept was written, in seconds since 1970; None when empty, or
    when it does not come."""
    kept = [TopicPartition(name, number, low) for number, (low, end) in ends.items() if end > low]
    if not kept:
        return None
    client.assign(kept)
    firsts: dict[int | None, float] = {}
    until = time.monotonic() + _SOON
    while len(firsts) < len(kept) and time.monotonic() < until:
        for message in client.consume(100, 0.05):
            if message.error() is None:
                firsts.setdefault(message.partition(), message.timestamp()[1] / 1000)
    return min(firsts.values(), default=None)
