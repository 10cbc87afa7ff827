"""Hosts for stock clients, and the clients' packages from npm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import npm_packages
from tests.stock.host import HERE, Host, hosted


@pytest.fixture
def host(tmp_path: Path, free_port: int) -> Iterator[Host]:
    with hosted(tmp_path, free_port) as host:
        yield host


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder of the clients' packages, which are installed where they are not."""
    return npm_packages(HERE)
