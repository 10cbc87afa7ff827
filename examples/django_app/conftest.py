"""A migrated and stocked shop in a folder of its own, and a browser-like client."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import django.test
import pytest

HERE = Path(__file__).resolve().parent
_var = TemporaryDirectory(prefix="shop-")
os.environ["SHOP_VAR"] = _var.name
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
sys.path.insert(0, str(HERE))
django.setup()

#: What a browser sends when somebody opens a page.
NAVIGATION = {
    "accept": "text/html,application/xhtml+xml",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-site": "none",
}


@pytest.fixture(scope="session")
def stocked_shop() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("seed", verbosity=0)


@pytest.fixture
def visitor(stocked_shop: None) -> Iterator[django.test.Client]:
    """Somebody new with a browser."""
    from django.db import connections
    from django.test import Client

    somebody = Client(headers=NAVIGATION)
    somebody.get("/")
    yield somebody
    connections.close_all()
