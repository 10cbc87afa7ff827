"""The pytest fixture ``captured_events``; pytest finds it where this package is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .testing import CapturedEvents
from .testing import captured_events as capturing


@pytest.fixture
def captured_events() -> Iterator[CapturedEvents]:
    """The events that the test's own code got accepted so far; they are sent nowhere."""
    with capturing() as events:
        yield events
