"""One person with several tabs is one visitor with several views."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.walk import Person, Walk

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")

#: Two addresses, because a browser asks for one address once at a time.
BOTH = ("/x/together?tab=1", "/x/together?tab=2")


def _go(person: Person, *tabs: Page) -> None:
    """Sends each tab to its own address, at once."""
    for tab, path in zip(tabs, BOTH, strict=True):
        tab.evaluate("url => setTimeout(() => location.assign(url))", person.url(path))


def test_two_tabs_at_once_on_a_first_visit_are_one_visitor(walk: Walk, ada: Person) -> None:
    """The script comes when both documents are there, so that both have the later one's cookie."""
    tabs = ada.context.new_page(), ada.context.new_page()
    held: list[Route] = []
    ada.context.route("**/m.js", lambda route: held.append(route))
    with ada.views("/x/together", "/x/together"):
        _go(ada, *tabs)
        ada.waits_until(lambda: len(held) == len(tabs), "a document has not come")
        for route in held:
            route.continue_()
    asked = [each for path in BOTH for each in walk.asked(path)]
    assert ["cookie" in each["asked"] for each in asked] == [False, False]
    walk.is_counted(ada)


def test_two_tabs_at_once_of_a_visitor_are_two_views(walk: Walk, ada: Person) -> None:
    first, second = ada.opens("/x/plain"), ada.context.new_page()
    with ada.views("/x/together", "/x/together"):
        _go(ada, first, second)
    walk.is_counted(ada)
    assert len({visitor for visitor, _ in ada.made}) == 1


def test_duplicated_tab_is_a_view(walk: Walk, ada: Person) -> None:
    """As a browser makes one: the same document out of its cache, with the tab's own storage."""
    page = ada.opens("/x/cached")
    page.evaluate("sessionStorage.setItem('whose', 'the first tab')")
    with ada.views("/x/cached"), page.expect_popup() as opened:
        page.evaluate("() => { open(location.href) }")
    assert opened.value.evaluate("sessionStorage.getItem('whose')") == "the first tab"
    assert len(walk.asked("/x/cached")) == 1
    walk.is_counted(ada)
