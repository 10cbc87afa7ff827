"""Old events are kept small, and everybody reads them as they were."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from track_middleware.delivery.retention import EVERY, Retention
from track_middleware.delivery.store import NewRow, Outcome, packs, sqlite
from track_middleware.delivery.store.persons import Persons
from track_middleware.delivery.store.replays import Part
from track_middleware.delivery.store.whole import Store
from track_middleware.reading import load

LONG_AGO = 1000.0
NOW = 1_000_000.0


def event(number: int, *, at: float = LONG_AGO, visitor: str = "v") -> NewRow:
    event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
    body = b'{"messageId":"%b","type":"page","anonymousId":"%b","said":"secret-%d-of-%b"}' % (
        event_id.encode(), visitor.encode(), number, visitor.encode(),
    )  # fmt: skip
    derived = b'{"browser":{"name":"Firefox"}}' if number % 2 else None
    repaired = b'{"mended":%d}' % number if number % 5 == 0 else None
    return NewRow(event_id, visitor, at, "page", "Page", body, derived, None, 1, repaired)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "TOGETHER", 4)


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    made = sqlite.open(data_dir / "events.db")
    yield made
    made.close()


def pack(store: Store) -> None:
    while store.pack(NOW):
        pass


def packed(store: Store) -> int:
    """How many events are packed."""
    raw = store._db._raw  # type: ignore[attr-defined]
    return int(raw.execute("SELECT COUNT(*) FROM log WHERE event_id = ''").fetchone()[0])


def everything(store: Store) -> list[object]:
    """Whatever anybody reads of the log."""
    places = [each.position for each in store.read(0, 1000)]
    return [
        *store.read(0, 1000), *store.get(places[::3]), *store.replays.beside(0, 1000, 1000),
        *store.replays.labelled("Page", 0, 1000), *store.persons.originals(0),
        *store.watch.of(["v", "w"], after=0, until=1000, limit=1000),
        *store.views.rows(0, 1000, 1000), store.end(),
    ]  # fmt: skip


def test_every_event_is_read_as_it_was(store: Store) -> None:
    store.append([event(number, visitor="vw"[number % 2]) for number in range(30)])
    before = everything(store)
    pack(store)
    assert packed(store) == 28
    assert everything(store) == before


def test_another_connection_reads_it_too(store: Store, data_dir: Path) -> None:
    store.append([event(number) for number in range(8)])
    pack(store)
    other = sqlite.to_read(data_dir / "events.db")
    assert other is not None
    assert other.read(0, 9) == store.read(0, 9)
    other.close()


def test_what_is_young_stays_as_it_is(store: Store) -> None:
    store.append([event(number) for number in range(8)])
    store.append([event(number, at=NOW) for number in range(8, 16)])
    pack(store)
    assert packed(store) == 8


def test_what_comes_later_is_packed_later_and_nothing_twice(store: Store) -> None:
    for begin in range(0, 24, 6):
        store.append([event(number) for number in range(begin, begin + 6)])
        pack(store)
    assert packed(store) == 24
    assert [each.event_id for each in store.read(0, 99)] == [event(n).event_id for n in range(24)]


def test_an_id_that_is_packed_is_still_known(store: Store) -> None:
    store.append([event(number) for number in range(4)])
    pack(store)
    assert store.append([event(2)]) == {}


def test_of_an_erased_person_nothing_is_left_and_the_others_stay(
    store: Store, data_dir: Path
) -> None:
    store.append([event(number, visitor="anna" if number == 5 else "v") for number in range(12)])
    pack(store)
    others = [each for each in store.read(0, 99) if each.order_key != "anna"]
    persons: Persons = store.persons
    with store.batch():
        assert persons.drop_events([6], ["anna"]) == 1
    store.persons.rewrite()
    store.persons.empty_wal()
    assert store.read(0, 99) == others
    assert packed(store) == 8, "its neighbours are kept by themselves"
    raw = store._db._raw  # type: ignore[attr-defined]
    left = [row[0] for row in raw.execute("SELECT rows FROM log_pack")]
    assert len(left) == 2, "its pack is gone"
    assert b"anna" not in (data_dir / "events.db").read_bytes()
    assert store.append([event(5, visitor="anna")]), "its id may come again"


def test_what_the_log_lets_go_takes_its_packs_along(store: Store) -> None:
    store.append([event(number) for number in range(12)])
    pack(store)
    while store.forget(events=NOW, ids=0, pages=0, served_by=[]):
        pass
    store.forget(events=NOW, ids=0, pages=0, served_by=[])
    pack(store)
    raw = store._db._raw  # type: ignore[attr-defined]
    assert raw.execute("SELECT COUNT(*) FROM log_pack").fetchone() == (0,)
    assert store.read(0, 99) == []


def test_what_the_log_does_not_keep_is_not_packed(store: Store) -> None:
    places = store.append([event(number) for number in range(9)])
    with store.batch():
        store.intake.not_kept([places[event(2).event_id]])
    pack(store)
    assert packed(store) == 7, "the last has no full slice yet"
    assert store.unstored.drop(served_by=[], end=store.end(), now=NOW, limit=9) == 1
    assert [each.event_id for each in store.read(0, 99)] == [
        event(n).event_id for n in range(9) if n != 2
    ]


def test_a_packed_event_can_be_refused_and_replayed(store: Store) -> None:
    store.append([event(number) for number in range(4)])
    job = store.job("hook")
    pack(store)
    (row,) = store.get([2])
    outcome = Outcome(2, row.event_id, row.order_key, "refused", 1, 0.0, "no")
    store.advance(job, 4, [outcome])
    (letter,) = store.dead()
    assert (letter.event_id, letter.body) == (row.event_id, row.body)
    assert store.letters.requeue([letter.id], job) == [letter.id]
    assert store.count(job)["retry"] == 1
    assert store.get([2]) == [row]


def test_what_is_derived_again_replaces_what_was_packed(store: Store) -> None:
    store.append([event(number) for number in range(4)])
    pack(store)
    one, *_ = store.replays.beside(1, 2, 9)
    changed = one.__class__(**{**_fields(one), "derived": b'{"browser":{"name":"New"}}'})
    with store.batch():
        store.replays.put_beside([changed])
    assert store.get([2])[0].derived == b'{"browser":{"name":"New"}}'
    assert store.get([2])[0].body == event(1).body
    with store.batch():
        store._db.unpack([2])
    assert store.get([2])[0].derived == b'{"browser":{"name":"New"}}'


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_a_transaction_that_is_undone_packs_nothing(store: Store) -> None:
    store.append([event(number) for number in range(8)])
    before = everything(store)
    with suppress(ZeroDivisionError), store.batch():
        store.pack(NOW)
        assert packed(store) == 8
        raise ZeroDivisionError
    assert packed(store) == 0
    pack(store)
    assert everything(store) == before


def test_the_worker_packs_what_is_an_hour_old(store: Store, data_dir: Path) -> None:
    store.append([event(number, at=NOW - 3601) for number in range(8)])
    store.append([event(number, at=NOW - 3599) for number in range(8, 16)])
    clock = [0.0]
    settings = load({"keep_days": 30}, {})
    retention = Retention(
        store, settings, data_dir, names=[], now=lambda: NOW, monotonic=lambda: clock[0]
    )
    for _ in range(3):
        clock[0] += EVERY
        retention.turn()
    assert packed(store) == 8


def test_parts_can_be_replayed_when_they_are_packed(store: Store) -> None:
    store.append([event(number) for number in range(8)])
    part = Part(None, None, ("Page",))
    before = store.replays.bounds(part, store.end())
    pack(store)
    assert store.replays.bounds(part, store.end()) == before


def test_what_the_log_has_let_go_is_in_no_pack_where_an_erasure_would_not_find_it(
    store: Store, data_dir: Path
) -> None:
    store.append([event(0, visitor="anna"), *(event(n, at=NOW) for n in range(1, 4))])
    store.append([event(number, at=NOW) for number in range(4, 12)])
    while store.pack(2 * NOW):
        pass
    assert packed(store) == 12
    store.forget(events=NOW, ids=0, pages=0, served_by=[])
    assert [each.position for each in store.read(0, 99)] == list(range(2, 13))
    assert packed(store) == 8, "only the pack that it was in is opened"
    store.persons.rewrite()
    store.persons.empty_wal()
    raw = store._db._raw  # type: ignore[attr-defined]
    for (rows,) in raw.execute("SELECT rows FROM log_pack"):
        assert b"anna" not in zlib.decompress(rows)
    assert b"anna" not in (data_dir / "events.db").read_bytes()


def test_an_event_that_waits_keeps_its_own_pack_and_no_other(store: Store) -> None:
    store.append([event(number) for number in range(12)])
    job = store.job("hook")
    pack(store)
    (row,) = store.get([2])
    store.advance(job, 12, [Outcome(2, row.event_id, row.order_key, "retry", 1, 0.0, "no")])
    while store.forget(events=NOW, ids=0, pages=0, served_by=["hook"]):
        pass
    store.forget(events=NOW, ids=0, pages=0, served_by=["hook"])
    assert store.read(0, 99) == [row]
    raw = store._db._raw  # type: ignore[attr-defined]
    assert raw.execute("SELECT COUNT(*) FROM log_pack").fetchone() == (0,)


# Where somebody's events are.


def looked_for(store: Store, *keys: str) -> list[tuple[int, int]]:
    return list(store.watch.parts(keys, piece=100))


def test_whose_events_a_slice_holds_is_noted_when_it_is_packed(store: Store) -> None:
    store.append(
        [event(number, visitor="anna" if number in (1, 9) else "v") for number in range(14)]
    )
    assert looked_for(store, "anna") == [(0, 14)], "nothing is noted yet"
    pack(store)
    assert looked_for(store, "anna") == [(12, 14), (8, 12), (0, 4)]
    assert looked_for(store, "nobody") == [(12, 14)]


def test_parts_of_several_keys_come_once_and_newest_first(store: Store) -> None:
    store.append([event(number, visitor="abc"[number // 4]) for number in range(12)])
    store.append([event(number, visitor="a") for number in range(12, 16)])
    pack(store)
    assert looked_for(store, "a", "b") == [(12, 16), (4, 8), (0, 4)]


def test_what_is_not_noted_is_looked_at_in_pieces(store: Store) -> None:
    store.append([event(number, at=2 * NOW) for number in range(11)])
    assert list(store.watch.parts(["v"], piece=5)) == [(6, 11), (1, 6), (0, 1)]


def test_an_opened_packs_events_are_still_found_but_for_who_was_erased(store: Store) -> None:
    store.append([event(number, visitor="anna" if number == 5 else "v") for number in range(12)])
    pack(store)
    with store.batch():
        store.persons.drop_events([6], ["anna"])
    assert looked_for(store, "anna") == []
    assert looked_for(store, "v") == [(8, 12), (4, 8), (0, 4)]
    places = [
        each.position
        for after, until in looked_for(store, "v")
        for each in store.watch.of(["v"], after=after, until=until, limit=9)
    ]
    assert places == [12, 11, 10, 9, 8, 7, 5, 4, 3, 2, 1]


def test_notes_of_what_the_log_has_let_go_fade(store: Store) -> None:
    store.append([event(number, visitor=f"v{number}") for number in range(12)])
    store.append([event(number, at=NOW, visitor="new") for number in range(12, 16)])
    while store.pack(2 * NOW):
        pass
    raw = store._db._raw  # type: ignore[attr-defined]
    for _ in range(1000):  # each looks from somewhere on
        store.forget(events=NOW, ids=0, pages=0, served_by=[])
        if raw.execute("SELECT COUNT(*) FROM log_pack_key").fetchone() == (1,):
            break
    assert looked_for(store, "new") == [(12, 16)]
    assert looked_for(store, "v3") == []
