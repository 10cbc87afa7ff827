"""What was just stored is served without being read back, unless the log says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from track_middleware.delivery.store import NewRow, Stored, sqlite
from track_middleware.delivery.store.recent import FRESH, Recent
from track_middleware.delivery.store.whole import Store


def row(name: str, body: bytes = b"{}") -> NewRow:
    return NewRow(name, "ada", 1.5, "track", "Sold", body)


def stored(store: Store, *rows: NewRow) -> None:
    """A transaction of the drain."""
    with store.batch():
        positions = store.append(rows)
    store.show(rows, positions)


def names(events: list[Stored]) -> list[str]:
    return [each.event_id for each in events]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(sqlite.open(tmp_path / "events.db", recent=Recent())) as opened:
        yield opened


def test_a_sibling_gets_the_rows_themselves(store: Store) -> None:
    bodies = [b'{"a":1}', b'{"b":2}']
    stored(store, *(row(str(at), body) for at, body in enumerate(bodies)))
    with closing(store.sibling()) as sibling:
        assert [each.body for each in sibling.read(0, 9)] == bodies
        assert all(one.body is body for one, body in zip(sibling.read(0, 9), bodies, strict=True))


def test_it_is_what_the_log_holds(store: Store, tmp_path: Path) -> None:
    repaired = NewRow(
        "b", "bob", 2.5, "page", "Page", b"[]", b'{"bot":1}', "crawler", 3, b'{"c":1}'
    )
    stored(store, row("a"), repaired)
    with closing(sqlite.open(tmp_path / "events.db")) as other:
        assert store.read(0, 9) == other.read(0, 9)
        assert store.read(1, 9) == other.read(1, 9)
        assert store.read(0, 1) == other.read(0, 1)
        assert store.read(2, 9) == other.read(2, 9) == []


def test_over_several_transactions_the_order_is_the_logs(store: Store) -> None:
    for name in "abcd":
        stored(store, row(name))
    assert names([*store.read(1, 2)]) == ["b", "c"]
    assert names([*store.read(0, 9)]) == ["a", "b", "c", "d"]


def test_what_was_removed_meanwhile_is_not_served(store: Store) -> None:
    stored(store, row("a"), msgspec.structs.replace(row("b"), accepted_at=9.0), row("c"))
    store.forget(events=5.0, ids=0.0, pages=0.0, served_by=())
    assert names([*store.read(0, 9)]) == ["b"]
    assert names([*store.read(0, 9)]) == ["b"]


def test_what_was_stored_elsewhere_is_not_left_out(store: Store, tmp_path: Path) -> None:
    stored(store, row("a"))
    with closing(sqlite.open(tmp_path / "events.db")) as other:
        stored(other, row("b"))
    stored(store, row("c"))
    assert names([*store.read(0, 1)]) == ["a"]
    assert names([*store.read(1, 9)]) == ["b", "c"]


def test_what_was_known_already_is_not_served_twice(store: Store) -> None:
    stored(store, row("a"))
    stored(store, row("a"), row("b"))
    assert names([*store.read(0, 9)])[:1] == ["a"]
    assert names([*store.read(1, 9)]) == ["b"]


def test_it_holds_no_more_than_its_bound() -> None:
    recent = Recent(most=100)
    for at in range(1, 6):
        recent.add([row(str(at), bytes(40))], {str(at): at})
    assert recent.behind(2, 9) == []
    assert names(recent.behind(3, 9)) == ["4", "5"]
    recent.add([row("6", bytes(101))], {"6": 6})
    assert recent.behind(3, 9) == recent.behind(5, 9) == []


def test_what_was_stored_longer_ago_is_the_logs_to_tell() -> None:
    clock = [100.0]
    recent = Recent(now=lambda: clock[0])
    recent.add([row("a")], {"a": 1})
    clock[0] += FRESH
    recent.add([row("b")], {"b": 2})
    assert names(recent.behind(0, 9)) == ["a", "b"]
    clock[0] += 0.1
    assert recent.behind(0, 9) == []
    assert names(recent.behind(1, 9)) == ["b"]
