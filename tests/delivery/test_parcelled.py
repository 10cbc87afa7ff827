"""Bodies at a broker: what every such store has in common, with a dict as the broker."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.delivery.memory_bodies import Memory, opened
from tests.delivery.store_contract import outcome, row
from track_middleware.delivery.store import sealing, sqlite
from track_middleware.delivery.store.parcelled import BODIES
from track_middleware.delivery.store.postgresql.dialect import OWN
from track_middleware.delivery.store.statements import SQL
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError

pytestmark = pytest.mark.needs("cryptography")


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def store(data_dir: Path, memory: Memory) -> Iterator[Store]:
    store = opened(data_dir, memory)
    yield store
    store.close()


def afresh(data_dir: Path, memory: Memory) -> list[bytes]:
    """The bodies that another process reads."""
    store = opened(data_dir, memory)
    try:
        return [each.body for each in store.read(0, 100)]
    finally:
        store.close()


def test_every_statement_that_gives_bodies_is_known() -> None:
    given = {}
    for name, sql in {**SQL, **OWN}.items():
        bare = re.sub(r"^--.*\n", "", sql, flags=re.MULTILINE)
        columns = re.sub(r"COALESCE\(repaired, body\)", "body", bare.partition("FROM")[0])
        names = columns.removeprefix("SELECT ").replace("\n", " ").split(", ")
        if bare.startswith("SELECT") and "body" in [each.strip() for each in names]:
            given[name] = [each.strip() for each in names].index("body")
    assert given.keys() - BODIES.keys() == {
        "pack_next", "dead_bodies", "log_oldest", "log_noted", "dead_noted", "dead_leaving",
    }  # fmt: skip
    assert {name: given[name] for name in BODIES} == BODIES


def test_nothing_of_an_event_stands_at_the_broker(store: Store, memory: Memory) -> None:
    store.append([row(1, event_id="order-1001", key="visitor-7")])
    (parcel,) = memory.put_here
    for secret in (b"order-1001", b"visitor-7", b'"n"'):
        assert secret not in msgspec.json.encode(parcel.id) + parcel.content


def test_nothing_of_a_body_stands_in_the_ledger(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    body = b'{"secret":"a body that is long enough to be looked for"}'
    store.append([msgspec.structs.replace(row(1), body=body)])
    assert afresh(data_dir, memory) == [body]
    files = [path.read_bytes() for path in data_dir.glob("events.db*")]
    assert not any(b"long enough" in each for each in files)


def test_whoever_just_put_a_body_need_not_fetch_it(store: Store, memory: Memory) -> None:
    store.append([row(1)])
    sibling = store.sibling()
    assert [each.body for each in sibling.read(0, 10)] == [b'{"n":1}']
    sibling.close()
    assert not memory.asked


def test_an_id_that_is_known_is_not_put_again(store: Store, memory: Memory) -> None:
    store.append([row(1), row(2)])
    store.append([row(2), row(3)])
    assert len(memory.put_here) == 3


def test_of_a_broker_that_is_down_no_row_speaks(store: Store, memory: Memory) -> None:
    memory.is_down = True
    with pytest.raises(StoreError, match="down"):
        store.append([row(1)])
    memory.is_down = False
    assert store.end() == 0
    assert store.append([row(1)]) == {row(1).event_id: 1}


def test_after_a_refusal_the_broker_is_asked_before_anybody_is_kept_waiting(
    store: Store, memory: Memory
) -> None:
    memory.is_down = True
    store.ready()
    with pytest.raises(StoreError):
        store.append([row(1)])
    with pytest.raises(StoreError):
        store.ready()
    memory.is_down = False
    store.ready()
    store.append([row(1)])
    memory.is_down = True
    store.ready()


def test_a_transaction_that_failed_behind_its_put_is_made_again(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    def undone() -> None:
        with store.batch():
            store.append([row(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    store.append([row(1)])
    assert len({each.id for each in memory.put_here}) == 2, "another key, and so another parcel"
    assert afresh(data_dir, memory) == [b'{"n":1}']


def test_an_event_that_is_gone_at_the_broker_is_told_and_cannot_be_read(
    store: Store, data_dir: Path, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    store.append([row(1), row(2)])
    del memory.contents["0"]
    with caplog.at_level(logging.ERROR):
        assert afresh(data_dir, memory) == [b"", b'{"n":2}']
    assert "memory no longer has the bodies of 1 events" in caplog.text


def test_a_body_in_anothers_place_is_an_error(store: Store, data_dir: Path, memory: Memory) -> None:
    store.append([row(1), row(2)])
    memory.contents["0"] = memory.contents["1"]
    with pytest.raises(StoreError, match="something else"):
        afresh(data_dir, memory)


def test_rows_from_before_keep_their_bodies(data_dir: Path, memory: Memory) -> None:
    former = sqlite.open(data_dir / "events.db")
    former.append([row(1)])
    former.close()
    store = opened(data_dir, memory)
    store.append([row(2)])
    store.close()
    assert afresh(data_dir, memory) == [b'{"n":1}', b'{"n":2}']


def test_who_does_not_know_of_the_broker_is_told(data_dir: Path, memory: Memory) -> None:
    store = opened(data_dir, memory)
    sqlite.open(data_dir / "events.db", broker="").close()  # nothing is at the broker yet
    store.append([row(1)])
    store.close()
    for opens in (sqlite.open, sqlite.to_read):
        with pytest.raises(StoreError, match="are at memory"):
            opens(data_dir / "events.db")
        with pytest.raises(StoreError, match="are at memory"):
            opens(data_dir / "events.db", broker="another")


def test_a_dead_letter_keeps_its_body_when_the_broker_lets_it_go(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    job = store.job("webhook")
    store.append([row(1)])
    (event,) = store.read(0, 1)
    store.advance(job, 1, [outcome(event, "refused", reason="no")])
    memory.contents.clear()
    assert [each.body for each in store.dead()] == [b'{"n":1}']


def test_what_was_sent_is_noted_though_the_broker_is_down(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    store.append([row(1)])
    other = opened(data_dir, memory)
    job = other.job("webhook")
    (event,) = other.read(0, 1)
    late = opened(data_dir, memory)
    memory.is_down = True
    late.advance(job, 1, [outcome(event, "refused", reason="no")])
    late.close()
    memory.is_down = False
    assert [each.body for each in opened(data_dir, memory).dead()] == [b'{"n":1}']
    other.close()


def test_an_erased_event_cannot_be_read_from_what_the_broker_keeps(
    store: Store, data_dir: Path, memory: Memory
) -> None:
    store.append([row(1, key="gone"), row(2, key="stays")])
    note = _notes(data_dir)[0]
    with store.batch():
        assert store.persons.drop_events([1], ["gone"]) == 1
    store.persons.rewrite()
    store.persons.empty_wal()
    assert len(memory.contents) == 2
    files = [path.read_bytes() for path in data_dir.glob("events.db*")]
    key = sealing.named([note])[0][:32]
    assert not any(key in each for each in files), "its key is gone"
    assert afresh(data_dir, memory) == [b'{"n":2}']


def _notes(data_dir: Path) -> list[bytes]:
    raw = sqlite3.connect(data_dir / "events.db")
    found = [body for (body,) in raw.execute("SELECT body FROM log ORDER BY position")]
    raw.close()
    return found


def test_what_no_row_names_any_more_goes_at_the_broker(data_dir: Path, memory: Memory) -> None:
    clock = [0.0]
    store = opened(data_dir, memory, clock=clock)
    store.append([row(1, at=10.0), row(2, at=20.0)])
    store.append([row(3, at=30.0)])
    forget = {"ids": 0.0, "pages": 0.0, "served_by": []}
    store.forget(events=15.0, **forget)
    store.forget(events=25.0, **forget)
    assert memory.asked_to_forget == [["1", "2"]], "not every time"
    clock.append(100.0)
    store.forget(events=25.0, **forget)
    assert memory.asked_to_forget == [["1", "2"], ["2"]]
    memory.is_down = True
    clock.append(200.0)
    assert store.forget(events=25.0, **forget) is False
    store.close()


def test_the_last_to_leave_closes_the_broker(data_dir: Path, memory: Memory) -> None:
    store = opened(data_dir, memory)
    sibling = store.sibling()
    store.close()
    store.close()
    assert memory.users == 1
    sibling.close()
    assert memory.users == 0
