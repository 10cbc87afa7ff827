"""The shards of a destination in a store that several workers share: the ledger's part."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.delivery.store_contract import outcome, row
from track_middleware.delivery.store import Deposed, Flight, Job, Learnt
from track_middleware.delivery.store.claims import COUNTED
from track_middleware.delivery.store.jobs import SharedJob
from track_middleware.delivery.store.postgresql import opening
from track_middleware.delivery.store.shards import SHARDS
from track_middleware.delivery.store.whole import Store
from track_middleware.destinations import registry

pytestmark = pytest.mark.needs("postgresql")

ALL = tuple(range(SHARDS))
ROUTE = registry.routes(["webhook+https://example.org/?name=webhook"])[0]


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def opened(server: Cluster, data_dir: Path) -> Iterator[Callable[[], Store]]:
    emptied(server)
    stores: list[Store] = []

    def again() -> Store:
        stores.append(opening.opened(server.url, data_dir))
        return stores[-1]

    yield again
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    """One whose destination has forty events of forty visitors before it."""
    store = opened()
    store.shards.make(store.job("webhook"))
    store.append([row(number, key=f"v{number}") for number in range(1, 41)])
    return store


def held(store: Store, *shards: int) -> SharedJob:
    return store.shards.job(store.job("webhook"), shards)


def before(store: Store, *shards: int, limit: int = 100) -> Sequence[int]:
    return [each.position for each in store.shards.read(held(store, *shards), limit)[0]]


def test_each_visitor_is_of_one_shard_and_each_shard_has_some(store: Store) -> None:
    parts = [before(store, shard) for shard in ALL]
    assert all(parts)
    assert sorted(position for part in parts for position in part) == list(range(1, 41))
    assert before(store, *ALL) == list(range(1, 41))


def test_a_visitors_later_events_are_of_the_same_shard(store: Store) -> None:
    store.append([row(number + 40, key=f"v{number}") for number in range(1, 41)])
    for shard in ALL:
        part = before(store, shard)
        assert part == [*part[: len(part) // 2], *(each + 40 for each in part[: len(part) // 2])]


def test_a_destination_stands_where_its_last_shard_does(store: Store) -> None:
    store.advance(held(store, 0, 1), 30, [])
    assert store.job("webhook").position == 0
    store.advance(held(store, *ALL[2:]), 20, [])
    assert store.job("webhook").position == 20
    assert held(store, 0, 1).position == 30


def test_what_stands_behind_catches_up_before_all_go_on_together(store: Store) -> None:
    store.advance(held(store, 0), 30, [])
    behind = held(store, 0, 1)
    assert (behind.front, behind.until) == ((1,), 30)
    assert store.shards.read(behind, 100)[1] == 30
    assert max(before(store, 0, 1)) <= 30
    store.advance(behind, 30, [])
    assert held(store, 0, 1).front == (0, 1)
    assert min(before(store, 0, 1)) > 30


def test_nothing_is_read_twice_and_nothing_left_out_in_small_steps(store: Store) -> None:
    found: list[int] = []
    job = held(store, 2, 5)
    while job.position < store.end():
        events, up_to = store.shards.read(job, 2)
        found += [each.position for each in events]
        store.advance(job, up_to, [])
        job = held(store, 2, 5)
    assert found == sorted({*before_all(store, 2), *before_all(store, 5)})


def before_all(store: Store, shard: int) -> Sequence[int]:
    job = SharedJob(1, "webhook", 0, None, None, "", held=(shard,), front=(shard,))
    return [each.position for each in store.shards.read(job, 100)[0]]


def test_a_worker_sends_again_what_waits_of_its_own_shards_alone(store: Store) -> None:
    for shard in (3, 4):
        job = held(store, shard)
        first = store.shards.read(job, 1)[0][0]
        store.advance(job, first.position, [outcome(first, "retry", due=5.0)])
    mine = held(store, 3)
    assert [each.position for each in store.due(mine, 9.0, 10)] == [mine.position]
    assert store.next_due(mine) == 5.0
    assert store.next_due(held(store, 5)) is None
    assert len(store.due(store.job("webhook"), 9.0, 10)) == 2


@pytest.mark.parametrize("repeat", [False, True])
def test_nobody_decides_about_calls_of_a_worker_that_is_at_them(store: Store, repeat: bool) -> None:
    mine, theirs = held(store, 3), held(store, 4)
    position = store.shards.read(theirs, 1)[0][0].position
    store.note(theirs, [Flight(position, b"road", False)])
    store.landed(mine, repeat=repeat)
    assert store.job("webhook").doubtful == 0
    roads = store.landed(theirs, repeat=repeat)
    assert roads == ({} if repeat else {position: frozenset([b"road"])})
    assert store.job("webhook").doubtful == 1


def test_two_workers_sums_are_one(store: Store) -> None:
    one, two = held(store, 0), held(store, 1)
    store.advance(one, 10, [], Learnt(delivered=3, at=1e9, rate=3.0))
    store.advance(two, 10, [], Learnt(delivered=4, at=1e9, rate=4.0))
    job = store.job("webhook")
    assert (job.delivered, job.rate) == (7, 7.0)
    store.advance(one, 10, [], Learnt(delivered=1, at=1e9 + 60, rate=1.0))
    assert store.job("webhook").rate == pytest.approx(1 + 7 / math.e)
    store.advance(one, 10, [], Learnt(delivered=1, at=2e9, rate=1.0))
    assert store.job("webhook").rate == 1.0


def test_what_some_shards_have_done_is_not_before_the_destination(store: Store) -> None:
    store.advance(held(store, *ALL[:4]), 40, [])
    job = store.job("webhook")
    left = sum(len(before(store, shard)) for shard in ALL[4:])
    assert store.claims.ahead(job, ROUTE, counted=COUNTED).events == left
    assert 0 < left < 40


def test_a_job_that_one_worker_served_goes_on_where_it_stood(opened: Callable[[], Store]) -> None:
    """As a store that was moved here, and one whose worker knew of no shards."""
    store = opened()
    job = store.job("webhook")
    store.append([row(number, key=f"v{number}") for number in range(1, 41)])
    store.advance(job, 25, [])
    store.shards.make(job)
    assert held(store, *ALL).position == 25
    store.advance(store.job("webhook"), 30, [])
    assert held(store, *ALL).position == 30


def test_whoever_lost_one_shard_notes_nothing_of_the_batch(
    store: Store, opened: Callable[[], Store]
) -> None:
    other = opened()
    leases = {name: store.lease_of(name).take(0, "one") or 0 for name in ("a", "b")}
    store.fenced_to(leases)
    job: Job = held(store, 0, 1)
    store.advance(job, 5, [])
    assert other.lease_of("b").take(1, "two") == 2
    assert not store.holds()
    with pytest.raises(Deposed):
        store.advance(job, 9, [])
    assert held(other, 0).position == 5
