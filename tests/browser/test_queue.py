"""What could not be told of is told by the person's next page, as theirs who made it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.test_people import signs_up
from tests.browser.walk import Person, Walk
from tests.waiting import until

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")


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
