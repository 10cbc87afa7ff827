"""A data folder, or a store, that is away for a while or for good."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.waiting import until
from track_middleware.delivery.guard import Guard
from track_middleware.delivery.handover import Origin
from track_middleware.delivery.outbox import Mover
from track_middleware.delivery.replaying import Replays
from track_middleware.delivery.serve import Serve
from track_middleware.delivery.servers import Servers
from track_middleware.delivery.shares import Everything
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.replays import Part
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.transport import Deliver
from track_middleware.destinations.registry import routes


def test_a_worker_whose_folder_goes_away_at_any_moment_says_so_in_words(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.delivery.folder_goes_away", str(data_dir)],
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    statuses = done.stdout.split()
    assert {*statuses} == {"0", "2"}
    assert len(statuses) > 10
    assert done.stderr.count("track-middleware worker: ") == statuses.count("2")


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    with closing(sqlite.open(data_dir / "events.db")) as store:
        yield store


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    over = threading.Event()
    yield over
    over.set()


class Away:
    """While it lasts nobody can connect to the store of a folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._aside = data_dir.with_name("aside")

    def __enter__(self) -> None:
        self._data_dir.rename(self._aside)
        self._data_dir.touch()

    def __exit__(self, *_: object) -> None:
        """In one step, since whoever finds nothing there makes a folder."""
        back = self._data_dir.with_name("back")
        back.symlink_to(self._aside)
        back.replace(self._data_dir)


@contextmanager
def connecting_late(
    what: str,
    start: Callable[[], threading.Thread],
    data_dir: Path,
    ended: threading.Event,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[None]:
    """A thread that began while the store was away, and said so, and can connect from now on."""
    with Away(data_dir):
        thread = start()
        until(lambda: f"{what} failed: the store" in caplog.text)
    yield
    ended.set()
    thread.join()


#: Set when somebody asks what waits in the outbox.
_asked = threading.Event()


class Outbox:
    """One in which nothing waits."""

    def move(self, owner: str, take: object) -> bool:
        _asked.set()
        return False

    def close(self) -> None:
        """There is nothing to let go of."""


class Steps:
    """Serves a destination, as far as a test has to see it."""

    def __init__(self, served: threading.Event) -> None:
        self._served = served

    def once(self) -> float | None:
        self._served.set()
        return None


def test_a_destination_is_served_once_its_thread_can_connect(
    store: Store, data_dir: Path, ended: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    served = threading.Event()
    servers = Servers(
        store,
        serve=lambda route, own: Steps(served),
        guard=Guard(time.monotonic),
        now=time.time,
        monotonic=time.monotonic,
        rights=Everything(),
    )
    route = routes(["webhook+http://127.0.0.1:9/"])[0]
    with connecting_late("webhook", lambda: servers.start(route, ended), data_dir, ended, caplog):
        until(served.is_set)


def test_an_outbox_is_looked_into_once_its_thread_can_connect(
    store: Store, data_dir: Path, ended: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    _asked.clear()
    mover = Mover(
        Origin(f"{__name__}.Outbox"),
        drain=lambda own: None,  # type: ignore[arg-type, return-value]
        now=time.time,
        guard=Guard(time.monotonic),
    )
    with connecting_late(
        "the outbox", lambda: mover.start(store, ended)[0], data_dir, ended, caplog
    ):
        until(_asked.is_set)


def test_a_replay_that_cannot_connect_is_begun_again(
    store: Store, data_dir: Path, ended: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    route = routes(["webhook+http://127.0.0.1:9/"])[0]
    number = store.replays.add("webhook", Part(), (0, 0), total=0, now=1.0)
    replays = Replays(
        {"webhook": route},
        store,
        serve=lambda route, own, *, log, find: Serve(
            route, log=log, ledger=own, find=find, transport=Deliver(), now=time.time,
            random=lambda: 0.5, may_send=lambda: True,
        ),
        guard=Guard(time.monotonic),
        now=time.time,
        rights=Everything(),
    )  # fmt: skip
    with Away(data_dir):
        replays.once(number, route)
    assert "replaying to webhook failed: the store" in caplog.text
    replays.once(number, route)
    found = store.replays.get(number)
    assert found is not None
    assert found.ended is not None
