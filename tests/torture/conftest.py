"""What several tortures need."""

from __future__ import annotations

import pytest

from tests.waiting import free_port


@pytest.fixture
def vendor_port() -> int:
    """A free port beside ``free_port``, for the vendor."""
    return free_port()
