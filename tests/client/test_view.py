"""The document's own view: when it is confirmed, and what is said of it."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import BrowserContext

from tests.client.conftest import Open, hide
from tests.client.site import PREFIX, TOKEN, Site, document

pytestmark = pytest.mark.needs("chromium")


def test_view_is_confirmed_once_with_what_only_the_browser_knows(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document()
    before = time.time() * 1000
    page = open_page("/?q=1#part")
    (view,) = site.wait_for(1, "view")
    page.close()
    assert len(site.told) == 1
    assert view["token"] == TOKEN
    assert re.fullmatch(r"[0-9a-f]{32}", view["load"])
    assert view["url"] == site.url("/?q=1")
    assert (view["referrer"], view["title"]) == ("", "Home")
    assert view["facts"] == {
        "viewport": "1280x720", "screen": "1280x720",
        "timezone": "Europe/Berlin",
    }  # fmt: skip
    assert before <= view["at"] <= time.time() * 1000
    assert "sw" not in view
    assert "page" not in view


def test_messages_go_as_plain_text_without_query_to_the_script_own_folder(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document()
    open_page()
    site.wait_for(1, "view")
    (call,) = site.calls
    assert call.path == f"{PREFIX}/q"
    assert call.headers["Content-Type"] == "text/plain;charset=UTF-8"
    assert call.content["v"] == 1
    assert call.content["sent"] >= call.events[0]["at"]


def test_referrer_is_the_document_that_led_here(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(body='<a href="/next">on</a>')
    site.pages["/next"] = document("second")
    open_page().click("a")
    first, second = site.wait_for(2, "view")
    assert second["referrer"] == first["url"]
    assert second["token"] == "second"


def test_every_load_has_an_id_of_its_own(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    site.wait_for(1, "view")
    page.reload()
    first, second = site.wait_for(2, "view")
    assert first["load"] != second["load"]


def test_without_a_token_nothing_is_sent(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(None, body='<b data-track="Tapped">tap</b>')
    page = open_page()
    page.evaluate("track('Lost'); track.page('Lost'); track.identify('7')")
    page.click("b")
    assert page.evaluate("track.ready") is False
    page.close()
    assert site.calls == []


def test_shared_page_asks_before_it_speaks_and_has_no_token(site: Site, open_page: Open) -> None:
    site.pages["/"] = document("shared")
    page = open_page()
    page.evaluate("track('Early')")
    view, early = site.wait_for(2, "view", "track")
    assert site.calls[0].content == {"v": 1, "ask": True}
    assert not view.get("token")
    assert not early.get("token")
    assert view["type"] == "view"


def test_shared_page_that_is_told_to_stop_says_nothing(site: Site, open_page: Open) -> None:
    site.pages["/"] = document("shared")
    site.answers.append((200, {"ok": 0, "stop": "consent"}))
    page = open_page()
    assert page.evaluate("track.ready") is False
    page.evaluate("track('Lost')")
    page.close()
    assert [call.content for call in site.calls] == [{"v": 1, "ask": True}]


def test_frames_are_silent_and_their_calls_harmless(site: Site, open_page: Open) -> None:
    frame = "<script>document.addEventListener('DOMContentLoaded', () => track('Framed'))</script>"
    site.pages["/"] = document(body='<iframe src="/frame"></iframe>')
    site.pages["/frame"] = document("of-the-frame", head=frame)
    page = open_page()
    assert (
        page.frames[1].evaluate("track.consent({analytics: true}).then(() => track.ready)") is False
    )
    page.evaluate("track('Outside')")
    site.wait_for(1, "track")
    assert [event.get("name") for event in site.told] == [None, "Outside"]
    assert {call.path for call in site.calls} == {f"{PREFIX}/q"}


def test_page_from_the_back_forward_cache_is_a_view_of_its_own(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(
        head="<script>onpageshow = e => window.restored = e.persisted</script>",
        body='<a href="/next">on</a>',
    )
    site.pages["/next"] = document("second")
    page = open_page()
    site.wait_for(1, "view")
    page.click("a")
    site.wait_for(2, "view")
    page.evaluate("setTimeout(() => history.back())")
    first, _, again = site.wait_for(3, "view")
    assert page.evaluate("window.restored") is True
    assert [path for path, _ in site.visits].count("/") == 1
    assert again["token"] == first["token"]
    assert again["load"] != first["load"]
    page.evaluate("track('After')")
    assert site.wait_for(1, "track")[0]["load"] == again["load"]


def test_script_that_runs_twice_is_still_one(site: Site, open_page: Open) -> None:
    again = f'<script src="{PREFIX}/m.js?again" defer></script>'
    site.pages["/"] = document(head=again)
    page = open_page()
    page.evaluate("track('Once')")
    site.wait_for(1, "track")
    page.close()
    assert [event["type"] for event in site.told] == ["view", "track"]


FINDS = """<script>
  window.found = [];
  const find = Document.prototype.querySelector;
  Document.prototype.querySelector = function (selector) {
    const element = find.call(this, selector);
    if (element) window.found.push([selector, document.readyState]);
    return element;
  };
  Object.defineProperty(Document.prototype, "currentScript", {get() { window.found.push(0) }});
</script>"""


def test_no_element_is_touched_while_the_page_loads(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(head=FINDS)
    page = open_page()
    site.wait_for(1, "view")
    assert page.evaluate("found") == [
        ["#track-tag", "complete"],
        ["meta[name=track-page]", "complete"],
    ]


def test_page_that_never_ends_loading_is_told_of_meanwhile(
    site: Site, context: BrowserContext
) -> None:
    site.pages["/"] = document(body='<img src="/never.png"><b data-track="Tapped">tap</b>')
    page = context.new_page()
    page.route("**/never.png", lambda route: None)
    page.goto(site.url(), wait_until="domcontentloaded")
    site.wait_for(1, "view")
    assert page.evaluate("document.readyState") == "interactive"


def test_page_left_before_it_was_loaded_is_told_of(site: Site, context: BrowserContext) -> None:
    leave = "<script>addEventListener('DOMContentLoaded', () => location.assign('/next'))</script>"
    site.pages["/"] = document("first", head=leave, body='<img src="/never.png">')
    site.pages["/next"] = document("second")
    page = context.new_page()
    page.route("**/never.png", lambda route: None)
    page.goto(site.url(), wait_until="commit")
    first, second = site.wait_for(2, "view")
    assert {first["token"], second["token"]} == {"first", "second"}


def test_without_its_tag_the_script_breaks_nothing_and_says_nothing(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document().replace("track-tag", "another-tag")
    page = open_page()
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    page.evaluate("track('Lost'); track.page('Lost'); track.identify(7)")
    assert page.evaluate("track.consent({analytics: true})") is False
    assert page.evaluate("track.ready") is False
    hide(page)
    page.goto(site.url("/"))
    assert (errors, site.calls) == ([], [])


def test_page_without_a_body_yet_is_confirmed(site: Site, open_page: Open) -> None:
    site.pages["/"] = document().replace(" defer", "").replace("<body>", "")
    open_page()
    assert len(site.wait_for(1, "view")) == 1


def test_no_script_of_ours_watches_for_unload(site: Site, open_page: Open) -> None:
    watch = """<script>
      window.watched = [];
      const add = EventTarget.prototype.addEventListener;
      EventTarget.prototype.addEventListener = function (name, ...rest) {
        window.watched.push(name);
        return add.call(this, name, ...rest);
      };
    </script>"""
    site.pages["/"] = document(head=watch)
    watched = open_page().evaluate("[...watched, onunload, onbeforeunload]")
    assert "pagehide" in watched
    assert not {"unload", "beforeunload"} & set(watched)


def test_nothing_is_kept_in_the_browser(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    site.wait_for(1, "view")
    page.wait_for_function("!localStorage.length")  # an answer that is late is waited for there
    kept = page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")
    assert kept == ["", 0, 0]
