"""What could not be told of is told by the person's next page, as theirs who made it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.test_offline import looks_at_a_route
from tests.browser.test_people import signs_up
from tests.browser.walk import Person, Walk, path_of
from tests.client.conftest import close
from tests.waiting import until

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")


#: What documents have in the storage: what begins with a zero was left behind by one that is gone,
#: and any other may take it over.
_STORED = "Object.entries(localStorage).filter(([key]) => key.startsWith('track-page:'))"


def test_view_of_a_tab_that_was_closed_is_told_once_by_it_or_by_the_next_one(
    walk: Walk, ada: Person
) -> None:
    """The tab's own last call may get through, whatever the driver says of the network."""
    stays, page = ada.opens("/x/plain"), ada.opens("/x/spa")
    ada.context.set_offline(True)
    looks_at_a_route(ada, page)
    close(page)

    def stored() -> list[list[str]]:
        found: list[list[str]] = stays.evaluate(_STORED)
        return found

    def has_arrived() -> bool:
        return "/x/spa/two" in map(path_of, walk.page_views())

    until(lambda: has_arrived() or any(text.startswith("0\n") for _, text in stored()), stored)
    ada.context.set_offline(False)
    stays.goto(ada.url("/x/other"))
    ada.has_told_of("/x/other")
    ada.saw("/x/spa/two", "/x/other")
    until(has_arrived, lambda: (stored(), walk.events))
    walk.is_counted(ada)


def test_what_waits_at_a_sign_out_stays_with_the_person_who_signed_out(
    walk: Walk, ada: Person
) -> None:
    page = signs_up(ada)
    before = ada.visitor
    ada.context.route("**/q", lambda route: route.abort())
    with ada.fails_to_tell():
        page.evaluate("track('Wished For')")
    with ada.views("/"):
        with ada.fails_to_tell():
            page.click("text=Sign out")
        ada.context.unroute("**/q")
    until(lambda: bool(_wishes(walk)), lambda: walk.events)
    (wish,) = _wishes(walk)
    assert wish["anonymousId"] == before != ada.visitor
    assert wish["userId"]
    walk.is_counted(ada)


def _wishes(walk: Walk) -> list[dict[str, Any]]:
    return [event for event in walk.events if event.get("event") == "Wished For"]
