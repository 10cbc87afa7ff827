"""Contents at Kafka's brokers: librdkafka's mock cluster, and where it can a broker from PyPI."""

from __future__ import annotations

import gc
import random
import secrets
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.delivery.kafka_brokers import (
    INIT_PRODUCER_ID,
    INVALID_RECORD,
    NOT_ALLOWED,
    NOT_ENOUGH_REPLICAS,
    PRODUCE,
    TOO_LARGE,
    Broker,
    Mock,
    mock,
    one,
)  # fmt: skip
from tests.waiting import SECONDS, until
from track_middleware.delivery.store.bodies import SHARDS, Parcel
from track_middleware.delivery.store.broker import Broker as Named
from track_middleware.delivery.store.brokers import broker
from track_middleware.delivery.store.kafka import places
from track_middleware.delivery.store.kafka.address import address
from track_middleware.delivery.store.kafka.driver import Kafka
from track_middleware.delivery.store.kafka.faults import faults, max_age
from track_middleware.delivery.store.kafka.pool import LOST
from track_middleware.errors import StoreError

pytestmark = pytest.mark.needs("kafka")

#: Bytes of a message that is about full.
FULL = 20_000

#: Seconds, where it is known that nobody will answer. Others get as many as they need.
SHORT = 2.0

#: Seconds after which librdkafka gives up a request by itself.
LIBRDKAFKAS = 60.0

Opened = Callable[..., Kafka]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Mock]:
    with mock() as running:
        yield running


@pytest.fixture(scope="module")
def one_broker() -> Iterator[Broker]:
    with one() as running:
        yield running


@pytest.fixture(params=["cluster", "one_broker"])
def brokers(request: pytest.FixtureRequest) -> Mock | Broker:
    return request.getfixturevalue(request.param)


@pytest.fixture
def topic() -> str:
    return f"events-{secrets.token_hex(4)}"


@pytest.fixture
def opened(topic: str) -> Iterator[Opened]:
    """Makes the topic and opens it, as often as one likes."""
    made: list[Kafka] = []

    def again(at: Mock | Broker, **more: object) -> Kafka:
        if not made:
            at.topic(topic)
        made.append(Kafka(at_topic(at.servers, topic), **{"patience": SECONDS, **more}))
        return made[-1]

    yield again
    for each in made:
        each.close()


def at_topic(servers: Sequence[str], topic: str) -> Named:
    return broker(f"kafka://{','.join(servers)}?topic={topic}")


def parcels(number: int, *, size: int = 40, first: int = 0) -> list[Parcel]:
    return [
        Parcel(secrets.token_hex(8), each % SHARDS, b"%d:" % each + secrets.token_bytes(size))
        for each in range(first, first + number)
    ]


def contents(each: Sequence[Parcel]) -> list[bytes]:
    return [parcel.content for parcel in each]


def test_what_was_put_is_got_from_its_place(brokers: Mock | Broker, opened: Opened) -> None:
    bodies = opened(brokers)
    sent = parcels(100)
    found = bodies.put(sent)
    assert len(set(found)) == 100
    assert all(len(place) <= 60 and place.isascii() for place in found)
    got = bodies.get(found)
    assert [got[place] for place in found] == contents(sent)


def test_another_process_reads_what_this_one_put(brokers: Mock | Broker, opened: Opened) -> None:
    sent = parcels(50)
    found = opened(brokers).put(sent)
    assert set(opened(brokers).get(found).values()) == set(contents(sent))


def test_a_shards_contents_lie_in_the_order_of_the_log(
    brokers: Mock | Broker, opened: Opened
) -> None:
    bodies = opened(brokers)
    lies: dict[int, list[tuple[int, int]]] = {}
    for start in range(0, 300, 100):
        sent = parcels(100, first=start, size=5000)
        for parcel, place in zip(sent, bodies.put(sent), strict=True):
            lies.setdefault(parcel.shard, []).append(places.read(place)[:2])
    for each in lies.values():
        assert len({partition for partition, *_ in each}) == 1
        assert each == sorted(set(each))


def test_places_are_read_forwards_backwards_and_in_any_order(
    brokers: Mock | Broker, opened: Opened
) -> None:
    bodies = opened(brokers)
    sent = parcels(3000, size=2000)
    lies = dict(zip(bodies.put(sent), contents(sent), strict=True))
    order = list(lies)
    for start in range(0, 3000, 500):
        some = order[start : start + 500]
        assert bodies.get(some) == {place: lies[place] for place in some}
    for _ in range(8):
        some = random.sample(order, 60)
        assert bodies.get(some) == {place: lies[place] for place in some}
    assert bodies.get(order[:3]) == {place: lies[place] for place in order[:3]}


def test_one_full_shard_keeps_no_other_from_being_read(cluster: Mock, opened: Opened) -> None:
    bodies = opened(cluster)
    full = [Parcel("", 0, secrets.token_bytes(FULL)) for _ in range(228)]
    rare = [Parcel("", 1, secrets.token_bytes(FULL)) for _ in range(60)]
    rare_at, full_at = bodies.put(rare), bodies.put(full)
    reader = opened(cluster)
    for part in range(6):
        wanted = full_at[part * 38 : part * 38 + 38]
        wanted = [*wanted, *rare_at[part * 10 : part * 10 + 10]]
        assert len(reader.get(wanted)) == 48


def test_large_contents_come_back(brokers: Mock | Broker, opened: Opened) -> None:
    bodies = opened(brokers)
    sent = parcels(20, size=300_000)
    found = bodies.put(sent)
    assert set(bodies.get(found).values()) == set(contents(sent))


def test_more_is_put_at_once_than_librdkafka_takes(cluster: Mock, opened: Opened) -> None:
    bodies = opened(cluster)
    sent = parcels(600, size=33_000)
    found = bodies.put(sent)
    assert len(set(found)) == 600
    assert bodies.get(found[-3:]) == dict(zip(found[-3:], contents(sent[-3:]), strict=True))


def test_threads_read_at_once_and_each_goes_on_where_it_is(
    brokers: Mock | Broker, opened: Opened
) -> None:
    bodies = opened(brokers)
    sent = parcels(2000, size=1000)
    lies = dict(zip(bodies.put(sent), contents(sent), strict=True))
    order = list(lies)

    def read(start: int) -> bool:
        for at in range(start, 2000, 200):
            some = order[at : at + 200]
            if bodies.get(some) != {place: lies[place] for place in some}:
                return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(read, [0, 300, 600, 1400]))


def test_what_is_put_is_on_its_way_while_the_rest_is_made(
    one_broker: Broker, opened: Opened
) -> None:
    bodies, other = opened(one_broker), opened(one_broker)

    def made() -> Iterator[Parcel]:
        yield Parcel("", 0, b"the first")
        until(lambda: other.held().messages == 1)
        yield Parcel("", 0, b"the second")

    assert len(set(bodies.put(made()))) == 2
    assert other.held().messages == 2


def test_of_much_that_was_read_little_is_kept(one_broker: Broker, opened: Opened) -> None:
    bodies = opened(one_broker)
    found = bodies.put(Parcel("", 0, secrets.token_bytes(FULL)) for _ in range(500))
    tracemalloc.start()
    try:
        assert len(bodies.get(found)) == 500
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 2.5e6
    finally:
        tracemalloc.stop()


def test_nothing_is_asked_of_nobody(opened: Opened, topic: str) -> None:
    nowhere = Kafka(at_topic(["127.0.0.1:1"], topic))
    assert nowhere.put([]) == []
    assert nowhere.get([]) == {}


def test_what_the_brokers_removed_is_left_out(cluster: Mock, opened: Opened, topic: str) -> None:
    bodies = opened(cluster)
    sent = parcels(80, size=FULL)
    lies = dict(zip(bodies.put(sent), contents(sent), strict=True))
    cluster.remove(topic, 3, before=6)
    gone = {p for p in lies if places.read(p)[:2] in [(3, each) for each in range(6)]}
    assert len(gone) == 6
    assert bodies.get(list(lies)) == {p: lies[p] for p in lies if p not in gone}
    assert opened(cluster).get(sorted(gone)) == {}


def test_another_message_at_a_place_is_not_taken_for_the_one_that_was(
    brokers: Mock | Broker, opened: Opened
) -> None:
    bodies = opened(brokers)
    (place,) = bodies.put(parcels(1))
    partition, offset, check, cluster = places.read(place)
    other = places.message(partition, offset, check ^ 1, cluster)
    assert bodies.get([other]) == {}


def test_another_cluster_has_nothing_that_counts_as_gone(
    cluster: Mock, one_broker: Broker, opened: Opened, topic: str
) -> None:
    found = opened(cluster).put(parcels(8))
    one_broker.topic(topic)
    other = Kafka(at_topic(one_broker.servers, topic))
    other.put(parcels(8))
    with pytest.raises(StoreError, match="is another cluster"):
        other.get(found)
    other.close()


def test_a_topic_that_is_not_there_is_told(cluster: Mock, topic: str) -> None:
    bodies = Kafka(at_topic(cluster.servers, topic))
    with pytest.raises(StoreError, match=f"no topic {topic}; `track-middleware init` makes it"):
        bodies.put(parcels(1))
    with pytest.raises(StoreError, match=f"no topic {topic}"):
        bodies.get(["0:0:00000000:0000"])
    with pytest.raises(StoreError, match=f"no topic {topic}"):
        bodies.held()


def test_a_topic_is_made_once_and_says_what_it_keeps(one_broker: Broker, topic: str) -> None:
    bodies = Kafka(at_topic(one_broker.servers, topic))
    assert bodies.make(keep_days=90)
    assert not bodies.make(keep_days=90)
    held = bodies.held()
    assert (held.messages, held.size, held.oldest, held.max_age) == (0, None, None, 120 * 86_400)
    assert (held.copies, held.replicas) == (1, 1)
    assert [each.problem.partition(":")[0] for each in held.faults] == [
        "there is one copy of the topic"
    ]


def test_what_is_held_is_counted(one_broker: Broker, opened: Opened) -> None:
    bodies = opened(one_broker)
    before = time.time()
    bodies.put(parcels(SHARDS))
    held = bodies.held()
    assert held.messages == SHARDS
    assert held.oldest is not None
    assert abs(held.oldest - before) < 60


def test_messages_that_came_in_one_batch_are_held_each(cluster: Mock, opened: Opened) -> None:
    bodies = opened(cluster)
    bodies.put(parcels(SHARDS * 5, size=FULL))
    assert bodies.held().messages == SHARDS * 5


def test_a_cluster_that_does_not_tell_its_settings_is_told_as_that(
    cluster: Mock, opened: Opened
) -> None:
    held = opened(cluster).held()
    assert (held.max_age, held.copies, held.replicas) == (None, 3, 3)
    assert ["cannot be read" in each.problem for each in held.faults] == [True]


SOUND = {"cleanup.policy": "delete", "min.insync.replicas": "2", "max.message.bytes": "1048588"}


@pytest.mark.parametrize(
    ("said", "replicas", "told", "is_grave"),
    [
        ({}, 3, None, None),
        ({"retention.ms": "-1", "retention.bytes": "-1"}, 3, None, None),
        ({"cleanup.policy": "compact"}, 3, "compact", True),
        ({"cleanup.policy": "compact,delete"}, 3, "compact", True),
        ({"retention.bytes": "1000000"}, 3, "retention.bytes", True),
        ({"max.message.bytes": "1000"}, 3, "max.message.bytes is 1000", True),
        ({"min.insync.replicas": "1"}, 3, "min.insync.replicas is 1", False),
        ({"min.insync.replicas": "3"}, 3, "3 of 3 copies", False),
        ({}, 1, "one copy", False),
    ],
)
def test_what_is_wrong_with_a_topic_is_found(
    said: dict[str, str], replicas: int, told: str | None, is_grave: bool | None
) -> None:
    found = list(faults(SOUND | said, replicas))
    assert [each.is_grave for each in found] == ([] if told is None else [is_grave])
    assert all(told is not None and told in each.problem and each.fix for each in found)


@pytest.mark.parametrize(
    ("kept", "seconds"), [("-1", None), ("0", 0.0), ("604800000", 7 * 86_400.0)]
)
def test_how_long_a_topic_keeps_a_message_is_read(kept: str, seconds: float | None) -> None:
    assert max_age({"retention.ms": kept}) == seconds


def test_a_leader_that_falls_is_waited_for_and_nothing_is_doubled(
    cluster: Mock, opened: Opened, topic: str
) -> None:
    bodies = opened(cluster)
    lies = dict(zip(bodies.put(sent := parcels(80, size=FULL)), contents(sent), strict=True))
    cluster.down(1)
    moving = threading.Timer(0.5, lambda: [cluster.lead(topic, each, 2) for each in range(8)])
    moving.start()
    try:
        more = parcels(80, first=80, size=FULL)
        lies |= dict(zip(bodies.put(more), contents(more), strict=True))
        assert bodies.get(list(lies)) == lies
        offsets = [places.read(each).offset for each in lies]
        assert sorted(offsets) == sorted([*range(20)] * 8), "no message stands twice"
    finally:
        moving.join()
        cluster.up(1)


def test_while_all_brokers_are_away_it_is_told_and_then_it_goes_on(
    cluster: Mock, opened: Opened
) -> None:
    bodies = opened(cluster, patience=SHORT)
    lies = dict(zip(at_last(bodies.put, sent := parcels(16)), contents(sent), strict=True))
    for number in (1, 2, 3):
        cluster.down(number)
    try:
        with ThreadPoolExecutor() as threads:
            told = [threads.submit(bodies.put, parcels(16)), threads.submit(bodies.get, list(lies))]
            for each in told:
                with pytest.raises(StoreError, match=r"does not answer: .*onnect"):
                    each.result()
    finally:
        for number in (1, 2, 3):
            cluster.up(number)
    lies |= dict(zip(at_last(bodies.put, more := parcels(16)), contents(more), strict=True))
    assert at_last(bodies.get, list(lies)) == lies


def test_a_broker_that_hangs_is_told_in_time_and_then_it_goes_on(
    one_broker: Broker, opened: Opened
) -> None:
    bodies = opened(one_broker, patience=SHORT)
    lies = dict(zip(at_last(bodies.put, sent := parcels(16)), contents(sent), strict=True))
    one_broker.stop()
    try:
        began = time.monotonic()
        with pytest.raises(StoreError, match="does not answer"):
            bodies.put(parcels(16))
        assert time.monotonic() - began < LIBRDKAFKAS, "a batch of the ledger is open meanwhile"
    finally:
        one_broker.go_on()
    lies |= dict(zip(at_last(bodies.put, more := parcels(16)), contents(more), strict=True))
    assert at_last(bodies.get, list(lies)) == lies


def test_a_broker_that_lost_everything_is_written_to_again(topic: str) -> None:
    with one() as first:
        bodies = Kafka(at_topic(first.servers, topic), patience=SHORT)
        bodies.make(keep_days=1)
        (lost,) = at_last(bodies.put, parcels(1))
        port = int(first.servers[0].rpartition(":")[2])
    with one(port):
        at_last(bodies.make, 1)
        sent = parcels(1)
        with pytest.raises(StoreError, match="does not answer"):
            bodies.put(sent)  # it numbers on where it was
        (place,) = at_last(bodies.put, sent)
        assert at_last(bodies.get, [place, lost]) == {place: sent[0].content}
    bodies.close()


def at_last(call: Callable[[Any], Any], given: Any) -> Any:
    """What a call gives once brokers answer to it in the little time that they have."""
    found: list[Any] = []

    def is_given() -> bool:
        with suppress(StoreError):
            found.append(call(given))
        return bool(found)

    until(is_given)
    return found[0]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TOO_LARGE, "set its max.message.bytes"),
        (NOT_ALLOWED, "may not write or read the topic"),
        (INVALID_RECORD, "is its cleanup.policy compact"),
    ],
)
def test_what_the_brokers_refuse_is_told_with_what_to_do(
    cluster: Mock, opened: Opened, error: int, told: str
) -> None:
    bodies = opened(cluster)
    cluster.refuse(PRODUCE, error, times=1)
    with pytest.raises(StoreError, match=told):
        bodies.put(parcels(1))
    (place,) = bodies.put(sent := parcels(1))
    assert bodies.get([place]) == {place: sent[0].content}


def test_a_forked_child_has_clients_of_its_own(one_broker: Broker, topic: str) -> None:
    one_broker.topic(topic)
    store = f"kafka://{','.join(one_broker.servers)}?topic={topic}"
    found = subprocess.run(
        [sys.executable, "-m", "tests.delivery.kafka_forks", store],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert found.returncode == 0, found.stderr


def test_it_is_written_as_an_idempotent_producer_does(cluster: Mock, opened: Opened) -> None:
    with cluster.heard() as kinds:
        opened(cluster).put(parcels(1))
    assert {PRODUCE, INIT_PRODUCER_ID} <= kinds


def test_copies_that_are_not_in_step_are_waited_for(cluster: Mock, opened: Opened) -> None:
    bodies = opened(cluster)
    cluster.refuse(PRODUCE, NOT_ENOUGH_REPLICAS, times=2)
    (place,) = bodies.put(sent := parcels(1))
    assert bodies.get([place]) == {place: sent[0].content}


def test_a_log_that_ends_too_soon_is_an_error_before_it_is_a_loss(
    cluster: Mock, opened: Opened
) -> None:
    seconds = [0.0]

    def clock() -> float:
        return time.monotonic() + seconds[0]

    sent = parcels(16, size=FULL)
    lies = dict(zip(opened(cluster).put(sent), contents(sent), strict=True))
    bodies = opened(cluster, monotonic=clock, patience=SHORT)
    lost = places.message(3, 2, 0, places.read(next(iter(lies))).cluster)

    def is_told(why: str) -> bool:
        with pytest.raises(StoreError) as told:
            bodies.get([*lies, lost])
        assert why in str(told.value) or "does not answer" in str(told.value), "not yet"
        return why in str(told.value)

    until(lambda: is_told("partition 3 ends at offset 2, before 2"))
    assert at_last(bodies.get, list(lies)) == lies
    until(lambda: is_told("partition 3 ends"))
    seconds[0] = LOST
    assert at_last(bodies.get, [*lies, lost]) == lies


def test_no_error_tells_the_password(topic: str) -> None:
    found = broker(f"kafka://shop:secret7@127.0.0.1:1?topic={topic}")
    bodies = Kafka(found, patience=SHORT)
    with pytest.raises(StoreError, match="does not answer") as told:
        bodies.put(parcels(1))
    assert "secret7" not in f"{told.value}{found}{address(found)}"


@pytest.mark.parametrize(
    ("said", "protocol", "mechanism"),
    [
        ("", "sasl_ssl", "PLAIN"),
        ("?sasl.mechanism=SCRAM-SHA-512", "sasl_ssl", "SCRAM-SHA-512"),
        ("?security.protocol=sasl_plaintext", "sasl_plaintext", "PLAIN"),
    ],
)
def test_a_password_goes_over_tls_unless_it_is_said_otherwise(
    said: str, protocol: str, mechanism: str
) -> None:
    options = address(broker(f"kafka://me:p%40ss@a:1,b{said}")).options
    assert options["bootstrap.servers"] == "a:1,b:9092"
    assert (options["sasl.username"], options["sasl.password"]) == ("me", "p@ss")
    assert (options["security.protocol"], options["sasl.mechanism"]) == (protocol, mechanism)


def test_nobody_is_told_a_password_who_was_given_none() -> None:
    assert dict(address(broker("kafka://a?topic=t")).options) == {"bootstrap.servers": "a:9092"}


@pytest.mark.parametrize(
    "asked", ["security.protocol=hm", "security.protocol=ssl&ssl.ca.location=/no"]
)
def test_what_librdkafka_cannot_use_is_told(asked: str) -> None:
    bodies = Kafka(broker(f"kafka://127.0.0.1:1?{asked}"))
    with pytest.raises(StoreError, match="the store's URL cannot be used: "):
        bodies.put(parcels(1))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("topic=", "'' cannot be a topic"),
        ("topic=..", "cannot be a topic"),
        ("topic=a%20b", "cannot be a topic"),
        (f"topic={'x' * 250}", "cannot be a topic"),
        ("topic=ä", "cannot be a topic"),
        ("replicas=0", "no number of copies"),
        ("replicas=three", "no number of copies"),
        ("acks=1", "not 'acks'"),
        ("ledger=kafka://b", "not another broker"),
    ],
)
def test_a_url_that_cannot_be_meant_is_told(asked: str, told: str) -> None:
    with pytest.raises(StoreError, match=told):
        broker(f"kafka://a?{asked}")
