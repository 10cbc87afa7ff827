"""The rules of two halves, as a table of values."""

from __future__ import annotations

import msgspec
import pytest

from track_middleware.delivery import pages
from track_middleware.event import Event, PageRef, Person, derived_page_id, wire_id

PAGE = "5b1c7d52-8f0e-4b4e-9c9e-1f2a3b4c5d6e"
ONE, TWO = "1" * 32, "2" * 32


def ref(load=None, *, made=1000.0, counting="counted") -> PageRef:
    return PageRef(PAGE, made, counting, load=load)


def person(visitor="v", **more) -> Person:
    return Person(visitor, **{"session": "s", "start": 900.0, **more})


@pytest.mark.parametrize(
    ("bound", "load", "happened", "use"),
    [
        (None, ONE, 1001.0, "binds"),
        (None, ONE, 1000.0 + pages.LATE, "binds"),
        (None, ONE, 1001.0 + pages.LATE, "own"),
        (ONE, ONE, 1001.0, "repeats"),
        (ONE, ONE, 1001.0 + pages.LATE, "repeats"),
        (ONE, TWO, 1001.0, "own"),
        (pages.EXPIRED, TWO, 1001.0 + pages.LATE, "own"),
        (pages.EXPIRED, TWO, 1001.0, "binds"),
    ],
)
def test_a_token_confirms_one_view(bound, load, happened, use):
    assert pages.use(ref(load), ref(bound), happened) == use


def test_a_token_whose_page_is_unknown_is_bound_by_its_first_load():
    first = ref(ONE)
    assert pages.use(first, first, 1001.0) == "binds"
    assert pages.use(first, first, 1001.0 + pages.LATE) == "own"


@pytest.mark.parametrize(
    ("bound", "load", "page"),
    [
        (None, ONE, PAGE),
        (ONE, ONE, PAGE),
        (ONE, TWO, derived_page_id(PAGE, TWO)),
        (pages.EXPIRED, ONE, derived_page_id(PAGE, ONE)),
    ],
)
def test_the_load_says_which_view_an_event_happened_in(bound, load, page):
    assert pages.page_id(ref(load), bound) == page


def test_a_route_has_the_scripts_id_within_its_load():
    event = Event("m", "page", "", context={"page": {"id": "route"}})
    assert pages.browser_page_id(event, ref(ONE), ONE, ONE) == wire_id(ONE, "route")


def test_every_event_of_a_load_without_token_happened_in_one_view():
    view, click = Event("view-1", "page", ""), Event("click-1", "track", "")
    assert pages.browser_page_id(view, None, None, ONE) == pages.browser_page_id(
        click, None, None, ONE
    )


@pytest.mark.parametrize(
    ("cookie", "page", "accepted", "whose"),
    [
        (person("a"), None, 1001.0, "a"),
        (None, person("b"), 1001.0, "b"),
        (None, None, 1001.0, None),
        (person("a"), person("b"), 1001.0, "b"),
        (person("a"), person("b"), 1001.0 + pages.REMEMBERED, "a"),
        (None, person("b"), 1001.0 + pages.REMEMBERED, None),
    ],
)
def test_whose_a_browser_event_is(cookie, page, accepted, whose):
    owner = pages.owner(cookie, page, made=1000.0, accepted=accepted, happened=1000.5)
    assert (owner.visitor if owner else None) == whose


def test_a_sign_in_by_fetch_counts_where_the_visitor_is_the_pages():
    owner = pages.owner(person(user="42"), person(), made=1000.0, accepted=1001.0, happened=1000.5)
    assert owner is not None
    assert owner.user == "42"


@pytest.mark.parametrize(("happened", "session"), [(1999.0, "old"), (2000.0, "new")])
def test_the_session_follows_from_the_events_time(happened, session):
    cookie, page = person(session="new", start=2000.0), person(session="old", start=900.0)
    owner = pages.owner(cookie, page, made=1000.0, accepted=2100.0, happened=happened)
    assert owner is not None
    assert owner.session == session


def test_leaving_a_page_belongs_to_the_pages_session():
    cookie, page = person(session="new", start=2000.0), person(session="old", start=900.0)
    left = pages.leaving(cookie, page)
    assert left is not None
    assert (left.session, left.start) == ("old", 900.0)


FRESH = {"fresh": True, "minted": 1000.0}


@pytest.mark.parametrize(
    ("cookie", "page", "at", "same"),
    [
        (FRESH, FRESH, 1060.0, True),
        (FRESH, FRESH, 1061.0, False),
        ({**FRESH, "fresh": False}, FRESH, 1001.0, False),
        (FRESH, {**FRESH, "fresh": False}, 1001.0, False),
        ({**FRESH, "user": "42"}, FRESH, 1001.0, False),
        (FRESH, {**FRESH, "user": "42"}, 1001.0, False),
        (FRESH, {**FRESH, "minted": 900.0}, 1001.0, False),
    ],
)
def test_two_tabs_of_a_first_visit_are_one_browser(cookie, page, at, same):
    one, other = person("a", **cookie), person("b", **page)
    assert pages.same_browser(one, other, made=1000.0, at=at) is same


def test_a_visitor_is_not_joined_with_itself():
    assert not pages.same_browser(person(**FRESH), person(**FRESH), made=1000.0, at=1001.0)


@pytest.mark.parametrize(
    ("whose", "known", "accepted", "waits"),
    [
        (None, False, 1001.0, True),
        (None, True, 1001.0, False),
        (person(), False, 1001.0, False),
        (None, False, 1001.0 + pages.REMEMBERED, False),
    ],
)
def test_a_browser_event_waits_for_a_row_that_may_come(whose, known, accepted, waits):
    assert pages.is_waited_for(whose, known=known, made=1000.0, accepted=accepted) is waits


def test_the_servers_word_stands_and_the_browser_fills_in():
    server = Event(
        "m", "page", "t", anonymous_id="v", user_id="42",
        context={"page": {"status": 200, "referrer": "a", "title": None}, "platform": "server"},
    )  # fmt: skip
    browser = Event(
        "x", "page", "u", anonymous_id="w",
        context={"page": {"referrer": "b", "title": "Shop"}, "timezone": "Europe/Berlin"},
    )  # fmt: skip
    whole = pages.merged(server, browser)
    assert (whole.message_id, whole.timestamp, whole.anonymous_id) == ("m", "t", "v")
    assert whole.context == {
        "page": {"status": 200, "referrer": "a", "title": "Shop"},
        "platform": "server", "timezone": "Europe/Berlin",
    }  # fmt: skip


def test_merging_leaves_both_halves_as_they_were():
    server = Event("m", "page", "t", context={"page": {"status": 200}})
    browser = Event("x", "page", "u", context={"page": {"title": "Shop"}})
    before = [msgspec.json.encode(each) for each in (server, browser)]
    pages.merged(server, browser)
    assert [msgspec.json.encode(each) for each in (server, browser)] == before


def test_a_view_says_whether_a_browser_confirmed_it():
    seen = pages.view(Event("m", "page", "t"), page=PAGE, confirmed=False)
    assert seen.message_id == PAGE
    assert seen.context == {"page": {"id": PAGE, "confirmed": False}}


def test_a_claimed_user_counts_only_beside_the_cookies_own_visitor():
    event = Event("m", "track", "t", user_id="claimed")
    own = pages.attributed(event, person("a"), page=PAGE, cookie=person("a"))
    foreign = pages.attributed(event, person("b", user="b's"), page=PAGE, cookie=person("a"))
    assert (own.user_id, foreign.user_id) == ("claimed", "b's")


def test_nobodys_event_has_a_one_off_id_that_stays_the_same():
    one, again, other = (
        pages.attributed(Event(name, "track", "t"), None, page=PAGE, cookie=None)
        for name in ("m", "m", "n")
    )
    assert one.anonymous_id == again.anonymous_id != other.anonymous_id
    assert one.user_id is None


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://shop.example/a/b?c=1#d", "/a/b?c=1"),
        ("https://shop.example", "/"),
        ("/a/b?c=1", "/a/b?c=1"),
        ("/a#b", "/a"),
    ],
)
def test_halves_find_each_other_by_path_and_query(url, place):
    assert pages.place(url) == place
