"""A page that a shared cache gives to everybody is each one's own view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.cache import cached
from tests.browser.shop import Shop
from tests.browser.walk import Person, Walk

pytestmark = pytest.mark.needs(
    "chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi", "nginx"
)


@pytest.fixture
def cache(shop: Shop, free_port: int, tmp_path: Path) -> Iterator[str]:
    with cached(shop.port, free_port, tmp_path / "nginx") as address:
        yield address


def test_page_from_a_shared_cache_is_a_view_of_each_visitor(
    walk: Walk, cache: str, arrives: Callable[..., Person]
) -> None:
    ada, bob = arrives(lives_at=cache), arrives(lives_at=cache)
    kept = []
    for person in (ada, bob):
        page = person.context.new_page()
        with page.expect_response("**/x/shared") as answered:
            person.opens("/x/shared", page)
        kept.append(answered.value.header_value("X-Cache"))
        person.follows("plain", page)
        person.follows("shared", page)
    assert kept == ["MISS", "HIT"]
    (asked,) = walk.asked("/x/shared")
    assert {"set-cookie", "vary"}.isdisjoint(asked["told"])
    walk.is_counted(ada, bob)
    visitors = [{visitor for visitor, _ in person.made} for person in (ada, bob)]
    assert [len(each) for each in visitors] == [1, 1]
    assert visitors[0] != visitors[1]


def test_personal_page_is_not_kept_by_the_shared_cache(
    walk: Walk, cache: str, arrives: Callable[..., Person]
) -> None:
    ada, bob = arrives(lives_at=cache), arrives(lives_at=cache)
    for person in (ada, bob):
        person.opens("/x/cached")
    assert len(walk.asked("/x/cached")) == 2
    walk.is_counted(ada, bob)
    assert ada.visitor != bob.visitor
