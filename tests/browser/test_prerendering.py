"""A page that is made ready before anybody asks for it is a view once it is shown, else none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import FLAGS
from tests.browser.shop import Shop
from tests.browser.walk import Walk, path_of
from tests.processes import started
from tests.programs import chromium
from tests.waiting import until

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")


@pytest.fixture
def alone(shop: Shop, walk: Walk, tmp_path: Path) -> Iterator[Walk]:
    """The walk of a browser that no tool has touched: a driven tab does not prerender."""
    program = chromium()
    assert program is not None
    command = [program, *FLAGS, f"--user-data-dir={tmp_path}", shop.url("/x/rules")]
    with started(command, stderr=subprocess.DEVNULL) as browser:
        yield walk
        browser.terminate()


def test_prerendered_page_is_a_view_only_once_it_is_shown(alone: Walk, shop: Shop) -> None:
    until(lambda: len(alone.asked("/x/note?prerendered")) == 2, lambda: alone.shop.seen)
    until(lambda: alone.told() >= 1, lambda: alone.shop.seen)
    assert [path_of(view) for view in alone.page_views()] == ["/x/rules"]
    try:
        (shop.var / "ready").touch()
        until(lambda: len(alone.page_views()) >= 2, lambda: alone.shop.seen)
    finally:
        (shop.var / "ready").unlink()
    rules, shown = alone.page_views()
    assert [path_of(view) for view in (rules, shown)] == ["/x/rules", "/x/shown"]
    assert shown["anonymousId"] == rules["anonymousId"]
    assert [view["context"]["page"]["confirmed"] for view in (rules, shown)] == [True, True]
    asked = [each for path in ("/x/shown", "/x/unseen") for each in alone.asked(path)]
    assert [each["asked"]["sec-purpose"] for each in asked] == ["prefetch;prerender"] * 2
    assert len(alone.asked("/x/note?shown")) == 1
