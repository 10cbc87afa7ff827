"""How messages leave: together, again after a failure, at the last moment, never past a no."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext

from tests.client.conftest import Open, close
from tests.client.site import Answer, Site, document

pytestmark = pytest.mark.needs("chromium")

BUDGET = 64 * 1024


@pytest.fixture
def home(site: Site) -> Site:
    site.pages["/"] = document()
    return site


def test_messages_of_a_moment_go_together(home: Site, open_page: Open) -> None:
    page = open_page()
    home.wait_for(1, "view")
    page.evaluate("for (const name of ['One', 'Two', 'Three']) track(name)")
    home.wait_for(3, "track")
    assert [event["name"] for event in home.calls[1].events] == ["One", "Two", "Three"]


@pytest.mark.parametrize(
    "answer",
    [
        (503, {"error": "down"}),
        (429, {"error": "rate", "retry": 1}),
        (500, "<h1>Proxy error</h1>"),
        (404, "<h1>Not here yet</h1>"),
        (403, {"error": "not from a page of this host"}),
        (200, "<h1>Welcome to our Wi-Fi</h1>"),
    ],
)
def test_what_was_not_taken_comes_again_with_the_same_ids(
    home: Site, open_page: Open, answer: Answer
) -> None:
    home.answers.append(answer)
    open_page()
    home.wait(lambda: len(home.calls) == 2)
    first, second = home.calls
    assert first.events == second.events
    assert second.content["sent"] - first.content["sent"] >= 900


def test_what_was_refused_does_not_come_again(home: Site, open_page: Open) -> None:
    home.answers.append((400, {"error": "not JSON"}))
    page = open_page()
    home.wait(lambda: home.calls)
    page.evaluate("track('Next')")
    home.wait_for(1, "track")
    page.close()
    assert [event["type"] for event in home.told] == ["track"]


def test_stop_ends_sending_until_a_choice_permits_it(home: Site, open_page: Open) -> None:
    home.answers.append((200, {"ok": 0, "stop": "consent"}))
    page = open_page()
    home.wait(lambda: home.calls)
    page.evaluate("fetch('/barrier').then(() => track('Lost'))")
    home.answers.append((200, {"consent": {"analytics": "granted"}, "token": "granted"}))
    page.evaluate("track.consent({analytics: true})")
    page.evaluate("track('Kept')")
    home.wait_for(1, "track")
    assert [(event["type"], event["token"]) for event in home.events[1:]] == [
        ("view", "granted"),
        ("track", "granted"),
    ]


def test_offline_messages_come_when_the_line_is_back(
    site: Site, open_page: Open, context: BrowserContext
) -> None:
    """At once: here the next try's own time never comes."""
    patient = """<script>
      const own = setTimeout;
      window.setTimeout = (call, delay) => delay < 900 ? own(call, delay) : 0;
    </script>"""
    site.pages["/"] = document(head=patient)
    page = open_page()
    site.wait_for(1, "view")
    context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.evaluate("track('Offline')")
    context.set_offline(False)
    assert site.wait_for(1, "track")[0]["name"] == "Offline"


def test_tab_closed_at_once_has_said_everything(home: Site, open_page: Open) -> None:
    page = open_page()
    home.wait_for(1, "view")
    page.evaluate("track('Last'); addEventListener('pagehide', () => track('Very last'))")
    close(page)
    # Two calls at once, which may arrive in either order.
    assert {event["name"] for event in home.wait_for(2, "track")} == {"Last", "Very last"}


def test_many_messages_stay_within_the_budget_in_flight(home: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("for (let n = 0; n < 40; n++) track('Big', {n, text: 'ä'.repeat(3000)})")
    tracks = home.wait_for(40, "track")
    assert [event["properties"]["n"] for event in tracks] == list(range(40))
    assert max(call.size for call in home.calls) <= BUDGET


def test_browser_without_fetch_sends_a_beacon_when_the_page_is_left(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document(head="<script>delete window.fetch</script>")
    page = open_page()
    page.evaluate("track('By beacon')")
    close(page)
    _, beacon = site.wait_for(2, "view", "track")
    assert beacon["name"] == "By beacon"
    assert site.calls[0].headers["Content-Type"] == "text/plain;charset=UTF-8"


def test_fetch_refused_on_the_way_out_falls_back_to_a_beacon(site: Site, open_page: Open) -> None:
    """Other scripts may have used up the budget that all keepalive calls share."""
    refusing = """<script>
      const own = fetch;
      window.fetch = (...given) => window.full ? Promise.reject(new TypeError) : own(...given);
    </script>"""
    site.pages["/"] = document(head=refusing)
    page = open_page()
    site.wait_for(1, "view")
    page.evaluate("window.full = true; track('Last')")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert site.wait_for(1, "track")[0]["name"] == "Last"
