"""What a page's own code calls: track, page, identify, consent, ready, and marked clicks."""

from __future__ import annotations

import pytest

from tests.client.conftest import Open
from tests.client.site import PREFIX, Site, document

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture
def home(site: Site) -> Site:
    site.pages["/"] = document()
    return site


def test_track_sends_name_and_properties_as_they_were(home: Site, open_page: Open) -> None:
    open_page().evaluate(
        "const cart = {items: 2}; track('Cart Seen', cart); cart.items = 3; track('Bare')"
    )
    seen, bare = home.wait_for(2, "track")
    assert (seen["name"], seen["properties"]) == ("Cart Seen", {"items": 2})
    assert bare["name"] == "Bare"
    assert "properties" not in bare
    assert len({event["id"] for event in home.events}) == 3


def test_identify_sends_user_and_traits(home: Site, open_page: Open) -> None:
    open_page().evaluate("track.identify(7, {plan: 'pro'}); track.identify({plan: 'free'})")
    named, nameless = home.wait_for(2, "identify")
    assert (named["userId"], named["traits"]) == ("7", {"plan": "pro"})
    assert nameless["traits"] == {"plan": "free"}
    assert "userId" not in nameless


def test_what_json_cannot_say_breaks_neither_page_nor_queue(home: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("const ring = {}; ring.ring = ring; track('Ring', ring)")
    page.evaluate("track('Big', {text: 'x'.repeat(40000)}); track('Good')")
    assert [event["name"] for event in home.wait_for(1, "track")] == ["Good"]


def test_commands_given_before_the_script_are_carried_out(site: Site, open_page: Open) -> None:
    early = """<script>
      window.track = window.track || { q: [] };
      track.q.push(["track", "Early", {n: 1}], ["page", "Named"], ["Bare", {n: 2}]);
    </script>"""
    site.pages["/"] = document(head=early)
    page = open_page()
    page.evaluate("track.q.push(['track', 'Late'])")
    early_one, bare, late = site.wait_for(3, "track")
    assert (early_one["name"], early_one["properties"]) == ("Early", {"n": 1})
    assert (bare["name"], late["name"]) == ("Bare", "Late")
    assert site.said("route")[0]["name"] == "Named"
    assert site.events[0]["type"] == "view"


def test_event_named_like_a_part_of_the_global_is_an_event(home: Site, open_page: Open) -> None:
    names = ["name", "length", "q", "ready", "constructor", "toString"]
    open_page().evaluate("names => names.forEach(name => track.q.push([name]))", names)
    assert [event["name"] for event in home.wait_for(len(names), "track")] == names


def test_stub_function_is_taken_over(site: Site, open_page: Open) -> None:
    stub = (
        "<script>function track() { track.q.push(arguments) } track.q = []; track('Early')</script>"
    )
    site.pages["/"] = document(head=stub)
    page = open_page()
    page.evaluate("track('Late')")
    assert [event["name"] for event in site.wait_for(2, "track")] == ["Early", "Late"]


def test_global_of_the_host_is_left_alone(site: Site, open_page: Open) -> None:
    own = "<script>window.track = () => 'the host’s own'</script>"
    site.pages["/"] = document(head=own, body='<b data-track="Tapped">tap</b>')
    page = open_page()
    page.click("b")
    assert site.wait_for(1, "track")[0]["name"] == "Tapped"
    assert page.evaluate("track()") == "the host’s own"


def test_global_has_the_name_that_the_tag_gives_it(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(attributes='data-global="metrics"')
    page = open_page()
    page.evaluate("metrics('Renamed')")
    assert site.wait_for(1, "track")[0]["name"] == "Renamed"
    assert page.evaluate("typeof window.track") == "undefined"


def test_marked_click_is_told_with_its_properties(site: Site, open_page: Open) -> None:
    button = '<a href="/next" data-track="Plan Chosen" data-track-plan-id="7"><i>Go</i></a>'
    site.pages["/"] = document(body=button + "<p>not marked</p>")
    site.pages["/next"] = document()
    page = open_page()
    page.click("p")
    page.click("i")
    (click,) = site.wait_for(1, "track")
    assert (click["name"], click["properties"]) == ("Plan Chosen", {"plan_id": "7"})
    assert click["url"] == site.url("/")


SHADOW = """<div id="host" data-track="Host"></div><script>
  const tree = host.attachShadow({mode: "open"});
  tree.innerHTML = '<button data-track="Inner" data-track-plan-id="7"><i>in</i></button><p>bare';
</script>"""


def test_what_is_marked_in_a_shadow_tree_is_told_and_not_its_host(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document(body=SHADOW)
    page = open_page()
    page.click("p")
    page.click("i")
    page.evaluate("track('End')")
    inner, end = site.wait_for(2, "track")
    assert (inner["name"], inner["properties"]) == ("Inner", {"plan_id": "7"})
    assert end["name"] == "End"


def test_choice_is_posted_and_answered(home: Site, open_page: Open) -> None:
    page = open_page()
    held = page.evaluate("track.consent({marketing: false})")
    assert held == {"marketing": "denied"}
    (call,) = [call for call in home.calls if call.path == f"{PREFIX}/c"]
    assert call.content == {"marketing": False}
    assert page.evaluate("track.ready") is True


def test_refusal_ends_everything_at_once(home: Site, open_page: Open) -> None:
    page = open_page()
    home.wait_for(1, "view")
    page.evaluate("track('Lost'); track.consent({analytics: false}); track('Lost too')")
    home.wait(lambda: home.calls[-1].path == f"{PREFIX}/c")
    page.close()
    assert [event["type"] for event in home.told] == ["view"]


def test_grant_makes_the_page_in_view_a_view_with_the_answer_token(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document(None)
    site.answers.append((200, {"consent": {"analytics": "granted"}, "token": "granted"}))
    page = open_page()
    page.evaluate("track('Before')")
    page.evaluate("track.consent({analytics: true})")
    page.evaluate("track('After')")
    view, after = site.wait_for(2, "view", "track")
    assert (view["type"], view["token"]) == ("view", "granted")
    assert (after["name"], after["load"]) == ("After", view["load"])


def test_grant_on_a_shared_page_makes_it_a_view_with_the_answers_token(
    site: Site, open_page: Open
) -> None:
    site.pages["/"] = document("shared")
    site.answers.append((200, {"ok": 0, "stop": "consent"}))
    page = open_page()
    site.wait(lambda: site.calls)
    site.answers.append((200, {"consent": {"analytics": "granted"}, "token": "granted"}))
    page.evaluate("track.consent({analytics: true})")
    (view,) = site.wait_for(1, "view")
    assert view["token"] == "granted"
    assert [call.path[-1] for call in site.calls] == ["q", "c", "q"]


def test_last_of_two_quick_choices_holds(site: Site, open_page: Open) -> None:
    site.pages["/"] = document(None)
    site.answers.append((200, {"consent": {"analytics": "granted"}, "token": "granted"}))
    page = open_page()
    page.evaluate("track.consent({analytics: true}); track.consent({analytics: false})")
    site.wait(lambda: len(site.calls) == 2)
    page.close()
    assert [call.content for call in site.calls] == [{"analytics": True}, {"analytics": False}]
