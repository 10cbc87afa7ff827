"""A page that a service worker delivers is one view, whether the server was asked or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.walk import Person, Walk
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")


def _with_service_worker(person: Person) -> Page:
    page = person.opens("/x/registers")
    page.evaluate("window.controlled")
    return page


def _modes(walk: Walk, path: str) -> list[str]:
    return [each["asked"]["sec-fetch-mode"] for each in walk.asked(path)]


def test_cached_copy_of_a_service_worker_is_a_view(walk: Walk, ada: Person) -> None:
    page = _with_service_worker(ada)
    ada.follows("kept", page)
    ada.follows("other", page)
    ada.follows("kept", page)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].workerStart") > 0
    assert _modes(walk, "/x/kept") == ["cors"]
    walk.is_counted(ada)


def test_copy_that_is_renewed_meanwhile_is_one_view(walk: Walk, ada: Person) -> None:
    page = _with_service_worker(ada)
    ada.follows("renewed", page)
    ada.follows("other", page)
    ada.follows("renewed", page)
    until(lambda: len(_modes(walk, "/x/renewed")) >= 3, lambda: walk.seen)  # beside the page
    assert _modes(walk, "/x/renewed") == ["cors", "navigate", "navigate"]
    walk.is_counted(ada)


def test_page_that_a_service_worker_fetches_is_one_view(walk: Walk, ada: Person) -> None:
    page = _with_service_worker(ada)
    ada.follows("fetched", page)
    with ada.views("/x/fetched"):
        page.reload()
    assert _modes(walk, "/x/fetched") == ["navigate"] * 2
    walk.is_counted(ada)


def test_copy_that_is_looked_at_without_a_network_is_told_later(walk: Walk, ada: Person) -> None:
    page = _with_service_worker(ada)
    with ada.views("/x/kept"):
        ada.context.set_offline(True)
        with ada.fails_to_tell():
            page.click("a[id='kept']")
        ada.context.set_offline(False)
    walk.is_counted(ada)
