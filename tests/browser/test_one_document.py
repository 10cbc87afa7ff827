"""Pages that come without a new document: routes, htmx's boosted links, Turbo's visits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.walk import Person, Walk
from tests.waiting import until

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")


def test_pushed_and_replaced_routes_are_views(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/spa")
    page.evaluate("() => { window.former = true }")
    with ada.views("/x/spa/two"):
        page.evaluate("history.pushState(0, '', '/x/spa/two')")
    with ada.views("/x/spa/three"):
        page.evaluate("history.replaceState(0, '', '/x/spa/three')")
    with ada.views("/x/spa"):
        page.evaluate("setTimeout(() => history.back())")
    assert page.evaluate("window.former") is True
    walk.is_counted(ada)


def test_address_that_is_only_tidied_is_no_view(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/spa")
    page.evaluate("history.replaceState(0, '', '/x/spa?sorted=yes')")
    page.evaluate("history.pushState(0, '', '#below')")
    with ada.views("/x/spa/two"):
        page.evaluate("history.pushState(0, '', '/x/spa/two')")
    walk.is_counted(ada)


@pytest.mark.needs("npm")
@pytest.mark.parametrize("library", ["htmx2", "htmx4"])
def test_boosted_link_is_a_view_and_so_is_the_way_back(
    library: str, walk: Walk, ada: Person, libraries: Path
) -> None:
    page = ada.opens(f"/x/{library}/one")
    page.evaluate("() => { window.former = true }")
    ada.follows(f"{library}/two", page)
    with ada.views(f"/x/{library}/one"):
        page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function(f"document.title == '{library} one'")
    assert page.evaluate("window.former") is True
    (asked,) = walk.asked(f"/x/{library}/two")
    assert asked["asked"]["hx-boosted"] == "true"
    walk.is_counted(ada)


@pytest.mark.needs("npm")
def test_turbo_visit_is_a_view_and_so_is_the_way_back(
    walk: Walk, ada: Person, libraries: Path
) -> None:
    page = ada.opens("/x/turbo/one")
    page.evaluate("() => { window.former = true }")
    ada.follows("turbo/two", page)
    with ada.views("/x/turbo/one"):
        page.evaluate("setTimeout(() => history.back())")
    assert page.evaluate("window.former") is True
    assert {each["asked"]["sec-fetch-dest"] for each in walk.asked("/x/turbo/two")} == {"empty"}
    walk.is_counted(ada)


@pytest.mark.needs("npm")
def test_link_that_turbo_fetches_beforehand_is_a_view_once_it_is_followed(
    walk: Walk, ada: Person, libraries: Path
) -> None:
    page = ada.opens("/x/turbo/one")
    page.hover("a[id='turbo/two']")
    until(lambda: bool(walk.asked("/x/turbo/two")), lambda: walk.shop.seen[-3:])
    walk.is_counted(ada)
    ada.follows("turbo/two", page)
    (asked,) = walk.asked("/x/turbo/two")
    assert asked["asked"]["x-sec-purpose"] == "prefetch"
    walk.is_counted(ada)
