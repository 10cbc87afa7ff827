"""What somebody did is found wherever in the log it is, and nothing else is read for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from track_middleware.delivery.store import NewRow, packs, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.history.journey import Step, journey, someone

LONG_AGO, NOW = 1000.0, 1_000_000.0


@pytest.fixture
def store(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(packs, "TOGETHER", 10)
    made = sqlite.open(data_dir / "events.db")
    yield made
    made.close()


def add(store: Store, visitors: list[str], *, at: float = LONG_AGO) -> None:
    rows = []
    for visitor in visitors:
        event_id = str(uuid.uuid4())
        body = (
            f'{{"messageId":"{event_id}","type":"track","event":"Clicked",'
            f'"timestamp":"2026-05-04T10:00:00Z","anonymousId":"{visitor}"}}'
        )
        rows.append(NewRow(event_id, visitor, at, "track", "Clicked", body.encode()))
    store.append(rows)
    while store.pack(NOW):
        pass


def positions(steps: list[Step]) -> list[int]:
    return [each.position for each in steps]


def test_steps_of_long_ago_are_found_and_only_their_parts_are_unpacked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, ["anna" if number in (3, 42) else "v" for number in range(1, 101)])
    opened: list[int] = []
    unpack = packs.Unpacking._pack
    monkeypatch.setattr(
        packs.Unpacking, "_pack", lambda self, number: opened.append(number) or unpack(self, number)
    )
    made = journey(store, someone(store, "anna"), limit=10, seconds=60.0)
    assert positions(list(made.steps)) == [42, 3]
    assert made.since == 0
    assert set(opened) == {1, 5}


def test_the_newest_part_is_always_looked_at_and_the_rest_while_there_is_time(store: Store) -> None:
    add(store, ["anna"] * 20)
    add(store, ["anna"] * 3, at=2 * NOW)
    clock = iter([0.0, 1.0, 3.0])
    made = journey(store, someone(store, "anna"), limit=50, seconds=2.0, clock=lambda: next(clock))
    assert positions(list(made.steps)) == [*range(23, 10, -1)]
    assert made.since == 10, "what is up to there was not looked at"


def test_no_more_steps_are_made_than_are_asked_for(store: Store) -> None:
    add(store, ["anna"] * 20)
    made = journey(store, someone(store, "anna"), limit=5, seconds=60.0)
    assert positions(list(made.steps)) == [20, 19, 18, 17, 16]
    assert made.since == 16
