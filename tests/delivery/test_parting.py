"""Bodies that share a parcel, and what is left of one when an event of it goes for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from tests.delivery.memory_bodies import Memory, opened
from tests.delivery.store_contract import outcome, row
from track_middleware.delivery.store import NewRow, sealing
from track_middleware.delivery.store.bodies import SHARDS
from track_middleware.delivery.store.bundles import MOST, bundles
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError

pytestmark = pytest.mark.needs("cryptography")

FULL = 1000


@pytest.fixture
def memory() -> Memory:
    return Memory(together=FULL)


@pytest.fixture
def store(data_dir: Path, memory: Memory) -> Iterator[Store]:
    store = opened(data_dir, memory)
    yield store
    store.close()


def body(number: int) -> bytes:
    return b'{"n":%d}' % number


def of(number: int, size: int = 7, *, key: str = "one", passes: bool = False) -> NewRow:
    body = (b"%d" % number).ljust(size, b"x")
    return msgspec.structs.replace(row(number, key=key), body=body, passes=passes)


def afresh(data_dir: Path, memory: Memory) -> dict[int, bytes]:
    """The bodies that another process reads, by their positions."""
    store = opened(data_dir, memory)
    try:
        return {each.position: each.body for each in store.read(0, 5000)}
    finally:
        store.close()


def notes(data_dir: Path, table: str = "log") -> list[bytes]:
    """What stands in rows as their bodies."""
    raw = sqlite3.connect(data_dir / "events.db")
    found = [each for (each,) in raw.execute(f"SELECT body FROM {table} ORDER BY rowid")]
    raw.close()
    return found


def keys(found: Sequence[bytes]) -> set[bytes]:
    noted = [note for note in found if note[:1] == sealing.MARK]
    return {name[:32] for name in sealing.named(noted)}


def are_gone(data_dir: Path, gone: set[bytes]) -> bool:
    """Whether none of these keys stands in any of the ledger's files."""
    files = [path.read_bytes() for path in data_dir.glob("events.db*")]
    return not any(key in each for each in files for key in gone)


def erase(store: Store, *positions: int) -> None:
    with store.batch():
        store.persons.drop_events(positions, ["erased"])
    store.persons.rewrite()
    store.persons.empty_wal()


# Together.


def test_bodies_of_a_shard_share_parcels_until_they_are_full() -> None:
    rows = [of(number, 400) for number in range(5)]
    rows.insert(1, of(9, key="of another shard"))
    made = list(bundles(rows, FULL))
    assert [(each.numbers, each.bodies) for each in made] == [
        (numbers, [rows[number].body for number in numbers])
        for numbers in ([0, 2], [3, 4], [5], [1])
    ]
    assert len({each.shard for each in made[:3]}) == 1
    assert made[3].shard != made[0].shard


def test_what_is_larger_than_a_parcel_should_be_is_alone_in_one() -> None:
    rows = [of(0), of(1, FULL + 1), of(2)]
    assert [each.numbers for each in bundles(rows, FULL)] == [[0], [1], [2]]


def test_where_nothing_goes_together_each_is_alone_and_in_order() -> None:
    rows = [of(number, key=f"v{number}") for number in range(20)]
    assert [each.numbers for each in bundles(rows, 0)] == [[number] for number in range(20)]


@pytest.mark.parametrize("size", [1, 7, 333, 334, 500, FULL, FULL + 1])
def test_no_body_is_left_out_and_no_parcel_too_large(size: int) -> None:
    rows = [of(number, size, key=f"v{number % 3}") for number in range(40)]
    made = list(bundles(rows, FULL))
    assert sorted(number for each in made for number in each.numbers) == list(range(40))
    for each in made:
        assert list(each.bodies) == [rows[number].body for number in each.numbers]
        assert sum(map(len, each.bodies)) <= max(FULL, size)


def test_a_parcel_has_not_more_bodies_than_can_be_numbered() -> None:
    empty = msgspec.structs.replace(of(0), body=b"")
    assert [len(each.numbers) for each in bundles([empty] * (MOST + 1), FULL)] == [MOST, 1]


def test_what_the_log_does_not_keep_goes_apart() -> None:
    rows = [of(number, passes=number % 2 > 0) for number in range(6)]
    assert [each.numbers for each in bundles(rows, FULL)] == [[0, 2, 4], [1, 3, 5]]
    assert len({each.shard for each in bundles(rows, FULL)}) == 1
    assert all(each.shard < SHARDS for each in bundles(rows, FULL))


def test_what_shares_a_parcel_is_fetched_once(store: Store, data_dir: Path, memory: Memory) -> None:
    store.append([row(number) for number in range(5)])
    assert len(memory.put_here) == 1
    other = opened(data_dir, memory)
    for after in range(5):
        assert [each.body for each in other.read(after, 1)] == [body(after)]
    other.close()
    assert memory.asked == ["0"]


# Apart.


def test_of_an_erased_event_no_key_is_left_and_its_neighbours_are_read(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    store.append([row(number) for number in range(1, 6)])
    former = keys(notes(data_dir))
    erase(store, 2, 4)
    assert are_gone(data_dir, former)
    assert afresh(data_dir, memory) == {1: body(1), 3: body(3), 5: body(5)}


def test_of_other_parcels_nothing_changes(store: Store, data_dir: Path, memory: Memory) -> None:
    store.append([row(1), row(2)])
    store.append([row(3), row(4)])
    second = notes(data_dir)[2:]
    erase(store, 1)
    assert notes(data_dir) == [body(2), *second]


def test_neighbours_are_found_among_events_of_other_shards_and_known_ones(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    store.append([row(1), row(2, key="one")])
    rows = [row(number, key=f"v{number % 50}") for number in range(1, 400)]
    store.append(rows)
    former = keys(notes(data_dir)[100:101])
    erase(store, 101)
    assert are_gone(data_dir, former)
    found = afresh(data_dir, memory)
    assert sorted(found.values()) == sorted(body(n) for n in range(1, 400) if n != 101)


def test_an_erasure_that_is_cut_off_changes_nothing(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    store.append([row(1), row(2)])
    before = notes(data_dir)

    def cut_off() -> None:
        with store.batch():
            store.persons.drop_events([1], ["erased"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert notes(data_dir) == before
    assert afresh(data_dir, memory) == {1: body(1), 2: body(2)}


def test_while_the_broker_is_away_nothing_is_erased_by_halves(
    data_dir: Path, memory: Memory
) -> None:
    store = opened(data_dir, memory)
    store.append([row(1), row(2)])
    store.close()
    late = opened(data_dir, memory)
    memory.is_down = True
    with pytest.raises(StoreError, match="down"):
        erase(late, 1)
    memory.is_down = False
    assert afresh(data_dir, memory) == {1: body(1), 2: body(2)}
    erase(late, 1)
    late.close()
    assert afresh(data_dir, memory) == {2: body(2)}


def test_what_the_broker_has_lost_can_be_erased(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    store.append([row(1), row(2)])
    memory.contents.clear()
    late = opened(data_dir, memory)
    erase(late, 1)
    late.close()
    assert afresh(data_dir, memory) == {2: b""}


def test_neighbours_in_packs_get_their_bodies_back(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    store.append([row(number) for number in range(1, 1101)])
    noted = notes(data_dir)
    (former,) = keys(noted[498:499])
    assert former in keys(noted[500:501]), "it lies in the slice of another pack, too"
    while store.pack(2000.0):
        pass
    erase(store, 499)
    read = store._db._inner.all("log_read", (0, 5000))  # type: ignore[attr-defined]
    assert former not in keys([each[6] for each in read])
    assert afresh(data_dir, memory) == {n: body(n) for n in range(1, 1101) if n != 499}


def test_letters_of_neighbours_get_their_bodies(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    _refused_while_the_broker_is_away(store, data_dir, memory, 2)
    former = keys(notes(data_dir, "dead"))
    assert former
    erase(store, 1)
    assert are_gone(data_dir, former)
    assert [each.body for each in store.dead()] == [body(2)]


def test_a_letter_that_goes_leaves_no_key_though_the_log_has_let_its_event_go(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    _refused_while_the_broker_is_away(store, data_dir, memory, 2)
    late = opened(data_dir, memory)
    memory.is_down = True
    late.forget(events=500.0, ids=0.0, pages=0.0, served_by=[])
    memory.is_down = False
    late.close()
    former = keys(notes(data_dir))
    assert len(notes(data_dir)) == 2
    assert former == keys(notes(data_dir, "dead"))
    store.letters.drop([each.id for each in store.dead()])
    store.persons.rewrite()
    store.persons.empty_wal()
    assert are_gone(data_dir, former)
    assert afresh(data_dir, memory) == {1: body(1), 3: body(3)}


@pytest.mark.parametrize("is_requeued", [True, False])
def test_an_event_whose_letter_went_names_no_parcel_of_somebody_who_is_erased_later(
    store: Store, data_dir: Path, memory: Memory, is_requeued: bool
) -> None:
    _refused_while_the_broker_is_away(store, data_dir, memory, 2)
    former = keys(notes(data_dir))
    (letter,) = store.dead()
    if is_requeued:
        assert store.letters.requeue([letter.id], store.job("webhook"))
    else:
        store.letters.drop([letter.id])
    erase(store, 1)
    assert are_gone(data_dir, former)
    assert afresh(data_dir, memory) == {2: body(2), 3: body(3)}


def test_what_waits_beyond_its_time_names_no_parcel_of_what_has_gone(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    former = waiting(store, data_dir, 3, [row(1), row(2), row(3)])
    store.persons.drop_late([], [])
    _forget(store)
    store.persons.empty_wal()
    assert are_gone(data_dir, former)
    assert afresh(data_dir, memory) == {3: body(3)}


def test_what_waited_beyond_its_time_is_erased_without_a_rest_at_its_neighbours(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    former = waiting(store, data_dir, 2, [row(1), row(2), row(3, at=9000.0)])
    _forget(store)
    erase(store, 2)
    assert are_gone(data_dir, former)
    assert afresh(data_dir, memory) == {3: body(3)}


def test_what_is_not_served_beyond_its_time_names_no_parcel_of_what_has_gone(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    job = store.job("webhook")
    store.append([row(number) for number in range(1, 1001)])
    store.append([row(2000)])
    while store.pack(2000.0):
        pass
    store.advance(job, 300, [])
    while _forget(store):
        pass
    read = store._db._inner.all("log_read", (0, 5000))  # type: ignore[attr-defined]
    assert not keys([each[6] for each in read])
    assert len(afresh(data_dir, memory)) == 701


def test_while_the_broker_is_away_what_is_past_its_time_goes_all_the_same(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    job = store.job("webhook")
    store.append([row(number) for number in range(1, 4)])
    store.advance(job, 2, [])
    store.close()
    clock = [0.0]
    late = opened(data_dir, memory, clock=clock)
    memory.is_down = True
    _forget(late)
    assert len(notes(data_dir)) == 1
    memory.is_down = False
    clock.append(1000.0)
    _forget(late)
    late.close()
    assert notes(data_dir) == [body(3)]


def test_letters_get_their_bodies_once_the_broker_is_there_again(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    _refused_while_the_broker_is_away(store, data_dir, memory, 2)
    store.forget(events=0.0, ids=0.0, pages=0.0, served_by=[])
    assert notes(data_dir, "dead") == [body(2)]
    assert len(keys(notes(data_dir))) == 1, "what is in its time stays at the broker"


def waiting(store: Store, data_dir: Path, position: int, rows: Sequence[NewRow]) -> set[bytes]:
    """Rows are stored and served but the one at a position, which waits; the keys they have."""
    job = store.job("webhook")
    store.append(rows)
    store.advance(job, len(rows), [outcome(store.get([position])[0], "retry", due=9e9)])
    return keys(notes(data_dir))


def _forget(store: Store) -> bool:
    return store.forget(events=5000.0, ids=0.0, pages=0.0, served_by=["webhook"])


def _refused_while_the_broker_is_away(
    store: Store, data_dir: Path, memory: Memory, number: int
) -> None:
    job = store.job("webhook")
    store.append([row(each, at=1.0 if each == number else 1000.0) for each in (1, 2, 3)])
    event = store.get([number])[0]
    late = opened(data_dir, memory)
    memory.is_down = True
    late.advance(job, number, [outcome(event, "refused", reason="no")])
    memory.is_down = False
    late.close()


def test_of_what_is_not_kept_no_key_is_left_while_others_still_wait(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    job = store.job("webhook")
    rows = [of(number, passes=number > 1) for number in range(1, 5)]
    positions = store.append(rows)
    waits = outcome(store.get([4])[0], "retry", due=9e9)
    with store.batch():
        store.intake.not_kept([positions[each.event_id] for each in rows[1:]])
    store.advance(job, 4, [waits])
    former = keys(notes(data_dir)[1:])
    assert store.unstored.drop(served_by=["webhook"], end=4, now=1.0, limit=10) == 2
    store.persons.empty_wal()
    assert are_gone(data_dir, former)
    assert afresh(data_dir, memory) == {1: rows[0].body, 4: rows[3].body}
    assert keys(notes(data_dir)), "what is kept stays at the broker"
