"""What is wrong with a topic, by what it is set to and how many copies of it there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..bodies import Fault

#: What a topic must take as one batch, in bytes: the largest event, sealed, and then some.
_LARGEST = 131_072


def max_age(said: Mapping[str, str] | None) -> float | None:
    """For how many seconds a topic keeps a message; None: for ever, or it is not known."""
    kept = int((said or {}).get("retention.ms", -1))
    return None if kept < 0 else kept / 1000


def faults(said: Mapping[str, str] | None, replicas: int) -> Iterator[Fault]:
    """The faults of a topic of which there should be so many copies. ``said`` is what it is set to,
    by Kafka's names; None where it is not known."""
    if said is None:
        yield Fault(
            is_grave=False,
            problem="what the topic is set to cannot be read, so nothing is known to be wrong",
            fix="allow the store's user DescribeConfigs on it",
        )
        return
    yield from _grave(said)
    yield from _copies(int(said.get("min.insync.replicas", 1)), replicas)


def _grave(said: Mapping[str, str]) -> Iterator[Fault]:
    """By what events are lost, or refused."""
    if "compact" in said.get("cleanup.policy", ""):
        yield Fault(
            is_grave=True,
            problem="the topic's cleanup.policy is compact: brokers refuse messages without a key",
            fix="set cleanup.policy=delete",
        )
    if int(said.get("retention.bytes", -1)) >= 0:
        yield Fault(
            is_grave=True,
            problem="the topic has a retention.bytes: bodies go once it is full, served or not",
            fix="set retention.bytes=-1",
        )
    largest = int(said.get("max.message.bytes", _LARGEST))
    if largest < _LARGEST:
        yield Fault(
            is_grave=True,
            problem=f"the topic's max.message.bytes is {largest}: large events are refused",
            fix="set max.message.bytes=1048588, as Kafka does by itself",
        )


def _copies(least: int, replicas: int) -> Iterator[Fault]:
    if replicas < 2:
        yield Fault(
            is_grave=False,
            problem="there is one copy of the topic: one broker's disk is all that keeps it",
            fix="give it three replicas",
        )
    elif least < 2:
        yield Fault(
            is_grave=False,
            problem="the topic's min.insync.replicas is 1: what one broker has counts as kept",
            fix="set min.insync.replicas=2",
        )
    elif least >= replicas:
        yield Fault(
            is_grave=False,
            problem=f"the topic's min.insync.replicas is {least} of {replicas} copies: nothing can "
            "be stored while one broker is away",
            fix=f"set min.insync.replicas={replicas - 1}, or add a replica",
        )
