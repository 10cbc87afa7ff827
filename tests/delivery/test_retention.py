"""When the worker forgets: now and then, and at every turn while there is more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.store_contract import row
from track_middleware.delivery.retention import EVERY, Retention
from track_middleware.delivery.store import sqlite, whole
from track_middleware.reading import load

DAY = 86400.0


def test_what_is_past_its_time_goes_step_by_step(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "FORGOTTEN_AT_ONCE", 2)
    clock = [0.0]
    store = sqlite.open(data_dir / "events.db")
    store.append([row(number, at=100 * DAY - number) for number in range(5)])
    with store.batch():
        store.views.moved(store.end())
    settings = load({"keep_days": 30, "dedupe_days": 400}, {})
    retention = Retention(
        store, settings, data_dir, names=[], now=lambda: 131 * DAY, monotonic=lambda: clock[0]
    )
    left = []
    for second in (0, EVERY, EVERY, EVERY, EVERY + 1, 2 * EVERY):
        clock[0] = second
        retention.turn()
        left.append(len(store.read(0, 10)))
    assert left == [5, 3, 1, 0, 0, 0]
    assert not store.append([row(3)]), "its id is still known"
    store.close()


def test_an_id_is_forgotten_after_its_days(data_dir: Path) -> None:
    clock = [0.0]
    store = sqlite.open(data_dir / "events.db")
    store.append([row(1, at=0.0)])
    settings = load({"keep_days": 30, "dedupe_days": 400}, {})
    retention = Retention(
        store, settings, data_dir, names=[], now=lambda: 401 * DAY, monotonic=lambda: clock[0]
    )
    clock[0] = EVERY
    retention.turn()
    assert store.append([row(1)])
    store.close()
