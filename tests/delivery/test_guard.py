"""What becomes of an error in one of the worker's threads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.waiting import until
from track_middleware.delivery.guard import Guard
from track_middleware.delivery.store import Deposed
from track_middleware.delivery.worker import Worker
from track_middleware.errors import SpoolError, StoreError
from track_middleware.reading import load


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def guard(clock: list[float]) -> Guard:
    return Guard(lambda: clock[0])


def raising(error: Exception) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step


def test_it_gives_what_the_step_gives(guard: Guard) -> None:
    assert guard("draining", lambda: 3) == 3


def test_a_mistake_is_told_with_its_traceback(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    assert guard("draining", raising(ZeroDivisionError("x"))) is None
    assert caplog.messages == ["draining failed; trying again from now on"]
    assert "ZeroDivisionError: x" in caplog.text


def test_whoever_is_deposed_goes_on_no_further(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Deposed):
        guard("draining", raising(Deposed("another worker has taken over this store")))
    assert not caplog.records


@pytest.mark.parametrize("kind", [StoreError, SpoolError])
def test_a_store_or_a_disk_that_is_away_is_told_in_words(
    guard: Guard, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    assert guard("draining", raising(kind("the store cannot be reached"))) is None
    assert caplog.messages == [
        "draining failed: the store cannot be reached; trying again from now on"
    ]
    assert caplog.records[0].exc_info is None


def test_a_cause_is_told_once_a_minute_whoever_meets_it_and_whatever_it_counts(
    guard: Guard, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for milliseconds, thread in enumerate(["draining", "the election", "posthog"]):
        guard(thread, raising(StoreError(f"the store is away (after {milliseconds} ms)")))
    guard("draining", raising(StoreError("the store cannot be written")))
    clock[0] += 61
    guard("draining", raising(StoreError("the store is away (after 61000 ms)")))
    assert caplog.messages == [
        "draining failed: the store is away (after 0 ms); trying again from now on",
        "draining failed: the store cannot be written; trying again from now on",
        "draining failed: the store is away (after 61000 ms); trying again from now on "
        "(2 more since this was told last)",
    ]


@contextmanager
def hanging_up() -> Iterator[tuple[int, list[bytes]]]:
    """A server that reads what a client says first, and says nothing; its port, and what it read.
    It closes in the same way each time: unread bytes would make a reset of it."""
    came: list[bytes] = []

    def serve(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    came.append(connection.recv(65_536))

    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=serve, args=(server,))
        serving.start()
        try:
            yield server.getsockname()[1], came
        finally:
            server.shutdown(socket.SHUT_RDWR)
            serving.join()


def test_a_worker_whose_store_is_away_says_so_once_and_goes_on_trying(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    with hanging_up() as (port, came):
        url = f"postgresql://127.0.0.1:{port}/shop?sslmode=disable&gssencmode=disable"
        settings = load({"store": url, "data_dir": str(data_dir)}, {})
        worker = Worker(settings, data_dir=data_dir, monotonic=lambda: 1000.0)
        running = threading.Thread(target=worker.run, args=(stop,))
        running.start()
        try:
            until(lambda: len(came) >= 3)
        finally:
            stop.set()
            running.join()
            worker.close()
    (told,) = caplog.records
    assert "cannot be reached" in told.getMessage()
    assert told.exc_info is None
