"""A shop in a folder of its own, and a browser-like client."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_var = TemporaryDirectory(prefix="shop-")
os.environ["SHOP_VAR"] = _var.name
sys.path.insert(0, str(Path(__file__).resolve().parent))

#: What a browser sends when somebody opens a page.
NAVIGATION = {
    "accept": "text/html,application/xhtml+xml",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-site": "none",
}


@pytest.fixture
def new_visitor():
    from shop import app
    from starlette.testclient import TestClient

    def arrive() -> TestClient:
        somebody = TestClient(app, headers=NAVIGATION, follow_redirects=False)
        somebody.get("/")
        return somebody

    return arrive


@pytest.fixture
def visitor(new_visitor):
    return new_visitor()
