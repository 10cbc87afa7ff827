"""Waiting until what was accepted is delivered, as a process sees it that only looks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.served import row
from track_middleware.delivery.flush import flush
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.destinations import registry
from track_middleware.reading import load
from track_middleware.settings import Settings

NOW = 1_795_435_200.0


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    url = "webhook+https://example.test/in"
    return load({"data_dir": str(data_dir), "destinations": [url]}, {})


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    store = sqlite.open(data_dir / "events.db", now=lambda: NOW)
    store.job("webhook")
    store.append([row(1)])
    yield store
    store.close()


def flushed(settings: Settings, data_dir: Path) -> bool:
    """What a flush with a little patience says, by a clock that nobody waits for."""
    seconds = itertools.count()
    return flush(
        settings,
        data_dir,
        3.0,
        now=lambda: NOW,
        monotonic=lambda: float(next(seconds)),
        sleep=lambda seconds: None,
    )


def test_what_a_destination_has_is_flushed(
    settings: Settings, data_dir: Path, store: Store
) -> None:
    assert not flushed(settings, data_dir)
    store.advance(store.job("webhook"), 1, [])
    assert flushed(settings, data_dir)


def test_what_comes_while_it_waits_is_not_waited_for(
    settings: Settings, data_dir: Path, store: Store
) -> None:
    numbers = itertools.count(2)

    def meanwhile(seconds: float) -> None:
        store.advance(store.job("webhook"), 1, [])
        store.append([row(next(numbers))])

    assert flush(settings, data_dir, 3.0, now=lambda: NOW, sleep=meanwhile)


def test_an_outage_is_not_waited_for(settings: Settings, data_dir: Path, store: Store) -> None:
    store.pause(store.job("webhook"), NOW + 1, "no answer", wait=1.0)
    assert flushed(settings, data_dir)


def test_a_destination_that_is_asked_again_has_not_got_it_yet(
    settings: Settings, data_dir: Path, store: Store
) -> None:
    store.pause(store.job("webhook"), NOW - 1, "no answer", wait=1.0)
    assert not flushed(settings, data_dir)


def test_a_destination_is_found_by_what_it_points_at_whatever_it_is_called(
    settings: Settings, data_dir: Path, store: Store
) -> None:
    """The list has changed since the last worker gave jobs their names."""
    kept, other = "webhook+https://example.test/in", "webhook+https://example.test/other"
    store.claims.take(registry.routes([kept]))
    store.advance(store.job("webhook"), 1, [])
    assert flushed(load({"destinations": [f"{kept}?name=orders"]}, {}), data_dir)
    assert not flushed(load({"destinations": [other]}, {}), data_dir)
    assert not flushed(load({"destinations": [kept, other]}, {}), data_dir)
