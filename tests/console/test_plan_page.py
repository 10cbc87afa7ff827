"""The page Plan tells what the worker has looked at, and reads no event for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from track_middleware.console.page import Shown
from track_middleware.console.pages import plan
from track_middleware.console.query import Query
from track_middleware.console.reads import Reads
from track_middleware.delivery.looking import Looking
from track_middleware.delivery.parts import ordinals
from track_middleware.delivery.store import NewRow, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.reading import load

NOW = 1_800_000_000.0


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    made = sqlite.open(data_dir / "events.db")
    yield made
    made.close()


def add(store: Store, label: str, number: int, *, at: float = NOW) -> None:
    rows = []
    for _ in range(number):
        body = (
            f'{{"messageId":"{uuid.uuid4()}","type":"track","timestamp":"2027-01-15T08:00:00Z",'
            f'"event":"{label}","anonymousId":"v","properties":{{"price":9.5}},'
            f'"context":{{"platform":"web"}}}}'
        )
        rows.append(NewRow(str(uuid.uuid4()), "v", at, "track", label, body.encode()))
    store.append(rows)


def look(store: Store) -> None:
    Looking(store.looks, (), day=ordinals("UTC")).step(NOW)


def page(data_dir: Path, query: str = "") -> Shown:
    reads = Reads(load({"data_dir": str(data_dir)}, {}), data_dir, now=NOW)
    try:
        return plan.shown(Query(query), reads)
    finally:
        reads.close()


def matrix(shown: Shown) -> list[object]:
    return [list(row) for row in shown.tables["drift"].rows]


def test_what_was_looked_at_is_shown_without_the_log(store: Store, data_dir: Path) -> None:
    add(store, "Clicked", 3)
    look(store)
    with store.batch():
        store.persons.drop_events([1, 2, 3], ["v"])
    shown = page(data_dir)
    assert shown.context["looked"] == 3
    assert matrix(shown) == [["Clicked", None, "3"], ["Clicked", "price", "100%"]]


def test_cost_is_of_all_events_of_the_days(store: Store, data_dir: Path) -> None:
    add(store, "Clicked", 3)
    look(store)
    with store.batch():
        store.intake.tally({}, {("2027-01-15", "Clicked"): 3000})
    (row,) = page(data_dir).tables["cost"].rows
    assert row[:4] == ["store", "Clicked", 3000, 3000]


def test_other_days_are_left_out(store: Store, data_dir: Path) -> None:
    add(store, "Old", 1, at=NOW - 8 * 86400)
    add(store, "New", 1)
    look(store)
    assert [row[1] for row in page(data_dir).tables["cost"].rows] == ["New"]
    assert len(page(data_dir, "days=9").tables["cost"].rows) == 2


@pytest.mark.parametrize("query", ["", "events=2"])
def test_the_newest_events_are_looked_at_where_nobody_has_or_they_are_asked_for(
    store: Store, data_dir: Path, query: str
) -> None:
    if query:
        add(store, "Old", 5)
        look(store)
    add(store, "Clicked", 2)
    shown = page(data_dir, query)
    assert shown.context["looked"] == 2
    assert matrix(shown)[0] == ["Clicked", None, "2"]
