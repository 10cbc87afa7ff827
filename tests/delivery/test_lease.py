"""The election: one holder, takeover of the dead at once, of the hung when its lease is stale."""

from __future__ import annotations

import pytest

from track_middleware.delivery.lease import RENEW, STALE, Lease
from track_middleware.delivery.store import sqlite


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def candidate(data_dir):
    """Makes candidates, each with a connection and clock of its own."""
    made = []

    def candidate():
        store, clock = sqlite.open(data_dir / "events.db"), Clock()
        lock = data_dir / "worker.lock"
        lease = Lease(store.lease, lock, owner=str(len(made)), monotonic=clock)
        made.append((store, lease))
        return lease, clock

    yield candidate
    for store, lease in made:
        lease.release()
        store.close()


def test_the_first_candidate_is_elected_at_once(candidate):
    lease, _ = candidate()
    assert lease.acquire()
    assert lease.keep()


def test_a_living_holder_keeps_its_lease(candidate):
    (holder, clock), (other, watch) = candidate(), candidate()
    assert holder.acquire()
    for _ in range(10):
        clock.now += RENEW
        watch.now += RENEW
        assert holder.keep()
        assert not other.acquire()


def test_a_released_lease_is_taken_at_once(candidate):
    (holder, _), (other, _) = candidate(), candidate()
    holder.acquire()
    holder.release()
    assert other.acquire()


def test_a_hung_holder_is_replaced_when_its_lease_is_stale(candidate):
    (hung, clock), (other, watch) = candidate(), candidate()
    hung.acquire()
    assert not other.acquire()
    watch.now += STALE - 0.1
    assert not other.acquire()
    watch.now += 0.1
    assert other.acquire()
    clock.now += RENEW
    assert not hung.keep()


def test_a_candidate_that_was_itself_away_watches_anew(candidate):
    """Only what the candidate saw stand still counts, not what the holder's clock says."""
    (holder, clock), (other, watch) = candidate(), candidate()
    holder.acquire()
    assert not other.acquire()
    clock.now += RENEW
    assert holder.keep()
    watch.now += STALE
    assert not other.acquire()


def test_everybody_can_ask_who_holds_it_through_his_own_connection(candidate, data_dir):
    (hung, _), (other, watch) = candidate(), candidate()
    hung.acquire()
    store = sqlite.open(data_dir / "events.db")
    store.fenced(1)
    assert hung.is_held(store, 1)
    other.acquire()
    watch.now += STALE
    other.acquire()
    assert not hung.is_held(store, 1)
    store.fenced(2)
    assert other.is_held(store, 2)
    other.release()
    assert hung.acquire()
    store.fenced(3)
    assert hung.is_held(store, 3)
    assert not hung.is_held(store, 1), "a thread that was left over sends nothing"
    store.close()


def test_two_candidates_at_the_same_generation_elect_one(candidate):
    (one, watch), (two, other_watch), (gone, _) = candidate(), candidate(), candidate()
    gone.acquire()
    for each in (one, two):
        assert not each.acquire()
    watch.now += STALE
    other_watch.now += STALE
    assert one.acquire()
    assert not two.acquire()


def test_a_successor_gets_the_file_lock_when_the_hung_one_is_gone(candidate):
    (hung, _), (heir, watch), (third, _) = candidate(), candidate(), candidate()
    hung.acquire()
    heir.acquire()
    watch.now += STALE
    heir.acquire()
    hung.release()
    watch.now += RENEW
    assert heir.keep()
    assert not third.acquire()
