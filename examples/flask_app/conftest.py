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


class Visitor:
    """Somebody new with a browser: Flask's own client, sending what a browser sends."""

    def __init__(self, app):
        self._client = app.test_client()

    def get(self, path, **given):
        return self._client.get(path, headers=NAVIGATION, **given)

    def post(self, path, data=None):
        return self._client.post(path, data=data, headers=NAVIGATION)


@pytest.fixture
def new_visitor():
    from shop import app

    def arrive() -> Visitor:
        somebody = Visitor(app)
        somebody.get("/")
        return somebody

    return arrive


@pytest.fixture
def visitor(new_visitor):
    return new_visitor()
