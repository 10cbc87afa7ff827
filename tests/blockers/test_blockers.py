"""Real blockers' engines let a full walk through the shop pass, and block vendors' forms of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blockers.engines import ENGINES
from tests.blockers.requests import HOSTS, Asked, on_hosts, under
from tests.blockers.trial import requests, trial
from tests.blockers.walk import Walk, walked


@pytest.mark.needs("chromium", "gunicorn", "flask", "node", "blockers")
def test_no_engine_blocks_a_full_walk_and_each_blocks_vendors_forms(
    free_port: int, tmp_path: Path
) -> None:
    walk = walked(free_port, tmp_path / "var")
    kinds = {(each.url.rpartition("/")[2].partition("?")[0], each.kind) for each in walk.own}
    assert {
        ("m.js", "script"),
        ("q", "xmlhttprequest"),
        ("c", "xmlhttprequest"),
        ("q", "ping"),
        ("n.png", "image"),
    } <= kinds
    asked = requests(walk, prefixes=20)
    for engine in ENGINES:
        found = trial(engine, asked, walk.prefix)
        assert (found.blocked, found.passed) == ([], []), engine


@pytest.mark.needs("blockers")
def test_walk_that_asks_for_a_vendors_form_is_told_of_with_the_rule() -> None:
    page = "http://localhost:8000/cart"
    bad = Asked("http://localhost:8000/k3j5n2ab/matomo.php?idsite=1", "image", page)
    good = Asked("http://localhost:8000/k3j5n2ab/q", "xmlhttprequest", page)
    walk = Walk("k3j5n2ab", {bad: None, good: None})
    found = trial("Brave", requests(walk, prefixes=2), walk.prefix)
    assert not found.well
    assert {each.kind for each, _ in found.blocked} == {"image"}
    assert len(found.blocked) == len(HOSTS) * 3, "on each host, and under each of two prefixes"
    assert all("/matomo.php" in rule for _, rule in found.blocked)


def test_walk_on_other_hosts_and_under_other_prefixes_is_the_same_but_for_these() -> None:
    page = "http://localhost:8000/cart?step=1"
    own = Asked("http://localhost:8000/k3j5n2ab/q", "ping", page)
    shop = Asked("http://localhost:8000/static/k3j5n2ab/shop.css", "stylesheet", page)
    there = "https://tea.shop/cart?step=1"
    assert on_hosts([own, shop], ["tea.shop"]) == [
        ("https://tea.shop/k3j5n2ab/q", "ping", there),
        ("https://tea.shop/static/k3j5n2ab/shop.css", "stylesheet", there),
    ]
    assert list(under(["abcdefgh"], [own, shop], "k3j5n2ab")) == [
        ("http://localhost:8000/abcdefgh/q", "ping", page)
    ]
