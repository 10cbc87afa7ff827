"""What several workers of one store do not do at once, for longer than a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.waiting import until
from track_middleware.delivery.items import Item
from track_middleware.delivery.store.postgresql import opening
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.whom import Whom
from track_middleware.destinations import Verdict, registry
from track_middleware.event import Event

pytestmark = pytest.mark.needs("postgresql")

PIECE = "serve webhook"
ROUTE = registry.routes(["posthog://KEY"])[0]


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def opened(server: Cluster, data_dir: Path) -> Iterator[Callable[[], Store]]:
    with ExitStack() as stack:

        def again() -> Store:
            store = opening.opened(server.url, data_dir)
            stack.callback(store.close)
            return store

        yield again


def test_an_erasure_waits_for_all_that_send_and_keeps_nobody_waiting_after(
    server: Cluster, opened: Callable[[], Store]
) -> None:
    one, two, eraser = opened(), opened(), opened()
    with ThreadPoolExecutor() as threads, one.locks.together(PIECE):
        with two.locks.together(PIECE):
            assert eraser.locks.alone("serve another")
            waiting = threads.submit(eraser.locks.alone, PIECE)
            until(lambda: server.do("SELECT 1 FROM pg_locks WHERE NOT granted"))
        assert not waiting.done()
        one.close()  # as a kill would
        assert waiting.result()
    with one.locks.together(PIECE), two.locks.together(PIECE):
        pass


def identify(name: str, visitor: str = "v1") -> Item:
    event = Event(name, "identify", "2026-01-01T00:00:00.000Z", anonymous_id=visitor, user_id="ann")
    return Item(name, visitor, event, 1)


def test_of_a_merge_one_worker_tells_and_another_waits_until_it_has(
    opened: Callable[[], Store],
) -> None:
    stores = opened(), opened()
    one, two = (Whom(store.merges, ROUTE) for store in stores)
    fates: dict[str, Verdict] = {}
    with stores[0].locks.together(PIECE):
        assert one.items([identify("a")], {"identify"}) == ([identify("a")], [])
        with stores[1].locks.together(PIECE):
            assert two.items([identify("b")], {"identify"}) == ([], [])
        two.settle(fates)
        assert {name: fate.state for name, fate in fates.items()} == {"b": "retry"}
        one.tell({"a"}, at=1.0)
    with stores[1].locks.together(PIECE):
        assert two.items([identify("b")], {"identify"}) == ([], ["b"])


def test_whoever_told_of_a_merge_in_vain_lets_another_tell(opened: Callable[[], Store]) -> None:
    stores = opened(), opened()
    one, two = (Whom(store.merges, ROUTE) for store in stores)
    with stores[0].locks.together(PIECE):
        one.items([identify("c", "v2")], {"identify"})
        one.tell((), at=1.0)
    with stores[1].locks.together(PIECE):
        items, _ = two.items([identify("d", "v2")], {"identify"})
    assert [item.id for item in items] == ["d"]
