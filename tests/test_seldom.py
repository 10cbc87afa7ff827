"""What is told once per kind and minute: errors of ours, and events that are refused."""

from __future__ import annotations

import logging

import pytest

from track_middleware.errors import EventError
from track_middleware.seldom import Seldom
from track_middleware.trouble import Refusals, Trouble


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


def test_a_kind_is_told_at_once_and_a_minute_later_with_how_often_it_was_held_back(
    clock: list[float],
) -> None:
    seldom = Seldom(lambda: clock[0])
    assert [seldom.due("a"), seldom.due("a"), seldom.due("b")] == ["", None, ""]
    clock[0] += 59.9
    assert seldom.due("a") is None
    clock[0] += 0.2
    assert seldom.due("a") == " (2 more since this was told last)"
    assert seldom.due("a") is None


def test_a_flood_of_kinds_is_not_remembered_for_ever(clock: list[float]) -> None:
    seldom = Seldom(lambda: clock[0])
    told = [seldom.due(str(number)) for number in range(3000)]
    assert told.count("") == 1000
    clock[0] += 61
    assert seldom.due("another") == ""


def test_an_error_of_ours_is_logged_once_a_minute_and_counted_each_time(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[tuple[str, int]] = []
    trouble = Trouble(
        raises=False, count=lambda reason, n: counted.append((reason, n)), clock=lambda: clock[0]
    )
    for _ in range(3):
        trouble(ValueError("x"))
    trouble(EventError("y"))
    clock[0] += 61
    trouble(ValueError("x"))
    assert counted == [("trouble", 1)] * 3 + [("mistake", 1), ("trouble", 1)]
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.ERROR, "tracking failed; the response is unchanged"),
        (logging.WARNING, "an event was not recorded: y"),
        (
            logging.ERROR,
            "tracking failed; the response is unchanged (2 more since this was told last)",
        ),
    ]


def test_refused_events_are_counted_each_time_and_told_once_a_minute(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[tuple[str, int]] = []
    refused = Refusals(lambda reason, n: counted.append((reason, n)), clock=lambda: clock[0])
    for reason in ("disk_low", "disk_low", "not_json", "spool_error"):
        refused(reason, 2)
    assert len(counted) == 4
    assert [each.getMessage().partition("(")[2][:9] for each in caplog.records] == [
        "disk_low)",
        "spool_err",
    ]
