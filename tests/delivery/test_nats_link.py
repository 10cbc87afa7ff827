"""What a link to NATS leaves behind, and how often it tries again."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.delivery.nats_servers import Servers, servers
from tests.delivery.store_contract import row
from tests.delivery.test_store_nats import parcels
from tests.waiting import SECONDS, until
from track_middleware.delivery.store import brokers, opening
from track_middleware.delivery.store.jetstream import link as links
from track_middleware.delivery.store.jetstream.bodies import JetStream
from track_middleware.delivery.store.jetstream.link import Link, rest
from track_middleware.errors import StoreError
from track_middleware.seldom import Seldom

pytestmark = pytest.mark.needs("nats")


@pytest.fixture
def server() -> Iterator[Servers]:
    """One that may be killed."""
    with servers() as running:
        yield running


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Who listens where a server should."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until(lambda: not {each for each in set(threading.enumerate()) - before if each.is_alive()})


def connections(server: Servers) -> object:
    return server.all[0].told("connz")["num_connections"]


def test_a_store_that_was_closed_leaves_no_connection(server: Servers, data_dir: Path) -> None:
    store = opening.opened(server.url(), data_dir)
    beside = store.sibling()
    store.append([row(1)])
    store.close()
    assert connections(server) == 1, "the other one has it still"
    beside.close()
    until(lambda: connections(server) == 0)


def test_a_store_that_was_forgotten_leaves_none(server: Servers, data_dir: Path) -> None:
    opening.opened(server.url(), data_dir).append([row(1)])
    gc.collect()
    until(lambda: connections(server) == 0)


def test_one_whose_server_is_dead_is_closed_or_forgotten_as_well(server: Servers) -> None:
    closed, forgotten = (JetStream(brokers.broker(server.url())) for _ in range(2))
    for each in (closed, forgotten):
        each.put(parcels(1))
    server.all[0].kill()
    closed.close()
    del each, forgotten
    gc.collect()


@pytest.mark.parametrize("whom", ["the client's own wait", "us"])
def test_only_who_was_cancelled_is(whom: str) -> None:
    async def closing() -> bool:
        end = asyncio.get_running_loop().create_future()

        class Client:
            async def close(self) -> None:
                await end

        ours = asyncio.ensure_future(links._closed(Client()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (ours if whom == "us" else end).cancel()
        await asyncio.wait([ours])
        return ours.cancelled()

    assert asyncio.run(closing()) is (whom == "us")


def test_an_opening_that_failed_leaves_no_connection(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_REACH", 0.5)
    one = JetStream(brokers.broker(f"nats://127.0.0.1:{listener.getsockname()[1]}"))
    came: list[socket.socket] = []

    def has_come() -> bool:
        """Whether the little time was enough to connect."""
        with pytest.raises(StoreError, match="cannot be reached"):
            one.put(parcels(1))
        with suppress(BlockingIOError):
            came.append(listener.accept()[0])
        return bool(came)

    listener.setblocking(False)
    until(has_come)
    with came[0] as waiting:
        waiting.settimeout(SECONDS)
        assert waiting.recv(1) == b"", "it was not closed"
    one.close()


def test_those_who_ask_at_once_share_a_connection(server: Servers) -> None:
    async def asked() -> object:
        link = Link(brokers.broker(server.url()), seldom=Seldom(time.monotonic))
        await asyncio.gather(link.client(), *(link.ask("INFO") for _ in range(3)))
        found = connections(server)
        await link.close()
        return found

    assert asyncio.run(asked()) == 1


@pytest.mark.parametrize(
    ("number", "rests"),
    [(1, [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]), (3, [0.0, 0.0, 0.2, 0.0, 0.0, 0.4])],
)
def test_each_round_of_tries_waits_longer_than_the_last(number: int, rests: list[float]) -> None:
    assert [rest(failures, number) for failures in range(1, 7)] == rests
    assert rest(number * 10_000, number) == 2.0


def test_a_lost_link_tries_less_and_less_often(server: Servers) -> None:
    told: list[float] = []

    def clock() -> float:
        told.append(time.monotonic())
        return told[-1]

    async def lost() -> None:
        link = Link(brokers.broker(server.url()), seldom=Seldom(clock))
        await link.client()
        server.all[0].kill()
        async with asyncio.timeout(SECONDS):
            while len(told) < 5:
                await asyncio.sleep(0.02)
        await link.close()

    asyncio.run(lost())
    assert told[4] - told[0] > 1.3, "at least 0.2, 0.4 and 0.8 seconds lie between"
