"""How workers share the work of one store: a lease a piece, taken over when its holder is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from track_middleware.delivery.lease import STALE
from track_middleware.delivery.shares import Everything, Shares, rights
from track_middleware.delivery.store import Deposed, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError

PIECE = "serve webhook"


class Clock:
    """Monotonic seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


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


def test_a_store_that_was_away_makes_nobody_stale(
    worker: Callable[[str], Shares], opened: Callable[[], Store], clock: Clock
) -> None:
    """Whoever could not renew meanwhile is not gone."""

    class Away(Shares):
        is_away = False

        def _try(self, piece: str) -> None:
            if self.is_away:
                raise StoreError("away")
            super()._try(piece)

    holder, candidate = worker("holder"), Away(opened(), owner="candidate", monotonic=clock)
    holder.obtain([PIECE])
    candidate.fenced(opened(), PIECE)
    candidate.turn()
    candidate.is_away = True
    clock.now += STALE
    with pytest.raises(StoreError):
        candidate.turn()
    candidate.is_away = False
    candidate.turn()
    assert not candidate.fenced(opened(), PIECE)
    clock.now += STALE
    candidate.turn()
    assert candidate.fenced(opened(), PIECE)


def test_the_only_worker_of_a_store_has_everything(
    opened: Callable[[], Store], clock: Clock
) -> None:
    mine = rights(opened(), owner="one", monotonic=clock)
    assert isinstance(mine, Everything)
    assert mine.fenced(opened(), PIECE)
