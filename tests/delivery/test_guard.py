"""What becomes of an error in one of the worker's threads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from track_middleware.delivery.guard import Guard
from track_middleware.delivery.store import Deposed


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def guard(clock: list[float]) -> Guard:
    return Guard(lambda: clock[0])


def raising(error: Exception) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step


def test_it_gives_what_the_step_gives(guard: Guard) -> None:
    assert guard("draining", lambda: 3) == 3


def test_a_mistake_is_told_with_its_traceback(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    assert guard("draining", raising(ZeroDivisionError("x"))) is None
    assert caplog.messages == ["draining failed; trying again from now on"]
    assert "ZeroDivisionError: x" in caplog.text


def test_whoever_is_deposed_goes_on_no_further(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Deposed):
        guard("draining", raising(Deposed("another worker has taken over this store")))
    assert not caplog.records
