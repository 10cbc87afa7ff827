"""A topic: whether it is there, how it is made, and what its brokers say of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from ..bodies import SHARDS
from .clients import PATIENCE

_DAY = 86_400

#: Contents are kept so many days longer than events: for destinations that are away meanwhile.
_LONGER = 30

#: Copies of a topic that is made, where there are as many brokers.
_COPIES = 3

#: What a topic must take as one batch, in bytes: the largest event, sealed, and then some.
LARGEST = 131_072


@dataclass(frozen=True, slots=True)
class Layout:
    """A topic's partitions: how many copies of each there are, and how many there should be."""

    partitions: Sequence[int]
    copies: int
    replicas: int


def layout(client: Consumer, name: str, *, patience: float = PATIENCE) -> Layout:
    """A topic as brokers have it. KafkaException when it is not there, or they cannot be asked.
    Asked by a consumer: brokers may make a topic that a producer asks for."""
    topic = client.list_topics(name, timeout=patience).topics[name]
    if topic.error is not None or not topic.partitions:
        raise KafkaException(topic.error or KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    parts = topic.partitions
    return Layout(
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


def said(client: AdminClient, name: str) -> Mapping[str, str]:
    """What a topic is set to, by Kafka's names; nothing where we may not ask."""
    asked = ConfigResource(ResourceType.TOPIC, name)
    try:
        found = client.describe_configs([asked], request_timeout=PATIENCE)[asked].result(PATIENCE)
    except KafkaException as error:
        if error.args[0].code() in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        ):  # fmt: skip
            return {}
        raise
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
    until = time.monotonic() + PATIENCE
    while len(firsts) < len(kept) and time.monotonic() < until:
        for message in client.consume(100, 0.05):
            if message.error() is None:
                firsts.setdefault(message.partition(), message.timestamp()[1] / 1000)
    return min(firsts.values(), default=None)


def max_age(said: Mapping[str, str]) -> float | None:
    """For how many seconds a topic keeps a message; None: for ever, or it is not known."""
    kept = int(said.get("retention.ms", -1))
    return None if kept < 0 else kept / 1000


class Fault(NamedTuple):
    """What is wrong with a topic; ``is_grave``: contents are lost by it, or refused."""

    is_grave: bool
    problem: str
    fix: str


def faults(said: Mapping[str, str], spread: Layout, *, keep_days: int) -> Iterator[Fault]:
    """What is wrong with a topic that is set to this."""
    if "compact" in said.get("cleanup.policy", ""):
        yield Fault(
            True, "its cleanup.policy is compact: brokers refuse messages without a key",
            "set cleanup.policy=delete",
        )  # fmt: skip
    kept = max_age(said)
    if kept is not None and kept < keep_days * _DAY:
        yield Fault(
            True,
            f"its retention.ms is {kept / _DAY:.3g} days, but keep_days is {keep_days}: "
            "bodies go before their events",
            f"set retention.ms to {(keep_days + _LONGER) * _DAY * 1000}, or to -1",
        )
    if int(said.get("retention.bytes", -1)) >= 0:
        yield Fault(
            True, "it has a retention.bytes: bodies go once it is full, served or not",
            "set retention.bytes=-1",
        )  # fmt: skip
    largest = int(said.get("max.message.bytes", LARGEST))
    if largest < LARGEST:
        yield Fault(
            True, f"its max.message.bytes is {largest}: large events would be refused",
            f"set max.message.bytes to at least {LARGEST}",
        )  # fmt: skip
    yield from _copies(said, spread)


def _copies(said: Mapping[str, str], spread: Layout) -> Iterator[Fault]:
    least = int(said.get("min.insync.replicas", 1))
    if spread.replicas < 2:
        yield Fault(
            False, "it has one copy: a broker's disk is all that keeps it",
            "give it three replicas",
        )  # fmt: skip
    elif least < 2:
        yield Fault(
            False, "its min.insync.replicas is 1: what one broker alone has counts as kept",
            "set min.insync.replicas=2",
        )  # fmt: skip
    elif least >= spread.replicas:
        yield Fault(
            False, f"its min.insync.replicas is {least} of {spread.replicas} copies: "
            "nothing can be stored while one broker is away",
            f"set min.insync.replicas={spread.replicas - 1}, or add a replica",
        )  # fmt: skip
    if spread.copies < spread.replicas:
        yield Fault(
            False, f"of some partition {spread.copies} of {spread.replicas} copies are in step",
            "see whether a broker is down",
        )  # fmt: skip
