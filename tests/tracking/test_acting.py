"""Who speaks: users the app signs in or loads, operators who act as them, and other people."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tracking.site import HTML, Browser, Site
from track_middleware.event import Event, lenient_encoder
from track_middleware.tracking.exchange import Exchange


def events(site: Site, *labels: str) -> list[Event]:
    """The events of these names, all without any."""
    found = [entry.event for entry in site.entries if entry.event]
    return [event for event in found if not labels or event.label in labels]


def signed_in(site: Site, user: str) -> Browser:
    """A browser whose user has signed in; what that left is taken away."""
    browser = Browser(site)
    browser.open("/").signed_in(user)
    browser.close()
    site.entries.clear()
    return browser


# Users.


def test_a_sign_in_says_that_it_was_one() -> None:
    site = Site(requests="none")
    browser = Browser(site)
    browser.open("/").signed_in("ann")
    browser.close()
    said = {e.event.type: e.how for e in site.entries if e.event}
    assert said == {"identify": "sign_in", "page": None}


def test_the_user_id_setting_outranks_the_frameworks_signal() -> None:
    site = Site(requests="none")
    browser = Browser(site)
    exchange = site.tracker.open(browser.request("/"), lambda: "uuid-of-ann")
    exchange.signed_in("5")
    exchange.close(200, HTML)
    assert [event.user_id for event in events(site, "Identify")] == ["uuid-of-ann"]


def test_who_signs_up_is_not_ended_by_the_nobody_that_the_request_came_with() -> None:
    site = Site()
    exchange = site.tracker.open(Browser(site).request("/"), lambda: "")
    exchange.identify("ann")
    exchange.track("Signed Up")
    assert exchange.user_id == "ann"
    assert [event.user_id for event in events(site)] == ["ann", "ann"]


def test_a_sign_out_of_nobody_keeps_the_visitor() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    before = browser.open("/").anonymous_id
    browser.open("/logout", "POST").signed_out()
    browser.close(302, {})
    assert browser.open("/").anonymous_id == before


def test_a_sign_out_of_a_user_whom_the_cookie_does_not_know_starts_a_new_visitor() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    before = browser.open("/").anonymous_id
    browser.open("/logout", "POST").signed_out("ann")
    browser.close(302, {})
    assert browser.open("/").anonymous_id != before


def test_a_reset_outranks_the_user_that_the_request_came_with() -> None:
    site = Site(requests="none")
    browser = signed_in(site, "ann")
    before = browser.open("/").anonymous_id
    browser.exchange = site.tracker.open(browser.request("/logout", "POST"), lambda: "ann")
    browser.exchange.reset()
    browser.close(200, {})
    assert not events(site, "Identify")
    after = browser.open("/")
    assert (after.user_id, after.anonymous_id == before) == (None, False)


def test_who_is_named_outranks_the_user_that_the_request_came_with() -> None:
    site = Site(requests="none")
    browser = signed_in(site, "ann")
    browser.exchange = site.tracker.open(browser.request("/login", "POST"), lambda: "ann")
    browser.exchange.identify("bob")
    browser.exchange.track("Signed In")
    browser.close(200, {})
    assert [(event.label, event.user_id) for event in events(site)] == [
        ("Identify", "bob"),
        ("Signed In", "bob"),
    ]
    assert browser.open("/").user_id == "bob"


# What is said of somebody else.


def test_what_staff_says_of_a_customer_is_not_on_the_staffs_visitor() -> None:
    site = Site()
    staff = signed_in(site, "staff")
    exchange = staff.open("/orders/1", "POST")
    assert exchange.track("Order Shipped", user_id="ann")
    (entry,) = site.entries
    assert entry.event is not None
    assert (entry.event.user_id, entry.event.anonymous_id) == ("ann", None)
    assert "session" not in entry.event.context
    assert "page" not in entry.event.context
    assert entry.consent is None, "it is the customer's, which the worker knows"
    assert exchange.user_id == "staff"


def test_what_is_said_of_the_users_own_id_stays_on_the_visitor() -> None:
    site = Site()
    browser = signed_in(site, "ann")
    exchange = browser.open("/orders/1", "POST")
    exchange.track("Order Completed", user_id="ann")
    (event,) = events(site)
    assert (event.user_id, event.anonymous_id) == ("ann", exchange.anonymous_id)


def test_a_visitor_without_a_user_gets_the_one_that_a_verb_names() -> None:
    site = Site()
    browser = Browser(site)
    exchange = browser.open("/")
    exchange.track("Signed Up", user_id="ann")
    (event,) = events(site)
    assert (event.user_id, event.anonymous_id) == ("ann", exchange.anonymous_id)


# Operators.

VERBS: list[Callable[[Exchange], object]] = [
    lambda e: e.track("Order Completed"),
    lambda e: e.track("Order Completed", user_id="ann"),
    lambda e: e.page("Pricing"),
    lambda e: e.identify("ann", {"plan": "pro"}),
    lambda e: e.group("acme"),
    lambda e: e.alias("ann"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_a_suspended_impersonation_leaves_nothing(verb: Callable[[Exchange], object]) -> None:
    site = Site(requests="all")
    browser = signed_in(site, "staff")
    cookies = dict(browser.cookies)
    site.now += 90_000
    exchange = browser.open("/account")
    exchange.signed_in("ann")
    exchange.impersonating("staff")
    assert verb(exchange) is None
    ending = browser.close()
    assert site.entries == []
    assert (ending.cookies, ending.headers, ending.injector) == ((), (), None)
    assert browser.cookies == cookies


@pytest.mark.parametrize("verb", VERBS)
def test_a_separate_impersonation_never_names_user_and_visitor_together(
    verb: Callable[[Exchange], object],
) -> None:
    site = Site(impersonation="separate", requests="all")
    browser = signed_in(site, "staff")
    own = browser.open("/").anonymous_id
    exchange = browser.open("/account")
    exchange.signed_in("ann")
    exchange.impersonating("staff")
    verb(exchange)
    browser.close()
    assert site.entries
    for event in events(site):
        assert event.anonymous_id != own
        assert event.user_id == "staff" or event.anonymous_id is None


def test_a_separate_impersonation_is_one_visitor_in_one_session() -> None:
    site = Site(impersonation="separate")
    browser = signed_in(site, "staff")
    for _ in range(2):
        browser.open("/account").impersonating("staff")
        browser.close()
        site.now += 30
    people = {
        (e.person.visitor, e.person.session, e.person.number) for e in site.entries if e.person
    }
    assert len(people) == 1
    assert {event.user_id for event in events(site)} == {"staff"}


def test_after_an_impersonation_the_operator_is_who_they_were() -> None:
    for setting in ("suspend", "separate"):
        site = Site(impersonation=setting, requests="none")
        browser = signed_in(site, "staff")
        before = browser.open("/")
        mine = (before.anonymous_id, before.session_id, before.user_id)
        acting = browser.open("/account")
        acting.signed_in("ann")
        acting.impersonating("staff")
        browser.close()
        browser.open("/back", "POST").signed_in("staff")
        browser.close(302, {})
        after = browser.open("/")
        assert (after.anonymous_id, after.session_id, after.user_id) == mine
        assert not events(site, "Identify")


def test_a_session_that_lasts_over_an_impersonation_is_prolonged_by_it() -> None:
    site = Site(impersonation="separate")
    browser = signed_in(site, "staff")
    session = browser.open("/").session_id
    for _ in range(3):
        site.now += 1700
        browser.open("/account").impersonating("staff")
        browser.close()
    site.now += 1700
    assert browser.open("/").session_id == session


def test_an_operator_whom_nobody_names_is_whom_the_visitor_was_told_of() -> None:
    site = Site(impersonation="separate")
    browser = signed_in(site, "staff")
    browser.open("/account").impersonating("")
    browser.close()
    assert [event.user_id for event in events(site)] == ["staff"]
    stranger = Browser(site)
    stranger.open("/account").impersonating("")
    stranger.close()
    assert events(site)[-1].user_id is None


def test_an_operator_who_is_nobodys_id_breaks_no_page() -> None:
    site = Site(impersonation="separate")
    browser = signed_in(site, "staff")
    browser.open("/account").impersonating({"id": 1})
    browser.close()
    assert [event.user_id for event in events(site)] == ["staff"]
    assert len(site.mistakes) == 1


def test_saying_that_nobody_impersonates_changes_nothing() -> None:
    site = Site(impersonation="separate")
    browser = signed_in(site, "ann")
    exchange = browser.open("/")
    before = exchange.anonymous_id
    exchange.impersonating("staff")
    exchange.impersonating(None)
    assert exchange.anonymous_id == before
    Browser(site).open("/").impersonating(None)


@pytest.mark.parametrize("setting", ["suspend", "separate"])
def test_the_way_back_may_sign_the_other_out_first(setting: str) -> None:
    site = Site(impersonation=setting)
    browser = signed_in(site, "staff")
    before = browser.open("/").anonymous_id
    exchange = browser.open("/back", "POST")
    exchange.impersonating("staff")
    exchange.signed_out("ann")
    exchange.signed_in("staff")
    browser.close(302, {})
    after = browser.open("/")
    assert (after.anonymous_id, after.user_id) == (before, "staff")


def test_a_refusal_meanwhile_deletes_the_operators_cookies() -> None:
    site = Site(impersonation="separate")
    browser = signed_in(site, "staff")
    exchange = browser.open("/account", "POST")
    exchange.impersonating("staff")
    exchange.set_consent({"analytics": False})
    browser.close(200, {})
    assert list(browser.cookies) == ["_tm_c"]


def test_pages_of_an_impersonation_are_marked_as_the_operators() -> None:
    site = Site(impersonation="separate")
    browser = signed_in(site, "staff")
    browser.open("/account").impersonating("staff")
    browser.close()
    (view,) = [entry for entry in site.entries if entry.kind == "view"]
    assert view.person is not None
    assert view.event is not None
    assert view.person.visitor == view.event.anonymous_id
    assert (view.person.user, view.person.fresh) == ("staff", False)


# Traits.

GIVEN = {"plan": "pro", "email": "ann@mail.example", "plan2": {"plan": "x"}}


def _beacon(**message: object) -> dict[str, object]:
    return {
        "v": 1,
        "sent": 1.8e12,
        "events": [{"id": "i1", "load": "0" * 32, "at": 1.8e12, **message}],
    }


def _phone(site: Site, **message: object) -> None:
    Browser(site).post("v1/batch", {"batch": [{"userId": "ann", **message}], "writeKey": "wk"})


WAYS: dict[str, Callable[[Site], object]] = {
    "identify in a request": lambda site: Browser(site).open("/").identify("ann", GIVEN),
    "identify elsewhere": lambda site: site.tracker.identify("ann", GIVEN),
    "identify of somebody else": lambda site: (
        signed_in(site, "bob").open("/").track("Seen", user_id="ann", context={"traits": GIVEN})
    ),
    "group in a request": lambda site: Browser(site).open("/").group("acme", GIVEN),
    "group elsewhere": lambda site: site.tracker.group("acme", GIVEN, user_id="ann"),
    "the context of a request": lambda site: (
        Browser(site).open("/").track("Seen", context={"traits": GIVEN})
    ),
    "a context elsewhere": lambda site: site.tracker.track("Seen", context={"traits": GIVEN}),
    "a browser": lambda site: Browser(site).post("q", _beacon(type="identify", traits=GIVEN)),
    "a phone's identify": lambda site: _phone(site, type="identify", traits=GIVEN),
    "a phone's context": lambda site: _phone(site, type="identify", context={"traits": GIVEN}),
    "a phone's group": lambda site: _phone(site, type="group", groupId="acme", traits=GIVEN),
    "around a phone's batch": lambda site: Browser(site).post(
        "v1/batch",
        {
            "batch": [{"type": "track", "event": "Seen", "userId": "ann"}],
            "context": {"traits": GIVEN},
            "writeKey": "wk",
        },
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_allow_list_of_traits_holds_for_every_way_in(way: str) -> None:
    site = Site(traits=["plan"], write_keys={"wk": "ios"})
    WAYS[way](site)
    (event,) = events(site)
    held = [event.traits, (event.context or {}).get("traits")]
    assert [each for each in held if each] == [{"plan": "pro"}]
    assert b"mail.example" not in lenient_encoder.encode(site.entries[0])


@pytest.mark.parametrize("way", WAYS)
def test_without_an_allow_list_all_traits_are_kept(way: str) -> None:
    site = Site(write_keys={"wk": "ios"})
    WAYS[way](site)
    (event,) = events(site)
    assert (event.traits or event.context["traits"]) == GIVEN


SET: dict[str, Callable[[Site], object]] = {
    "a request": lambda site: Browser(site).open("/").track("Seen", {"$set": GIVEN, "n": 1}),
    "elsewhere": lambda site: site.tracker.track("Seen", {"$set_once": GIVEN, "n": 1}),
    "a browser": lambda site: Browser(site).post(
        "q", _beacon(type="track", name="Seen", properties={"$set": GIVEN, "n": 1})
    ),
    "a phone": lambda site: _phone(
        site, type="track", event="Seen", properties={"$set": GIVEN, "$set_once": "x", "n": 1}
    ),
}


@pytest.mark.parametrize("way", SET)
def test_the_allow_list_holds_for_properties_that_posthog_takes_for_traits(way: str) -> None:
    site = Site(traits=["plan"], write_keys={"wk": "ios"})
    SET[way](site)
    (event,) = events(site)
    said = dict(event.properties)
    assert said.pop("n") == 1
    assert [*said.values()] == [{"plan": "pro"}]
