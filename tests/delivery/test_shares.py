"""How workers share the work of one store: a lease a piece, taken over when its holder is gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from track_middleware.delivery.lease import STALE
from track_middleware.delivery.shares import Everything, Shares, rights, spread
from track_middleware.delivery.store import Deposed, sqlite
from track_middleware.delivery.store.leases import LeaseRow, Standing
from track_middleware.delivery.store.shards import SHARDS
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError

PIECE = "serve webhook"


class Clock:
    """Monotonic seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Cut(Shares):
    """Cannot look into the store while it is cut off from it."""

    is_cut = False

    def _see(self, standing: Mapping[str, Standing], names: Collection[str]) -> None:
        if self.is_cut:
            raise StoreError("cut")
        super()._see(standing, names)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(data_dir: Path) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def again() -> Store:
        stores.append(sqlite.open(data_dir / "events.db"))
        return stores[-1]

    yield again
    for store in stores:
        store.close()


@pytest.fixture
def worker(opened: Callable[[], Store], clock: Clock) -> Callable[[str], Shares]:
    return lambda owner: Shares(opened(), owner=owner, monotonic=clock)


def test_a_piece_is_whose_it_was_first(
    worker: Callable[[str], Shares], opened: Callable[[], Store]
) -> None:
    one, two, mine, theirs = worker("one"), worker("two"), opened(), opened()
    assert not one.fenced(mine, PIECE), "nobody has asked the store yet"
    one.turn()
    assert one.fenced(mine, PIECE)
    two.fenced(theirs, PIECE)
    two.turn()
    assert not two.fenced(theirs, PIECE)


def test_a_holder_that_renews_is_left_alone(
    worker: Callable[[str], Shares], opened: Callable[[], Store], clock: Clock
) -> None:
    one, two, theirs = worker("one"), worker("two"), opened()
    one.obtain([PIECE])
    for _ in range(5):
        assert not two.fenced(theirs, PIECE)
        one.turn()
        two.turn()
        clock.now += STALE - 1


def test_whoever_is_silent_is_replaced_and_writes_nothing_more(
    worker: Callable[[str], Shares], opened: Callable[[], Store], clock: Clock
) -> None:
    dead, other, late = worker("dead"), worker("other"), opened()
    dead.obtain([PIECE])
    assert dead.fenced(late, PIECE)
    late.pause(late.job("webhook"), 5.0, "")
    other.fenced(opened(), PIECE)
    other.turn()
    clock.now += STALE
    other.turn()
    assert other.fenced(opened(), PIECE)
    assert not late.holds()
    with pytest.raises(Deposed):
        late.pause(late.job("webhook"), 6.0, "")
    dead.turn()
    assert not dead.fenced(opened(), PIECE), "it learns of it with its next turn"


def test_whoever_ends_keeps_nobody_waiting(
    worker: Callable[[str], Shares], opened: Callable[[], Store]
) -> None:
    one, two = worker("one"), worker("two")
    one.obtain([PIECE])
    two.fenced(opened(), PIECE)
    two.turn()
    one.release()
    two.turn()
    assert two.fenced(opened(), PIECE)


Working = tuple[Shares, Store]


@pytest.fixture
def two_workers(
    worker: Callable[[str], Shares], opened: Callable[[], Store]
) -> tuple[Working, Working]:
    """One that has all shards, and one that has just come; each with its connection."""
    one, two, mine, theirs = worker("one"), worker("two"), opened(), opened()
    one.obtain([], shared=[PIECE])
    assert len(one.part(mine, PIECE)) == SHARDS
    two.part(theirs, PIECE)
    two.turn()
    return (one, mine), (two, theirs)


def test_whoever_gives_everything_back_writes_nothing_more(
    worker: Callable[[str], Shares], opened: Callable[[], Store]
) -> None:
    last, mine = worker("z"), opened()
    last.obtain([], shared=[PIECE])
    assert len(last.part(mine, PIECE)) == SHARDS
    others = [(worker(name), opened()) for name in "abcdefgh"]
    for other, store in others:
        other.part(store, PIECE)
        other.turn()
    last.turn()
    assert last.part(mine, PIECE) == ()
    for other, _ in others:
        other.turn()
    assert not mine.holds()


def test_all_that_is_too_much_is_given_back_though_another_takes_each_at_once(
    two_workers: tuple[Working, Working], monkeypatch: pytest.MonkeyPatch
) -> None:
    (one, mine), (two, theirs) = two_workers
    one.turn()
    give_back = LeaseRow.give_back

    def contested(row: LeaseRow, generation: int) -> None:
        give_back(row, generation)
        two.turn()

    monkeypatch.setattr(LeaseRow, "give_back", contested)
    assert len(one.part(mine, PIECE)) == SHARDS // 2
    assert len(two.part(theirs, PIECE)) == SHARDS // 2
    assert mine.holds()
    assert theirs.holds()


def test_a_store_that_was_away_makes_nobody_stale(
    worker: Callable[[str], Shares], opened: Callable[[], Store], clock: Clock
) -> None:
    """Whoever could not renew meanwhile is not gone."""

    holder, candidate = worker("holder"), Cut(opened(), owner="candidate", monotonic=clock)
    holder.obtain([PIECE])
    candidate.fenced(opened(), PIECE)
    candidate.turn()
    candidate.is_cut = True
    clock.now += STALE
    with pytest.raises(StoreError):
        candidate.turn()
    candidate.is_cut = False
    candidate.turn()
    assert not candidate.fenced(opened(), PIECE)
    clock.now += STALE
    candidate.turn()
    assert candidate.fenced(opened(), PIECE)


def test_the_only_worker_of_a_store_has_everything(
    opened: Callable[[], Store], clock: Clock
) -> None:
    mine = rights(opened(), monotonic=clock)
    assert isinstance(mine, Everything)
    assert mine.fenced(opened(), PIECE)
    assert mine.part(opened(), PIECE) == (0,)


@pytest.mark.parametrize("number", range(1, 11))
def test_shards_are_spread_evenly_over_any_number_of_workers(number: int) -> None:
    workers = [f"w{each}" for each in range(number)]
    shares = [spread(workers, each, SHARDS) for each in workers]
    assert sum(most for _, most in shares) == SHARDS
    assert max(most for _, most in shares) - min(most for _, most in shares) <= 1
    ranges = [set(range(first, first + most)) for first, most in shares]
    assert set.union(*ranges) == set(range(SHARDS))


def test_a_worker_alone_has_all_shards_and_gives_some_to_one_that_comes(
    two_workers: tuple[Working, Working],
) -> None:
    (one, mine), (two, theirs) = two_workers
    assert two.part(theirs, PIECE) == (), "what the first one is at is left to it"
    one.turn()
    assert not one.is_settled(PIECE)
    kept = one.part(mine, PIECE)
    assert len(kept) == SHARDS // 2
    assert one.is_settled(PIECE)
    two.turn()
    assert not two.is_settled(PIECE)
    assert {*two.part(theirs, PIECE), *kept} == set(range(SHARDS))
    one.turn()
    two.turn()
    assert one.is_settled(PIECE)
    assert two.is_settled(PIECE)


def test_what_a_dead_worker_had_is_spread_over_those_that_live(
    worker: Callable[[str], Shares], opened: Callable[[], Store], clock: Clock
) -> None:
    here = {name: (worker(name), opened()) for name in ("one", "two", "dead")}
    for _ in range(4):
        turn(here)
    assert sorted(len(shares.part(store, PIECE)) for shares, store in here.values()) == [2, 3, 3]
    _, late = here.pop("dead")
    for _ in range(6):
        clock.now += 1.0
        turn(here)
    assert [len(shares.part(store, PIECE)) for shares, store in here.values()] == [4, 4]
    with pytest.raises(Deposed):
        late.pause(late.job("webhook"), 5.0, "")


def turn(here: Mapping[str, tuple[Shares, Store]]) -> None:
    for shares, store in here.values():
        shares.part(store, PIECE)
        shares.turn()


def test_whoever_starts_again_has_at_once_what_it_had_when_it_was_killed(
    worker: Callable[[str], Shares], opened: Callable[[], Store]
) -> None:
    dead = worker("one")
    dead.obtain([], shared=[PIECE])
    again, mine = worker("one"), opened()
    again.part(mine, PIECE)
    again.turn()
    assert len(again.part(mine, PIECE)) == SHARDS
    dead.turn()
    assert dead.part(opened(), PIECE) == (), "the former one learns of it, and leaves it so"
    dead.turn()
    assert dead.part(opened(), PIECE) == ()


def test_links_that_are_cut_now_and_then_put_a_takeover_off_by_little(
    worker: Callable[[str], Shares], opened: Callable[[], Store], clock: Clock
) -> None:
    worker("dead").obtain([PIECE])
    candidate, mine = Cut(opened(), owner="candidate", monotonic=clock), opened()
    candidate.fenced(mine, PIECE)
    candidate.turn()
    began = clock.now
    while not candidate.fenced(mine, PIECE):
        assert clock.now - began <= 2 * STALE
        clock.now += 0.5
        candidate.is_cut = not candidate.is_cut
        with suppress(StoreError):
            candidate.turn()
    assert clock.now - began > STALE
