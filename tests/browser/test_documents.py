"""A document is a view each time somebody looks at it, wherever it came from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.walk import Person, Walk
from tests.waiting import until

pytestmark = pytest.mark.needs("chromium", "gunicorn", "uvicorn", "django", "flask", "fastapi")

#: Writes down what is listened to.
LISTENS = """
const listens = EventTarget.prototype.addEventListener;
window.heard = [];
EventTarget.prototype.addEventListener = function (type, ...given) {
  window.heard.push(type);
  return listens.call(this, type, ...given);
};
"""


def test_page_is_a_view(walk: Walk, ada: Person) -> None:
    ada.opens("/x/plain")
    walk.is_counted(ada)
    (asked,) = walk.asked("/x/plain")
    assert asked["status"] == 200
    assert "private" in asked["told"]["cache-control"]


def test_reloaded_page_is_a_second_view(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/plain")
    with ada.views("/x/plain"):
        page.reload()
    walk.is_counted(ada)
    assert len(walk.asked("/x/plain")) == 2


def test_page_restored_from_the_back_forward_cache_is_a_view(walk: Walk, ada: Person) -> None:
    """Which also says that our script keeps no page out of that cache."""
    page = ada.opens("/x/plain")
    page.evaluate("() => { onpageshow = event => window.restored = event.persisted }")
    ada.follows("other", page)
    with ada.views("/x/plain"):
        page.evaluate("setTimeout(() => history.back())")
    assert page.evaluate("window.restored") is True
    with ada.views("/x/other"):
        page.evaluate("setTimeout(() => history.forward())")
    walk.is_counted(ada)
    assert len(walk.asked("/x/plain")) == 1


def test_script_listens_to_no_unload(ada: Person) -> None:
    ada.context.add_init_script(LISTENS)
    page = ada.opens("/x/plain")
    heard = set(page.evaluate("window.heard"))
    assert "pagehide" in heard
    assert heard.isdisjoint({"unload", "beforeunload"})


def test_way_back_without_that_cache_is_a_view_as_well(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/unloading")
    page.evaluate("() => { window.former = true }")
    ada.follows("other", page)
    with ada.views("/x/unloading"):
        page.evaluate("setTimeout(() => history.back())")
    assert page.evaluate("window.former") is None
    walk.is_counted(ada)


def test_page_from_the_browsers_cache_is_a_view(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/cached")
    ada.follows("other", page)
    ada.follows("cached", page)
    walk.is_counted(ada)
    assert len(walk.asked("/x/cached")) == 1


def test_page_that_has_not_changed_is_a_view(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/asks-again")
    ada.follows("other", page)
    ada.follows("asks-again", page)
    walk.is_counted(ada)
    assert [each["status"] for each in walk.asked("/x/asks-again")] == [200, 304]


def test_two_people_are_two_visitors(
    walk: Walk, ada: Person, arrives: Callable[..., Person]
) -> None:
    bob = arrives()
    for person in (ada, bob, ada):
        person.opens("/x/plain")
    walk.is_counted(ada, bob)
    assert ada.visitor != bob.visitor


def test_frame_is_no_view(walk: Walk, ada: Person) -> None:
    page = ada.opens("/x/around")
    (inside,) = page.main_frame.child_frames
    inside.click("a[id='other']")
    inside.wait_for_url("**/x/other")
    walk.is_counted(ada)
    assert [each["asked"]["sec-fetch-dest"] for each in walk.asked("/x/other")] == ["iframe"]


def test_page_is_counted_without_javascript(walk: Walk, arrives: Callable[..., Person]) -> None:
    ada = arrives(java_script_enabled=False)
    page = ada.opens("/x/plain", confirmed=False)
    ada.follows("other", page, confirmed=False)
    page.wait_for_load_state("load")
    walk.is_counted(ada)
    assert len({visitor for visitor, _ in ada.made}) == 1


def test_tab_that_is_closed_at_once_has_been_a_view(walk: Walk, ada: Person) -> None:
    ada.opens("/x/other")
    page, browser = ada.context.new_page(), ada.context.browser
    assert browser is not None
    tab = ada.context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]
    page.goto(ada.url("/x/plain"), wait_until="commit")
    # The driver's own ``close`` now and then waits for ever for a page that is still loading.
    browser.new_browser_cdp_session().send("Target.closeTarget", {"targetId": tab["targetId"]})
    until(lambda: len(walk.page_views()) >= 2, lambda: walk.seen)
    views = walk.page_views()
    assert sorted(view["context"]["page"]["path"] for view in views) == ["/x/other", "/x/plain"]
    assert {view["anonymousId"] for view in views} == {ada.visitor}
