"""The Kafka store beside confluent-kafka alone: events in and out, in one run on one broker.

confluent-kafka alone produces the same bodies idempotently, awaits the reports of a drain's
transaction at a time, and consumes them again. The store does what it does for the worker, with its
ledger in SQLite: it drops ids that are known, seals, produces (many bodies a message, where the
other has one), gives positions and writes rows, reads, consumes and opens, moves the job. Both take
turns. The broker is the tests' own, one that keeps everything in memory. Each has produced one
message before its time is taken: an idempotent producer waits half a second before its first, which
says nothing of how many events a worker gets done.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.programs import there
from track_middleware.delivery.drain import AT_ONCE
from track_middleware.delivery.store import NewRow, opening

from .beside import BATCH, ROUNDS, in_and_out, is_missed, made

EVENTS = int(os.environ.get("BENCH_EVENTS", "40000"))


def main() -> int:
    """Prints the table; 1 when the bar is missed. Without a broker it says so."""
    if not there("kafka"):
        print("no Kafka broker is installed here")
        return 0
    from tests.delivery.kafka_brokers import one

    rows = made(EVENTS)
    alone: list[float] = []
    ours: list[float] = []
    with one() as running:
        for number in range(ROUNDS):
            for kind, times, work in (("raw", alone, _alone), ("ours", ours, _store)):
                running.topic(f"{kind}{number}")
                with tempfile.TemporaryDirectory() as folder:
                    times.append(work(running.servers[0], f"{kind}{number}", rows, Path(folder)))
    return is_missed("confluent-kafka", EVENTS, alone, ours)


def _alone(server: str, topic: str, rows: Sequence[NewRow], _: Path) -> float:
    """The seconds that it took."""
    from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

    reported = 0

    def report(error: KafkaError | None, message: Message) -> None:
        nonlocal reported
        reported += error is None

    at = {"bootstrap.servers": server, "log_level": 2}
    producer = Producer({**at, "enable.idempotence": True, "acks": "all", "linger.ms": 5})
    producer.produce(topic, rows[0].body, partition=0)
    producer.flush()
    began = time.perf_counter()
    for start in range(0, len(rows), AT_ONCE):
        for number, row in enumerate(rows[start : start + AT_ONCE]):
            producer.produce(topic, row.body, partition=number % 8, on_delivery=report)
        producer.flush()
    assert reported == len(rows)
    consumer = Consumer({**at, "group.id": "raw", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(8)])
    got = 0
    while got <= len(rows):
        got += sum(each.value() is not None for each in consumer.consume(BATCH, 0.05))
    consumer.close()
    return time.perf_counter() - began


def _store(server: str, topic: str, rows: Sequence[NewRow], folder: Path) -> float:
    """The seconds that it took."""
    store = opening.opened(f"kafka://{server}?topic={topic}", folder)
    with store.batch():
        store.append(made(1))
    began = time.perf_counter()
    in_and_out(store, rows)
    return time.perf_counter() - began
