"""What is looked at without a network is told when there is one again, with its own time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.walk import Person, Walk, path_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")

HOUR = 3600


def looks_at_a_route(person: Person, page: Page) -> None:
    """Offline: the script tries, and fails."""
    with person.fails_to_tell():
        page.evaluate("history.pushState(0, '', '/x/spa/two')")


def _age(event: dict[str, Any]) -> float:
    """How many seconds ago an event happened, by the server's clock."""
    return (datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])).total_seconds()


def test_view_without_a_network_is_told_when_it_is_back(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/spa")
    with ada.views("/x/spa/two"):
        ada.context.set_offline(True)
        looks_at_a_route(ada, page)
        ada.context.set_offline(False)
    walk.is_counted(ada)


def test_view_that_is_told_an_hour_later_keeps_its_time(walk: Walk, ada: Person) -> None:
    ada.context.clock.install()
    page = ada.opens("/x/spa")
    with ada.views("/x/spa/two"):
        ada.context.set_offline(True)
        looks_at_a_route(ada, page)
        ada.context.clock.fast_forward(HOUR * 1000)
        ada.context.set_offline(False)
    views = [event for event in walk.is_counted(ada) if event["type"] == "page"]
    ages = {path_of(view): _age(view) for view in views}
    assert ages["/x/spa"] < HOUR / 2
    assert HOUR <= ages["/x/spa/two"] < HOUR * 1.5
