"""Opt-in in a real browser: nothing is kept or told before a grant, and nothing after a refusal.

What is kept is asked of the browser's own storage panels, what is told of the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import SETTINGS
from tests.browser.shop import Shop, open_shop
from tests.browser.storage import kept
from tests.browser.walk import Person, Walk
from tests.waiting import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.needs("chromium", "gunicorn", "django", "flask")

#: Ten minutes go by. The server takes a call's way to it for a part of the time before.
TEN_MINUTES = "const now = Date.now; Date.now = () => now() + 600_000"

#: What failed is not tried again by itself.
PATIENT = """() => {
  const own = setTimeout;
  window.setTimeout = (call, delay) => delay < 900 ? own(call, delay) : 0;
}"""

CHOICE = "_tm_c"
OURS = [CHOICE, "_tm_s", "_tm_v", "ajs_anonymous_id"]


@pytest.fixture(scope="module", params=["django", "flask"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """A shop that waits for a choice, and writes one vendor's cookie once it is made."""
    settings = {**SETTINGS, "consent": "opt_in", "bridge": "segment"}
    var = tmp_path_factory.mktemp("consent") / request.param
    with open_shop(request.param, free_port(), var, settings=settings) as shop:
        yield shop


def comes(person: Person, path: str = "/x/plain") -> Page:
    """Opens a page of which nobody may be told; returns when its script knows that."""
    page = person.context.new_page()
    page.goto(person.url(path))
    assert page.evaluate("track.ready") is False
    return page


def chooses(page: Page, *, analytics: bool) -> None:
    said = "true" if analytics else "false"
    page.evaluate(f"track.consent({{analytics: {said}, marketing: {said}}})")


def named(events: list[dict[str, Any]]) -> list[str]:
    """The names of the events that pages' own code has told."""
    return [event["event"] for event in events if event.get("event") in ("Before", "After", "Lost")]


def test_first_visit_keeps_nothing_and_tells_nothing(
    walk: Walk, arrives: Callable[..., Person]
) -> None:
    ada = arrives()
    page = comes(ada)
    page.evaluate("track('Before')")
    page.evaluate("history.pushState(0, '', '/x/other')")
    page.goto(ada.url("/x/cached"))
    page.evaluate("track.ready")
    assert kept(page) == {}
    asked = walk.seen
    assert {each["method"] for each in asked} == {"GET"}
    assert {each["path"].rpartition("/")[2] for each in asked} == {"plain", "cached", "m.js"}
    for each in asked:
        assert "cookie" not in each["asked"]
        assert "set-cookie" not in each["told"]
        assert "?" not in each["path"]
    assert walk.events == []


def test_page_from_a_shared_cache_asks_one_empty_question(walk: Walk, ada: Person) -> None:
    bodies: list[str | None] = []
    ada.context.on("request", lambda it: it.method == "POST" and bodies.append(it.post_data))
    page = comes(ada, "/x/shared")
    page.evaluate("track('Before')")
    page.goto(ada.url("/x/shared"))
    page.evaluate("track.ready")
    assert kept(page) == {}
    assert bodies == ['{"v":1,"ask":true}'] * 2
    asked = walk.seen
    assert all("cookie" not in each["asked"] for each in asked)
    assert all("set-cookie" not in each["told"] for each in asked)
    assert walk.events == []


@pytest.mark.parametrize("path", ["/x/plain", "/x/shared"])
def test_grant_makes_the_page_in_view_one_view_and_what_was_done_on_it_follows(
    path: str, walk: Walk, ada: Person
) -> None:
    page = comes(ada, path)
    page.evaluate("track('Before', {n: 1})")
    page.evaluate(TEN_MINUTES)
    with ada.tells(1):
        chooses(page, analytics=True)
    ada.saw(path)
    with page.expect_request_finished(lambda request: request.url.endswith("/q")):
        page.evaluate("track('After')")
    assert kept(page)["cookies"] == [name for name in OURS if name in kept(page)["cookies"]]
    ada.follows("plain", page)
    events = walk.is_counted(ada)
    assert named(events) == ["Before", "After"]
    before, after = (event for event in events if event.get("event") in ("Before", "After"))
    view = next(event for event in events if event["type"] == "page")
    took = datetime.fromisoformat(after["timestamp"]) - datetime.fromisoformat(before["timestamp"])
    assert timedelta(minutes=5) < took < timedelta(minutes=15)
    assert {event["anonymousId"] for event in events} == {ada.visitor}
    assert len({event["context"]["session"]["id"] for event in (before, view, after)}) == 1
    assert before["context"]["page"]["id"] == after["context"]["page"]["id"] == view["messageId"]


def test_refusal_keeps_the_choice_alone_and_sends_nothing_of_what_was_done(
    walk: Walk, ada: Person
) -> None:
    page = comes(ada)
    page.evaluate("track('Lost')")
    chooses(page, analytics=False)
    page.reload()
    page.evaluate("track('Lost')")
    assert page.evaluate("track.ready") is False
    assert kept(page) == {"cookies": [CHOICE]}
    assert walk.told() == 0
    with ada.tells(1):
        chooses(page, analytics=True)
    ada.saw("/x/plain")
    assert named(walk.is_counted(ada)) == []


def grants(person: Person, path: str = "/x/plain") -> Page:
    """Opens a page and permits everything there."""
    page = comes(person, path)
    with person.tells(1):
        chooses(page, analytics=True)
    person.saw(path)
    return page


def test_withdrawal_deletes_everything_in_every_tab(walk: Walk, ada: Person) -> None:
    first = grants(ada)
    second = ada.opens("/x/other")
    assert set(OURS) <= set(kept(first)["cookies"])
    ada.context.route("**/q", lambda route: route.abort())
    first.evaluate(PATIENT)
    with ada.fails_to_tell():
        first.evaluate("track('Lost')")
    first.wait_for_function("Object.keys(localStorage).length")
    chooses(second, analytics=False)
    assert kept(second) == {"cookies": [CHOICE]}
    ada.context.unroute("**/q")
    with first.expect_response("**/q") as answered:
        first.evaluate("track('Lost'); dispatchEvent(new Event('online'))")
    assert answered.value.json() == {"ok": 0, "stop": "consent"}
    first.evaluate("track('Lost')")
    for page in (first, second):
        assert kept(page) == {"cookies": [CHOICE]}
        page.reload()
        assert page.evaluate("track.ready") is False
        assert kept(page) == {"cookies": [CHOICE]}
    assert named(walk.is_counted(ada)) == []


def test_page_restored_after_a_withdrawal_is_no_view(walk: Walk, ada: Person) -> None:
    page = grants(ada)
    page.evaluate("() => { onpageshow = event => window.restored = event.persisted }")
    ada.follows("other", page)
    chooses(page, analytics=False)
    with page.expect_response("**/q") as answered:
        page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.restored === true")
    assert answered.value.json()["stop"] == "consent"
    page.evaluate("track('Lost')")
    page.reload()
    page.evaluate("track.ready")
    assert kept(page) == {"cookies": [CHOICE]}
    assert named(walk.is_counted(ada)) == []
