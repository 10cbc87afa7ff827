"""JetStream as the place of bodies: the contract with either ledger, and what is its own."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from nats import connect

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.delivery.nats_servers import Servers, servers
from tests.delivery.store_contract import StoreContract
from tests.waiting import SECONDS, free_port, until
from track_middleware.delivery.store import brokers, opening
from track_middleware.delivery.store.bodies import Held, Parcel
from track_middleware.delivery.store.jetstream import bodies, link
from track_middleware.delivery.store.jetstream.bodies import JetStream
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError

pytestmark = pytest.mark.needs("nats")

_streams = map("s{}".format, itertools.count())

Open = Callable[[], Store]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is there has all the time in the world."""
    monkeypatch.setattr(link, "_ASK", SECONDS)
    monkeypatch.setattr(bodies, "_PATIENCE", SECONDS)


@pytest.fixture(scope="module")
def nats() -> Iterator[Servers]:
    with servers() as running:
        yield running


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def ledger() -> str:
    """SQLite's, in the data folder."""
    return ""


@pytest.fixture
def url(nats: Servers, ledger: str) -> str:
    return nats.url(ledger, stream=next(_streams))


@pytest.fixture
def opened_again(url: str, data_dir: Path) -> Iterator[Open]:
    opened: list[Store] = []

    def again() -> Store:
        opened.append(opening.opened(url, data_dir))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(opened_again: Open) -> Store:
    return opened_again()


class TestNats(StoreContract):
    """JetStream with its ledger in SQLite passes the contract."""


@pytest.mark.needs("postgresql")
class TestNatsAndPostgresql(StoreContract):
    """And with its ledger in PostgreSQL."""

    @pytest.fixture
    def ledger(self, database: Cluster) -> str:
        emptied(database)
        return database.url


# What is JetStream's own.


@pytest.fixture
def server() -> Iterator[Servers]:
    """One that may be killed."""
    with servers() as running:
        yield running


@pytest.fixture
def jetstream() -> Iterator[Callable[[str], JetStream]]:
    """What is at the other end of a URL, as one process has it."""
    made: list[JetStream] = []

    def other_end(url: str) -> JetStream:
        made.append(JetStream(brokers.broker(url)))
        return made[-1]

    yield other_end
    for each in made:
        each.close()


def parcels(number: int, *, first: int = 0) -> list[Parcel]:
    return [
        Parcel(f"{place:016x}", place % 8, b"content %d" % place)
        for place in range(first, first + number)
    ]


Ends = Callable[[str], JetStream]


def test_what_was_put_is_there_after_a_crash(server: Servers, jetstream: Ends) -> None:
    one = jetstream(server.url())
    places = one.put(parcels(1200))
    server.all[0].kill()
    server.all[0].start()
    until(lambda: server.all[0].is_well)
    found = jetstream(server.url()).get(places)
    assert [found[place] for place in places] == [b"content %d" % n for n in range(1200)]
    assert one.get(places[:1]) == {places[0]: b"content 0"}, "it connects again"
    assert len(set(one.put(parcels(3, first=1200))) | set(places)) == 1203


def test_a_parcel_that_is_put_twice_lies_there_once(nats: Servers, jetstream: Ends) -> None:
    one = jetstream(nats.url(stream=next(_streams)))
    assert one.put(parcels(3)) == one.put(parcels(3))
    assert one.held().messages == 3


def test_a_server_that_is_not_there_is_named(jetstream: Ends) -> None:
    one = jetstream(f"nats://someone:secret7@127.0.0.1:{free_port()}")
    with pytest.raises(StoreError, match="cannot be reached") as told:
        one.put(parcels(1))
    assert "secret7" not in str(told.value)


def test_a_wrong_password_is_told_as_that_and_nobody_reads_it(jetstream: Ends) -> None:
    with servers(1, "--user", "shop", "--pass", "right") as guarded:
        url = guarded.url(stream="guarded")
        assert jetstream(url.replace("//", "//shop:right@")).put(parcels(1))
        with pytest.raises(StoreError, match=r"[Aa]uthorization") as told:
            jetstream(url.replace("//", "//shop:secret7@")).put(parcels(1))
        assert "secret7" not in str(told.value)


def test_what_is_gone_is_left_out(nats: Servers, jetstream: Ends) -> None:
    one = jetstream(nats.url(stream=next(_streams)))
    places = one.put(parcels(5))
    one.forget(places[2:])
    assert sorted(one.get(places)) == places[2:]
    assert one.held().messages == 3


def test_before_the_first_there_is_nothing_to_forget(nats: Servers, jetstream: Ends) -> None:
    one = jetstream(nats.url(stream=next(_streams)))
    places = one.put(parcels(5))
    one.forget(places)
    assert len(one.get(places)) == 5
    one.forget(places[1:])
    one.forget(places[1:])
    assert sorted(one.get(places)) == places[1:]


def test_a_stream_that_was_made_anew_is_no_answer(nats: Servers, jetstream: Ends) -> None:
    url = nats.url(stream=next(_streams))
    one = jetstream(url)
    places = one.put(parcels(5))
    request(nats, f"$JS.API.STREAM.DELETE.{url.rpartition('=')[2]}")
    two = jetstream(url)
    two.put(parcels(1))
    with pytest.raises(StoreError, match="ends at 1, before events that the ledger names"):
        two.get(places)


def test_anothers_stream_is_left_alone(nats: Servers, jetstream: Ends) -> None:
    request(nats, "$JS.API.STREAM.CREATE.theirs", {"name": "theirs", "subjects": ["orders.>"]})
    with pytest.raises(StoreError, match="another's stream"):
        jetstream(nats.url(stream="theirs")).put(parcels(1))


def test_one_server_cannot_keep_three_copies(nats: Servers, jetstream: Ends) -> None:
    with pytest.raises(StoreError, match=r"cannot be used: .*replicas"):
        jetstream(nats.url(stream=next(_streams), replicas=3)).put(parcels(1))


def test_a_forked_child_has_a_connection_of_its_own(nats: Servers, jetstream: Ends) -> None:
    one = jetstream(nats.url(stream=next(_streams)))
    (place,) = one.put(parcels(1))
    pid = os.fork()
    if pid == 0:
        os._exit(one.get([place]) != {place: b"content 0"})
    assert os.waitpid(pid, 0)[1] == 0
    assert one.get([place])


def test_a_broker_says_what_it_keeps(nats: Servers, jetstream: Ends) -> None:
    one = jetstream(nats.url(stream=next(_streams)))
    assert one.held() == Held(0, 0, None, None, 0, 1), "there is no stream, and none is made"
    assert one.make(90)
    assert not one.make(90)
    assert one.held() == Held(0, 0, None, None, 1, 1)
    began = time.time()
    one.put(parcels(2))
    held = one.held()
    assert (held.messages, held.copies, held.replicas) == (2, 1, 1)
    assert held.size > 20
    assert held.oldest is not None
    assert began - 5 < held.oldest < time.time() + 5


def test_a_stream_that_is_set_up_otherwise_is_a_fault(nats: Servers, jetstream: Ends) -> None:
    limited = {
        "name": "limited", "subjects": ["limited.*"], "allow_direct": True, "storage": "file",
        "max_bytes": 10**9, "discard": "old", "num_replicas": 1,
    }  # fmt: skip
    request(nats, "$JS.API.STREAM.CREATE.limited", limited)
    faults = jetstream(nats.url(stream="limited", replicas=3)).held().faults
    assert [(each.is_grave, each.problem.partition(" and ")[0]) for each in faults] == [
        (False, "the stream has replicas=1,"),
        (True, "the stream is limited"),
    ]


def request(nats: Servers, subject: str, given: object = None) -> None:
    """Asks JetStream for something, as an operator does."""
    content = b"" if given is None else msgspec.json.encode(given)

    async def ask() -> bytes:
        client = await connect(f"nats://127.0.0.1:{nats.all[0].port}")
        answer = await client.request(subject, content)
        await client.close()
        return answer.data

    assert b'"error"' not in asyncio.run(ask())
