"""Messages that cannot be sent wait in the browser's storage, for as long as it takes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.client.conftest import Open, close, hide, settled
from tests.client.site import TOKEN, Site, document

pytestmark = pytest.mark.needs("chromium")

KEY = "track-page:"
STORED = f"Object.keys(localStorage).filter(key => key.startsWith('{KEY}'))"
HOUR = 3_600_000
WEEK = 168 * HOUR


@pytest.fixture
def home(site: Site) -> Site:
    site.pages["/"] = document()
    return site


@pytest.fixture
def complaints(context: BrowserContext) -> Iterator[list[str]]:
    """What the pages of this test have thrown and nobody caught; there must be nothing."""
    thrown: list[str] = []
    context.on("weberror", lambda error: thrown.append(str(error.error)))
    yield thrown
    assert thrown == []


def stored(page: Page, text: str) -> None:
    """Returns when the storage holds a message with this text."""
    page.wait_for_function(
        f"text => {STORED}.some(key => localStorage[key].includes(text))", arg=text
    )


def empty(page: Page) -> None:
    page.wait_for_function(f"{STORED}.length == 0")


def left_behind(site: Site, page: Page, name: str, *, age: int = 0, **more: object) -> None:
    """What a document that was closed ``age`` milliseconds ago has in the storage."""
    at = page.evaluate("Date.now()") - age
    message = {
        "id": "1", "type": "track", "load": "f" * 32, "token": "of.the.other", "at": at,
        "url": site.url("/other"), "name": name, **more,
    }  # fmt: skip
    lines = [0, 0, json.dumps({key: value for key, value in message.items() if value is not None})]
    page.evaluate(
        "([key, lines]) => localStorage[key] = lines.join('\\n')", [f"{KEY}{name}", lines]
    )


def test_events_of_a_closed_tab_are_sent_by_the_next_document_an_hour_later(
    home: Site, open_page: Open, context: BrowserContext
) -> None:
    page = open_page()
    (view,) = home.wait_for(1, "view")
    empty(page)
    context.set_offline(True)
    page.evaluate("track('Offline')")
    stored(page, "Offline")
    page.close()
    context.set_offline(False)
    context.add_init_script(f"const now = Date.now; Date.now = () => now() + {HOUR}")
    page = open_page()

    def late() -> list[tuple[float, dict[str, Any]]]:
        return [
            (call.content["sent"], event)
            for call in home.calls
            for event in call.events
            if event.get("late") and event["type"] == "track" and event["name"] == "Offline"
        ]

    home.wait(late)
    ((sent, event),) = late()
    assert (event["load"], event["token"]) == (view["load"], TOKEN)
    assert HOUR <= sent - event["at"] < 2 * HOUR
    empty(page)
    assert len(home.said("track")) == 1


def test_a_tab_that_is_alive_keeps_its_own_and_a_closed_ones_is_taken_over(
    home: Site, open_page: Open, context: BrowserContext
) -> None:
    closed, alive = open_page(), open_page()
    home.wait_for(2, "view")
    context.set_offline(True)
    closed.evaluate("track('Of the closed')")
    alive.evaluate("track('Of the living')")
    stored(alive, "Of the living")
    stored(alive, "Of the closed")
    close(closed)
    alive.wait_for_function(f"{STORED}.some(key => localStorage[key].startsWith('0\\n'))")
    assert alive.evaluate(f"{STORED}.length") == 2
    context.set_offline(False)
    third = open_page()
    home.wait_for(2, "track")
    empty(third)
    taken = Counter(
        (event["name"], event["load"], event["id"])
        for call in home.calls
        for event in call.events
        if event.get("name", "").startswith("Of")
    )
    # The closed tab's last call may still have got through; it is the same message by its ids.
    assert {name for name, _, _ in taken} == {"Of the closed", "Of the living"}
    assert len(taken) == 2
    assert sum(count for (name, _, _), count in taken.items() if name == "Of the living") == 1


def test_a_frozen_tab_gives_up_what_it_holds(home: Site, open_page: Open) -> None:
    """Told by hand: a driver cannot speak to a page that is really frozen."""
    page = open_page()
    (view,) = home.wait_for(1, "view")
    home.answers += [(503, {"error": "down", "retry": 300})] * 2
    with page.expect_request_finished(lambda request: request.url.endswith("/q")):
        page.evaluate("track('Frozen')")  # what is under way would not be sent again
    stored(page, "Frozen")
    page.evaluate("document.dispatchEvent(new Event('freeze'))")
    home.wait(lambda: not home.answers)
    assert home.said("track") == []
    open_page()
    (event,) = home.wait_for(1, "track")
    assert (event["name"], event["load"]) == ("Frozen", view["load"])


def test_an_answer_that_does_not_come_leaves_the_message_in_the_storage(
    site: Site, open_page: Open
) -> None:
    """A crash would lose it otherwise."""
    site.pages["/"] = document(head="<script>window.fetch = () => new Promise(() => 0)</script>")
    page = open_page()
    stored(page, '"type":"view"')
    assert site.calls == []


def test_what_is_too_old_or_damaged_is_dropped_and_told(home: Site, open_page: Open) -> None:
    home.pages["/plain"] = "<p>plain"
    page = open_page("/plain")
    left_behind(home, page, "Old", age=WEEK + HOUR)
    left_behind(home, page, "Young", age=WEEK - HOUR)
    page.evaluate(f"localStorage['{KEY}damaged'] = '0\\n2\\n{{\"id\":'")
    page.goto(home.url())
    assert home.wait_for(1, "track")[0]["name"] == "Young"
    home.wait(lambda: sum(call.content["dropped"] for call in home.calls) >= 4)
    empty(page)
    page.close()
    assert sum(call.content["dropped"] for call in home.calls) == 4


def test_a_full_queue_drops_the_scripts_own_first_then_the_oldest(
    home: Site, open_page: Open, context: BrowserContext
) -> None:
    page = open_page()
    home.wait_for(1, "view")
    settled(page)
    context.set_offline(True)
    page.evaluate(
        """() => {
          const {tell} = window[Symbol.for("track-page")];
          for (let n = 0; n < 300; n++) track("Mine", {n});
          for (let n = 0; n < 3; n++) tell("Link Clicked", {});
          for (let n = 300; n < 502; n++) track("Mine", {n});
        }"""
    )
    context.set_offline(False)
    home.wait_for(500, "track")
    tracks = home.said("track")
    assert [event["properties"].get("n") for event in tracks] == list(range(2, 502))
    assert sum(call.content["dropped"] for call in home.calls) == 5


def test_the_storage_holds_at_most_256_kib(
    home: Site, open_page: Open, context: BrowserContext
) -> None:
    page = open_page()
    home.wait_for(1, "view")
    context.set_offline(True)
    page.evaluate("for (let n = 0; n < 20; n++) track('Big', {n, text: 'x'.repeat(30000)})")
    hide(page)
    size = page.evaluate(f"localStorage[{STORED}[0]].length")
    assert 200_000 < size <= 262_144
    context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    home.wait(lambda: home.said("track") and home.said("track")[-1]["properties"]["n"] == 19)


BLOCKED = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("blocked", "SecurityError") }
})"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError') }"
REALLY_FULL = "let size = 5200000; while (size > 1) try { localStorage.more = " \
    "(localStorage.more || '') + 'x'.repeat(size) } catch { size /= 2 }"  # fmt: skip


@pytest.mark.parametrize("trouble", [BLOCKED, FULL, REALLY_FULL])
def test_without_a_usable_storage_messages_wait_in_memory(
    site: Site, open_page: Open, context: BrowserContext, complaints: list[str], trouble: str
) -> None:
    site.pages["/"] = document(head=f"<script>{trouble}</script>")
    page = open_page()
    settled(page)
    site.wait_for(1, "view")
    context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.evaluate("track('Offline')")
    hide(page)
    context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    assert site.wait_for(1, "track")[0]["name"] == "Offline"


def test_nothing_is_stored_before_it_is_known_that_it_may_be(site: Site, open_page: Open) -> None:
    site.pages["/"] = document("shared")
    site.answers += [(503, {"error": "down", "retry": 60})] * 2
    page = open_page()
    page.evaluate("track('Held')")
    site.wait(lambda: site.calls)
    hide(page)
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == [
        "", 0, 0,
    ]  # fmt: skip


def test_refusal_clears_the_storage_of_every_document(
    home: Site, open_page: Open, context: BrowserContext
) -> None:
    page = open_page()
    home.wait_for(1, "view")
    context.set_offline(True)
    page.evaluate("track('Mine')")
    stored(page, "Mine")
    left_behind(home, page, "Other")
    page.evaluate("localStorage.hosts = 'own'")
    page.evaluate("void track.consent({analytics: false})")
    assert page.evaluate("Object.keys(localStorage)") == ["hosts"]
    page.close()
    context.set_offline(False)


def test_a_page_that_may_send_nothing_takes_over_nothing_and_forgets_what_is_there(
    site: Site, open_page: Open
) -> None:
    site.pages |= {"/": document(None), "/plain": "<p>plain"}
    page = open_page("/plain")
    left_behind(site, page, "Other")
    page.goto(site.url())
    empty(page)
    assert site.calls == []
