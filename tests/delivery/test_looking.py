"""Who looks at a store reads what is shown, however much lies beside it."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from track_middleware.delivery.store import NewRow, PageRow, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.event import PageRef


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    made = sqlite.open(data_dir / "events.db")
    yield made
    made.close()


def steps_of(store: Store, look: Callable[[], object]) -> int:
    """So many steps of SQLite's machine a look takes."""
    raw: sqlite3.Connection = store._db._raw  # type: ignore[attr-defined]
    steps: list[int] = []
    raw.set_progress_handler(lambda: steps.append(1), 1)
    look()
    raw.set_progress_handler(None, 1)
    return len(steps)


def pages(store: Store, numbers: range, *, waits: bool) -> None:
    rows = [
        PageRow(
            page=PageRef(f"p{number:05}", float(number), "counted"),
            person=None,
            url="/",
            half=b"{}" if waits else None,
            due=number + 30.0 if waits else None,
            confirmed_at=None,
            position=None,
        )
        for number in numbers
    ]
    with store.batch():
        store.intake.keep_pages(rows)


def events(store: Store, number: int) -> None:
    store.append([
        NewRow(str(uuid.uuid4()), "v", 1.0, "track", "Clicked", b"{}") for _ in range(number)
    ])  # fmt: skip


def test_pages_that_wait_are_found_without_looking_at_all_pages(store: Store) -> None:
    pages(store, range(5000), waits=False)
    pages(store, range(10, 20), waits=True)
    found = store.watch.pages(4)
    assert [each.page.id for each in found] == ["p00019", "p00018", "p00017", "p00016"]
    assert steps_of(store, lambda: store.watch.pages(4)) < 500


def test_what_waits_for_a_former_destination_is_counted_up_to_a_bound(store: Store) -> None:
    job = store.job("webhook")
    events(store, 5000)
    assert store.claims.waiting(job, counted=100) == 5000
    many = steps_of(store, lambda: store.claims.waiting(job, counted=5000))
    few = steps_of(store, lambda: store.claims.waiting(job, counted=100))
    assert few < many / 20


def test_what_the_log_has_let_go_waits_for_nobody(store: Store) -> None:
    job = store.job("webhook")
    events(store, 300)
    with store.batch():
        store.persons.drop_events(range(1, 201), [])
    assert store.claims.waiting(job, counted=10) == 100
    with store.batch():
        store.persons.drop_events(range(201, 301), [])
    assert store.claims.waiting(job, counted=10) == 0
