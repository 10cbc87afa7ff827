"""Navigation without a new document: one view for each, and none for housekeeping."""

from __future__ import annotations

import re

import pytest

from tests.client.conftest import Open, close, rest
from tests.client.site import TOKEN, Site, document

pytestmark = pytest.mark.needs("chromium")

OLD_BROWSER = "<script>delete window.navigation; delete Window.prototype.navigation</script>"


@pytest.fixture(params=["Navigation API", "wrapped history"])
def home(request: pytest.FixtureRequest, site: Site) -> Site:
    """A site whose home page knows the Navigation API, or only the history's own methods."""
    old = request.param == "wrapped history"
    site.pages["/"] = document(head=OLD_BROWSER if old else "")
    return site


def test_pushed_path_is_a_route_view(home: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("history.pushState(0, '', '/cart'); document.title = 'Cart'")
    (route,) = home.wait_for(1, "route")
    (view,) = home.said("view")
    assert route["url"] == home.url("/cart")
    assert (route["referrer"], route["title"]) == (home.url("/"), "Cart")
    assert re.fullmatch(r"[0-9a-f]{32}", route["page"])
    assert (route["token"], route["load"]) == (TOKEN, view["load"])


def test_replaced_path_and_the_way_back_are_route_views(home: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("history.pushState(0, '', '/a')")
    home.wait_for(1, "route")
    page.evaluate("history.replaceState(0, '', '/b')")
    home.wait_for(2, "route")
    page.evaluate("history.back()")
    routes = home.wait_for(3, "route")
    assert [route["url"] for route in routes] == [home.url(path) for path in ("/a", "/b", "/")]
    assert len({route["page"] for route in routes}) == 3


def test_pushed_query_is_a_route_view_and_a_replaced_one_is_not(
    home: Site, open_page: Open
) -> None:
    page = open_page()
    page.evaluate("history.replaceState(0, '', '/?utm_cleaned'); track('Cleaned')")
    page.evaluate("history.pushState(0, '', '/?q=1'); track('End')")
    home.wait_for(2, "track")
    assert [route["url"] for route in home.said("route")] == [home.url("/?q=1")]


def early(change: str) -> str:
    """A document that changes its address before the script looks at the page."""
    return document(head=f"<script>addEventListener('DOMContentLoaded', () => {change})</script>")


def test_query_pushed_while_the_page_loads_is_a_route_view(site: Site, open_page: Open) -> None:
    site.pages["/"] = early("history.pushState(0, '', '/?q=1')")
    open_page()
    (route,) = site.wait_for(1, "route")
    (view,) = site.said("view")
    assert (view["url"], route["url"]) == (site.url("/"), site.url("/?q=1"))


def test_query_replaced_while_the_page_loads_is_no_view(home: Site, open_page: Open) -> None:
    home.pages["/"] += "<script>addEventListener('DOMContentLoaded', () => {"
    home.pages["/"] += "history.replaceState(0, '', '/?cleaned')})</script>"
    open_page().evaluate("track('End')")
    home.wait_for(1, "track")
    assert [event["url"] for event in home.told] == [home.url("/"), home.url("/?cleaned")]
    assert home.said("route") == []


def test_redirecting_router_makes_one_view(home: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("history.pushState(0, '', '/guard'); history.replaceState(0, '', '/sign-in')")
    home.wait_for(1, "route")
    page.evaluate("track('End')")
    home.wait_for(1, "track")
    assert [route["url"] for route in home.said("route")] == [home.url("/sign-in")]


def test_same_path_again_and_fragments_are_no_views(home: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("history.pushState(0, '', '/'); location.hash = 'part'")
    page.evaluate("history.replaceState({}, ''); track('End')")
    home.wait_for(1, "track")
    assert home.said("route") == []


def test_events_belong_to_the_route_they_happen_in(home: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("track('First'); history.pushState(0, '', '/cart'); track('Second')")
    first, second = home.wait_for(2, "track")
    (route,) = home.said("route")
    assert "page" not in first
    assert second["page"] == route["page"]


def test_fragment_is_a_route_view_where_the_tag_says_so(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(attributes="data-hash")
    page = open_page("/#/home")
    page.evaluate("location.hash = '/cart'")
    (route,) = site.wait_for(1, "route")
    assert site.said("view")[0]["url"] == site.url("/#/home")
    assert route["url"] == site.url("/#/cart")


def test_named_view_takes_the_place_of_its_route(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    page.evaluate("history.pushState(0, '', '/cart'); track.page('Cart', {items: 2})")
    page.evaluate("track.page('Cart, again')")
    rest(page, 200)
    cart, again = site.wait_for(2, "route")
    page.close()
    assert len(site.said("route")) == 2
    assert (cart["name"], cart["properties"]) == ("Cart", {"items": 2})
    assert cart["page"] != again["page"]


def test_tab_closed_right_after_a_route_still_tells_it(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    page.evaluate("history.pushState(0, '', '/last')")
    close(page)
    assert site.wait_for(1, "route")[0]["url"] == site.url("/last")


VISIT = """async ([path, token]) => {
  const html = document.documentElement;
  html.setAttribute("aria-busy", "true");
  history.pushState(0, "", path);
  await new Promise(done => setTimeout(done, 200));
  document.querySelector("meta[name=track-page]").content = token;
  html.removeAttribute("aria-busy");
}"""


def test_visit_that_brings_a_token_is_a_document_of_its_own(site: Site, open_page: Open) -> None:
    """What Turbo does: busy, the new address, later the new head."""
    site.pages["/"] = document()
    page = open_page()
    site.wait_for(1, "view")
    page.evaluate(VISIT, ["/next", "second"])
    first, second = site.wait_for(2, "view")
    page.evaluate("track('After')")
    (after,) = site.wait_for(1, "track")
    assert (second["token"], second["url"]) == ("second", site.url("/next"))
    assert second["referrer"] == site.url("/")
    assert second["load"] != first["load"]
    assert (after["token"], after["load"]) == ("second", second["load"])
    assert site.said("route") == []


def test_visit_to_a_page_without_token_ends_what_may_be_said(site: Site, open_page: Open) -> None:
    site.pages["/"] = document()
    page = open_page()
    site.wait_for(1, "view")
    page.evaluate(VISIT, ["/next", ""])
    page.wait_for_function("location.pathname == '/next'")
    rest(page, 150)
    page.evaluate("track('Lost')")
    page.close()
    assert [event["type"] for event in site.told] == ["view"]
