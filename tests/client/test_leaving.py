"""What is said of a page when somebody looks away: how long, how far, and how it felt."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.client.conftest import Open, hide, settled
from tests.client.site import TOKEN, Site, document

pytestmark = pytest.mark.needs("chromium")

TALL = '<p style="height: 7200px; margin: 0">tall</p><style>body { margin: 0 }</style>'


def passed(page: Page, milliseconds: int) -> float:
    """The page's clock once so much time has gone by."""
    start = page.evaluate("performance.now()")
    page.wait_for_function(f"performance.now() > {start + milliseconds}")
    return float(page.evaluate("performance.now()"))


def framed(page: Page) -> None:
    """Returns after a frame and what it has told."""
    page.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => "
        "setTimeout(done, 100))))"
    )


def engaged(events: list[dict[str, Any]]) -> list[int]:
    return [event["properties"]["engagedMs"] for event in events]


def test_each_hide_tells_the_time_since_the_last_and_they_add_up(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document()
    page = open_page()
    site.wait_for(1, "view")
    passed(page, 200)
    hide(page)
    (first,) = site.wait_for(1, "leave")
    before = passed(page, 300)
    hide(page, hidden=False)
    passed(page, 100)
    hide(page)
    after = page.evaluate("performance.now()")
    first, second = site.wait_for(2, "leave")
    assert (first["token"], first["load"]) == (TOKEN, site.said("view")[0]["load"])
    assert engaged([first])[0] >= 200
    assert 100 <= engaged([second])[0] <= after - before + 1
    assert first["id"] != second["id"]


def test_a_page_without_the_focus_is_not_looked_at(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    site.wait_for(1, "view")
    passed(page, 50)
    page.evaluate("document.hasFocus = () => false; dispatchEvent(new Event('blur'))")
    hide(page)
    (before,) = engaged(site.wait_for(1, "leave"))
    hide(page, hidden=False)
    passed(page, 100)
    hide(page)
    page.evaluate("track('End')")
    site.wait_for(1, "track")
    assert engaged(site.said("leave")) == [before]


def test_next_view_tells_of_the_one_before(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    site.wait_for(1, "view")
    page.evaluate("history.pushState(0, '', '/cart')")
    (first,) = site.wait_for(1, "leave")
    hide(page)
    _, second = site.wait_for(2, "leave")
    (route,) = site.said("route")
    assert (first["url"], first.get("page")) == (site.url("/"), None)
    assert (second["url"], second["page"]) == (site.url("/cart"), route["page"])


def test_page_left_says_how_far_down_each_view_was_seen(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(body=TALL)
    page = open_page()
    settled(page)
    framed(page)
    page.evaluate("scrollTo(0, 2880)")
    framed(page)
    page.evaluate("scrollTo(0, 0)")
    framed(page)
    page.evaluate("history.pushState(0, '', '/next')")
    site.wait_for(1, "leave")
    framed(page)
    hide(page)
    first, second = site.wait_for(2, "leave")
    assert [event["properties"]["scrollDepth"] for event in (first, second)] == [50, 10]


SLOW = '<button onclick="const end = performance.now() + 80; while (performance.now() < end);">b'
SEES = """<script>
  const sees = (type, name) => new PerformanceObserver(() => window[name] = true)
    .observe({type, buffered: true});
  sees("first-input", "felt");
  sees("largest-contentful-paint", "painted");
</script>"""


def test_vitals_are_told_once_when_the_page_is_hidden(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(head=SEES, body=f"<h1>Large</h1>{SLOW}")
    page = open_page()
    settled(page)
    page.wait_for_function("window.painted")  # after a click nothing more counts as that
    page.click("button")
    page.wait_for_function("window.felt")
    framed(page)
    hide(page)
    site.wait(lambda: site.noticed("Web Vitals"))
    hide(page, hidden=False)
    hide(page)
    page.close()
    (vitals,) = site.noticed("Web Vitals")
    found = vitals["properties"]
    assert found.keys() == {"lcp", "fcp", "cls", "ttfb", "inp"}
    assert 80 <= found["inp"] < 10_000
    assert 0 < found["ttfb"] <= found["fcp"] <= found["lcp"]
    assert found["cls"] == 0
    assert vitals["token"] == TOKEN


def test_a_page_that_loaded_out_of_sight_has_no_vitals(site: Site, open_page: Open) -> None:
    away = """<script>
      const entries = performance.getEntriesByType;
      performance.getEntriesByType = type => type == "visibility-state"
        ? [{name: "hidden", startTime: 0}, {name: "visible", startTime: 9}]
        : entries.call(performance, type);
    </script>"""
    site.pages["/"] = document(head=away)
    page = open_page()
    settled(page)
    hide(page)
    site.wait_for(1, "leave")
    page.close()
    assert site.noticed("Web Vitals") == []


def test_a_page_from_the_back_forward_cache_is_left_as_a_view_of_its_own(
    site: Site, open_page: Open
) -> None:
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
    site.wait_for(2, "leave")
    passed(page, 50)
    hide(page)
    site.wait(lambda: any(event["load"] == again["load"] for event in site.said("leave")))
    assert {event["load"] for event in site.said("leave")} >= {first["load"], again["load"]}
