"""What several tortures need."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture
def vendor_port() -> int:
    """A free port beside ``free_port``, for the vendor."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
