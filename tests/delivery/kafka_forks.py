"""Forks beside clients of Kafka's brokers: ``kafka_forks.py STORE``; each child uses them as well.

A process of its own, since no other client may be in it that just looks up a broker: a fork at such
a moment takes glibc's lock of ``getaddrinfo`` into the child, which can look up nothing any more.
"""

import gc
import os
import signal
import sys

from confluent_kafka import TopicPartition

from tests.delivery.test_kafka import contents, parcels
from track_middleware.delivery.store.brokers import broker
from track_middleware.delivery.store.kafka.address import address
from track_middleware.delivery.store.kafka.clients import Said, consumer
from track_middleware.delivery.store.kafka.driver import Kafka

CHILDREN = 5

store = broker(sys.argv[1])
where = address(store)
bodies = Kafka(store)
lies = dict(zip(bodies.put(sent := parcels(8)), contents(sent), strict=True))
assert bodies.get(list(lies)) == lies
thrown_away: list[object] = [consumer(where, Said())]
thrown_away[0].assign([TopicPartition(where.topic, 0, 0)])  # type: ignore[attr-defined]
thrown_away.append(thrown_away)
del thrown_away
for _ in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        is_well = bodies.get(list(lies)) == lies and bool(bodies.put(parcels(1)))
        bodies.close()
        del bodies
        gc.collect()
        os._exit(not is_well)
    assert os.waitpid(pid, 0)[1] == 0
assert bodies.get(list(lies)) == lies
bodies.close()
