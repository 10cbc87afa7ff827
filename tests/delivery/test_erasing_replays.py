"""An erasure beside a replay: what is on its way to a vendor arrives before the vendor is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.delivery.emulators.deletions import Deletions
from tests.delivery.recorder import Recorder
from tests.delivery.test_erasing import USER, VISITOR, Shop, asked_for, entry, urls
from tests.waiting import SECONDS, until
from track_middleware.delivery.lines import Silence
from track_middleware.delivery.store import connection, sqlite
from track_middleware.delivery.store.locks import Threads
from track_middleware.delivery.store.replays import Part
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.transport import Deliver
from track_middleware.delivery.worker import Worker
from track_middleware.destinations import Answer, Call
from track_middleware.reading import load

PIECE = "serve mixpanel"


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    with closing(sqlite.open(data_dir / "events.db")) as store:
        yield store


def test_whoever_is_alone_waits_for_all_that_send_and_keeps_nobody_waiting(store: Store) -> None:
    with closing(store.sibling()) as one, closing(store.sibling()) as two:
        with ThreadPoolExecutor() as threads, one.locks.together(PIECE):
            assert two.locks.alone("serve another")
            waiting = threads.submit(store.locks.alone, PIECE)
            with two.locks.together(PIECE), pytest.raises(TimeoutError):
                waiting.result(0.1)
        assert waiting.result(SECONDS)


def test_whoever_would_wait_too_long_is_told_so() -> None:
    locks = Threads(0.01)
    with locks.together(PIECE):
        assert not locks.alone(PIECE)
    assert locks.alone(PIECE)


def test_whoever_comes_later_is_not_waited_for() -> None:
    locks, began = Threads(SECONDS), threading.Event()

    class Left(threading.Thread):
        """Waits for the first, and not for the second, which comes while it waits."""

        def run(self) -> None:
            began.set()
            self.was_alone = locks.alone(PIECE)

    first, second, waiting = locks.together(PIECE), locks.together(PIECE), Left()
    with first:
        waiting.start()
        began.wait(SECONDS)
        until(lambda: bool(locks._left._waiters))  # type: ignore[attr-defined]
        second.__enter__()
    waiting.join(SECONDS)
    assert waiting.was_alone
    second.__exit__(None, None, None)


def test_a_vendor_is_asked_when_nothing_of_a_replay_is_on_its_way(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deletions, asks, came = Deletions(), threading.Event(), list[str]()

    class Noting(Threads):
        """Tells when the vendor is about to be asked."""

        def alone(self, name: str) -> bool:
            asks.set()
            return super().alone(name)

    monkeypatch.setattr(connection, "Threads", Noting)
    deliver = Deliver()

    def transport(call: Call) -> Answer | Silence:
        if threading.current_thread().name.startswith("replay"):
            assert asks.wait(SECONDS)
            time.sleep(0.3)  # time enough to be asked, for one that does not wait
        came.append("deletion" if "deletions" in call.url else "events")
        return deliver(call)

    with Recorder(deletions) as recorder, closing(deliver):
        shop = Shop(data_dir, [urls(recorder.url)[1]])
        shop.accept(entry(USER, VISITOR, "bought"), entry("ben", "bens-phone", "bought"))
        shop.work()
        with closing(sqlite.open(data_dir / "events.db")) as store:
            store.replays.add("mixpanel", Part(), (0, store.end()), total=2, now=time.time())
        worker = Worker(load(shop.given, {}), data_dir=data_dir, transport=transport)
        stop = threading.Event()
        running = threading.Thread(target=worker.run, args=(stop,))
        running.start()
        until(lambda: any(each.name.startswith("replay") for each in threading.enumerate()))
        asked_for(shop)
        until(lambda: deletions.asked)
        stop.set()
        running.join()
        worker.close()
    assert came.index("events") < came.index("deletion")
