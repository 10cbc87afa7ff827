"""One request and its response, without any framework."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tracking.site import HTML, PAGE, Browser, Site, requested, token_of
from track_middleware.errors import EventError


def test_a_first_visit_is_one_page_view_with_visitor_session_and_campaign() -> None:
    site = Site()
    ending = Browser(site).visit("/offer?utm_source=News&utm_campaign=Spring%20Sale&gclid=AbC")
    (entry,) = site.entries
    assert (entry.kind, entry.await_half) == ("view", True)
    assert entry.event is not None
    assert entry.person is not None
    assert entry.page is not None
    assert entry.event.message_id == entry.page.id == entry.event.context["page"]["id"]
    assert entry.event.anonymous_id == entry.person.visitor
    assert entry.person.fresh
    assert entry.event.context["session"]["id"] == entry.person.session
    assert entry.event.context["campaign"] == {
        "source": "News", "name": "Spring Sale", "gclid": "AbC",
    }  # fmt: skip
    assert entry.event.context["ip"] == "203.0.113.0"
    assert [cookie.name for cookie in ending.cookies] == ["_tm_v", "_tm_s"]
    assert ending.headers == (("Cache-Control", "private"),)


def test_a_returning_visitor_keeps_visitor_and_session_and_gets_no_new_cookie() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    site.now += 30
    assert browser.visit("/next").cookies == ()
    first, second = (entry.person for entry in site.entries)
    assert first is not None
    assert second is not None
    assert (first.visitor, first.session) == (second.visitor, second.session)


def test_the_session_cookie_is_renewed_after_a_minute_and_the_visitors_after_a_day() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    site.now += 61
    assert [each.name for each in browser.visit("/").cookies] == ["_tm_s"]
    site.now += 86401
    assert [each.name for each in browser.visit("/").cookies] == ["_tm_v", "_tm_s"]


@pytest.mark.parametrize(
    ("headers", "counting"),
    [
        ({"sec_purpose": "prefetch", "sec_fetch_dest": "empty"}, "shown"),
        ({"sec_purpose": "prefetch;prerender"}, "shown"),
        ({"hx_request": "true", "hx_boosted": "true", "sec_fetch_dest": "empty"}, "shown"),
        ({"sec_fetch_dest": "empty"}, "shown"),
        ({"sec_fetch_dest": "empty", "accept": "*/*"}, "shown"),
        ({"sec_fetch_dest": "iframe"}, "never"),
    ],
)
def test_what_a_browser_shows_later_leaves_a_mark_and_no_view(
    headers: dict[str, str], counting: str
) -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    browser.visit("/next", **headers)
    mark = site.entries[1]
    assert mark.kind == "mark"
    assert mark.page is not None
    assert mark.page.counting == counting


@pytest.mark.parametrize(
    "headers",
    [{"hx_request": "true"}, {"turbo_frame": "f"}, {"x_up_target": "#a"},
     {"x_requested_with": "XMLHttpRequest"}],
)  # fmt: skip
def test_a_fragment_is_neither_tagged_nor_counted(headers: dict[str, str]) -> None:
    site = Site()
    ending = Browser(site).visit("/", sec_fetch_dest="empty", **headers)
    assert ending.injector is None
    assert site.entries == []


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_page_is_tagged_but_no_view(status: int) -> None:
    site = Site()
    ending = Browser(site).visit("/gone", status=status)
    assert ending.injector is not None
    assert "view" not in site.kinds()


def test_a_prefetch_sets_no_cookie_and_makes_no_visitor() -> None:
    site = Site()
    ending = Browser(site).visit("/", sec_purpose="prefetch", sec_fetch_dest="empty")
    assert ending.cookies == ()
    assert token_of(ending) == "shared"
    assert site.entries == []


@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "public"},
        {"cache-control": "max-age=60"},
        {"cache-control": "s-maxage=1, must-revalidate"},
        {"cdn-cache-control": "max-age=60"},
        {"surrogate-control": "max-age=60"},
        {"expires": "Wed, 01 Jan 2098 00:00:00 GMT"},
    ],
)
def test_a_shareable_response_is_the_same_for_everybody(headers: dict[str, str]) -> None:
    site = Site()
    returning = Browser(site)
    returning.visit("/")
    seen = set()
    for browser in (Browser(site), returning, Browser(site, sec_gpc="1")):
        ending = browser.visit("/page", answer={**HTML, **headers})
        assert ending.cookies == ()
        assert ending.headers == ()
        assert ending.injector is not None
        seen.add(ending.injector.whole(PAGE))
    assert len(seen) == 1
    assert site.kinds() == ["view", "served", "served", "served"]


@pytest.mark.parametrize(
    "control", ["private, max-age=60", "no-store", "no-cache", "max-age=0", "public, no-store"]
)
def test_a_response_of_the_visitors_own_is_made_private(control: str) -> None:
    ending = Browser(Site()).visit("/", answer={**HTML, "cache-control": control})
    assert "private" in ending.headers[0][1]
    assert control in ending.headers[0][1]
    assert ending.cookies


def test_a_path_listed_as_shared_carries_nothing_of_anybody() -> None:
    ending = Browser(Site(shared=["/blog/*"])).visit("/blog/a")
    assert (ending.cookies, ending.headers, token_of(ending)) == ((), (), "shared")


@pytest.mark.parametrize(("method", "headers"), [
    ("POST", {"sec_fetch_site": "cross-site"}),
    ("GET", {"sec_fetch_dest": "", "accept": "*/*"}),
    ("GET", {"sec_fetch_dest": "image"}),
])  # fmt: skip
def test_only_a_navigation_makes_a_visitor(method: str, headers: dict[str, str]) -> None:
    browser = Browser(Site())
    exchange = browser.open("/", method, **headers)
    exchange.track("Called")
    assert browser.close().cookies == ()
    assert exchange.anonymous_id is None
    assert exchange.session_id is None


def test_events_without_a_visitor_share_a_one_off_id_within_their_request() -> None:
    site = Site(requests="none")
    exchange = Browser(site).open("/hook", "POST", sec_fetch_dest="")
    exchange.track("One")
    exchange.track("Two", user_id="42")
    one, two = (entry.event for entry in site.entries)
    assert one is not None
    assert two is not None
    assert one.anonymous_id == two.anonymous_id
    assert two.user_id == "42"


def test_a_redirect_keeps_the_campaign_for_the_page_behind_it() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/private?utm_source=mail", status=302, answer={"location": "/login"})
    browser.visit("/login")
    (entry,) = site.entries
    assert entry.event is not None
    assert entry.event.context["campaign"] == {"source": "mail"}


def test_verbs_in_a_request_carry_visitor_session_and_page() -> None:
    site = Site()
    browser = Browser(site)
    exchange = browser.open("/")
    event_id = exchange.track("Order Completed", {"order_id": "1001"})
    browser.close()
    entry, view = site.entries
    assert entry.event is not None
    assert view.event is not None
    assert entry.event.message_id == event_id
    assert entry.event.anonymous_id == view.event.anonymous_id
    for part in ("session", "ip", "userAgent"):
        assert entry.event.context[part] == view.event.context[part]
    assert entry.event.context["page"]["id"] == view.event.context["page"]["id"]


def test_page_names_the_view_that_the_server_counts() -> None:
    site = Site()
    browser = Browser(site)
    exchange = browser.open("/pricing")
    assert exchange.page("Pricing", {"tier": "pro"}) == exchange.page_id
    browser.close()
    (entry,) = site.entries
    assert entry.kind == "view"
    assert entry.event is not None
    assert (entry.event.name, entry.event.properties) == ("Pricing", {"tier": "pro"})


def test_a_sign_in_identifies_once_and_stays_in_the_cookie() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    browser.open("/login", "POST").signed_in("42")
    browser.close(302, {})
    browser.open("/account").signed_in("42")
    browser.close()
    assert [entry.event.type for entry in site.entries if entry.event] == [
        "page", "identify", "track", "page",
    ]  # fmt: skip
    assert site.entries[-1].event is not None
    assert site.entries[-1].event.user_id == "42"


def test_another_user_on_the_device_starts_a_new_visitor() -> None:
    site = Site(requests="none")
    browser = Browser(site)
    browser.visit("/")
    for user in ("42", "43"):
        browser.open("/").signed_in(user)
        browser.close()
    identified = [e.event for e in site.entries if e.event and e.event.type == "identify"]
    assert [event.user_id for event in identified] == ["42", "43"]
    assert len({event.anonymous_id for event in identified}) == 2


def test_a_sign_in_without_a_visitor_stitches_nobody() -> None:
    site = Site(requests="none")
    exchange = Browser(site).open("/login", "POST")
    exchange.signed_in("42")
    assert site.entries == []
    assert exchange.user_id == "42"


def test_a_sign_out_starts_a_new_visitor_that_is_not_fresh() -> None:
    site = Site()
    browser = Browser(site)
    browser.open("/").signed_in("42")
    browser.close()
    browser.open("/logout", "POST").signed_out()
    browser.close(302, {})
    browser.visit("/")
    first, last = site.entries[0], site.entries[-1]
    assert first.event is not None
    assert last.event is not None
    assert last.person is not None
    assert last.event.user_id is None
    assert last.event.anonymous_id != first.event.anonymous_id
    assert not last.person.fresh


def test_a_user_that_the_app_has_loaded_as_nobody_is_over() -> None:
    site = Site()
    browser = Browser(site)
    browser.open("/").signed_in("42")
    browser.close()
    exchange = site.tracker.open(browser.request("/"), lambda: "")
    exchange.track("Clicked")
    assert site.entries[-1].event is not None
    assert site.entries[-1].event.user_id is None
    assert exchange.user_id is None


def test_a_user_that_the_app_never_confirmed_is_not_attached_for_ever() -> None:
    site = Site(session_max=3600)
    browser = Browser(site)
    browser.open("/").signed_in("42")
    browser.close()
    site.now += 3000
    assert browser.open("/").user_id == "42"
    site.now += 700
    assert browser.open("/").user_id is None


def test_a_forged_cookie_is_a_new_visitor() -> None:
    site = Site()
    browser, other = Browser(site), Browser(site)
    browser.visit("/")
    other.cookies["_tm_v"] = browser.cookies["_tm_v"][:-2] + "xx"
    other.visit("/")
    ids = [entry.event.anonymous_id for entry in site.entries if entry.event]
    assert ids[0] != ids[1]
    assert site.entries[1].person is not None
    assert not site.entries[1].person.fresh


def test_a_cookie_is_not_taken_for_another_of_ours() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    browser.cookies["_tm_v"] = browser.cookies["_tm_s"]
    before = site.entries[0].event
    browser.visit("/")
    after = site.entries[1].event
    assert before is not None
    assert after is not None
    assert before.anonymous_id != after.anonymous_id


def test_a_rotated_key_keeps_its_visitors() -> None:
    old, new = Site(keys=("old",)), Site(keys=("old", "new"))
    browser = Browser(old)
    browser.visit("/")
    browser.site = new
    new.now += 86401
    assert browser.visit("/").cookies
    browser.site = Site(keys=("new",))
    browser.visit("/")
    ids = {e.event.anonymous_id for s in (old, new, browser.site) for e in s.entries if e.event}
    assert len(ids) == 1


def test_gpc_denies_marketing_and_by_setting_everything() -> None:
    site = Site()
    Browser(site, sec_gpc="1").visit("/")
    assert site.entries[0].consent == {"analytics": "granted", "marketing": "denied"}
    strict = Site(respect_gpc="all")
    browser = Browser(strict, sec_gpc="1")
    ending = browser.visit("/")
    assert (ending.cookies, strict.entries) == ((), [])
    assert b"<meta" not in (ending.injector.whole(PAGE) if ending.injector else b"<meta")
    assert browser.open("/").track("Clicked") is None
    assert strict.counted == [("consent", 1)]


def test_the_app_brings_a_choice_with_its_text_and_source() -> None:
    site = Site(consent="opt_in")
    Browser(site).open("/").set_consent({"analytics": True}, version="v2", source="onetrust")
    event = site.entries[0].event
    assert event is not None
    said = {"analytics": "granted", "marketing": "pending", "version": "v2", "source": "onetrust"}
    assert event.properties == said


PROGRAM = {"sec_fetch_dest": "", "accept": "*/*", "user_agent": "Payments/1.0"}


@pytest.mark.parametrize("cookieless", [False, True])
def test_what_a_program_tells_of_a_user_goes_by_the_users_own_choice(cookieless: bool) -> None:
    site = Site(consent="opt_in", cookieless=cookieless)
    exchange = Browser(site).open("/hooks/paid", "POST", **PROGRAM)
    assert (
        exchange.track("Invoice Paid", {"amount": 12}, user_id="42", event_id="paid-1") == "paid-1"
    )
    (entry,) = site.entries
    assert entry.event is not None
    assert (entry.kind, entry.consent) == ("event", None)
    assert (entry.event.user_id, entry.event.anonymous_id) == ("42", None)
    assert entry.event.context.keys() == {"library", "platform"}


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/", "GET", {}),
        ("/cart", "POST", {**PROGRAM, "sec_fetch_site": "same-origin"}),
        ("/cart", "POST", {**PROGRAM, "cookie": "sessionid=x"}),
        ("/cart", "POST", {**PROGRAM, "sec_gpc": "1"}),
        ("/cart", "POST", {**PROGRAM, "dnt": "1"}),
    ],
)
def test_what_a_person_does_who_has_not_chosen_is_not_told_as_a_users(
    path: str, method: str, headers: dict[str, str]
) -> None:
    site = Site(consent="opt_in")
    assert Browser(site).open(path, method, **headers).track("Paid", user_id="42") is None
    assert site.entries == []


def test_a_grant_that_the_app_brings_makes_the_visitor_whose_it_is() -> None:
    site = Site(consent="opt_in")
    browser = Browser(site)
    browser.open("/accept", "POST").set_consent({"analytics": True})
    browser.close(303, {})
    browser.visit("/")
    choice, view = site.entries[0].event, site.entries[-1].event
    assert choice is not None
    assert view is not None
    assert choice.anonymous_id == view.anonymous_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": "1" * 101}, {"version": 1}, {"version": "\x1b[2J"},
        {"source": ""}, {"source": "A B"}, {"source": None},
    ],
)  # fmt: skip
def test_a_choice_with_a_wrong_version_or_source_is_a_mistake_and_none(
    wrong: dict[str, Any],
) -> None:
    site = Site(consent="opt_in")
    exchange = Browser(site).open("/")
    exchange.set_consent({"analytics": True}, **wrong)
    assert (len(site.mistakes), site.entries) == (1, [])
    assert exchange.consent["analytics"] == "pending"


def test_opt_in_waits_for_the_choice_and_a_refusal_deletes_what_was_kept() -> None:
    site = Site(consent="opt_in")
    browser = Browser(site)
    assert browser.visit("/").cookies == ()
    assert site.entries == []
    browser.post("c", {"analytics": True})
    assert set(browser.cookies) == {"_tm_v", "_tm_s", "_tm_c"}
    browser.post("c", {"analytics": False})
    assert set(browser.cookies) == {"_tm_c"}
    assert browser.visit("/").cookies == ()


def test_an_excluded_path_is_left_alone_and_its_verbs_are_counted() -> None:
    site = Site(exclude=["/admin/*"])
    browser = Browser(site)
    exchange = browser.open("/admin/x")
    assert exchange.track("Clicked") is None
    ending = browser.close()
    assert (ending.cookies, ending.injector, site.entries) == ((), None, [])
    assert site.counted == [("excluded", 1)]


def test_a_following_session_is_the_same_in_five_tabs_restored_at_once() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    kept = dict(browser.cookies)
    site.now += 3600
    for _ in range(5):
        browser.cookies = dict(kept)
        browser.visit("/tab")
    sessions = {entry.person.session for entry in site.entries[1:] if entry.person}
    assert len(sessions) == 1
    assert site.entries[1].person is not None
    assert site.entries[1].person.number == 2


def test_another_campaign_starts_a_session_and_a_referrer_does_not() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/?utm_source=a")
    browser.visit("/", referer="https://www.google.com/")
    browser.visit("/?utm_source=a")
    browser.visit("/?utm_source=b")
    numbers = [entry.person.number for entry in site.entries if entry.person]
    assert numbers == [1, 1, 1, 2]
    last = site.entries[-1].event
    assert last is not None
    assert last.context["firstCampaign"] == {"source": "a"}


def test_an_articles_own_aid_neither_starts_a_session_nor_is_lost_beside_a_campaign() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    browser.visit("/?aid=5")
    browser.visit("/?aid=6&utm_source=x")
    assert [entry.person.number for entry in site.entries if entry.person] == [1, 1, 2]
    last = site.entries[-1].event
    assert last is not None
    assert last.context["campaign"] == {"aid": "6", "source": "x"}


def test_secrets_in_queries_never_leave_the_request() -> None:
    site = Site()
    Browser(site).visit("/?token=s3cr3t&a=1", referer="https://u:p@x.example/?password=hush&b=2")
    text = repr(site.entries)
    assert "s3cr3t" not in text
    assert "hush" not in text
    assert "u:p" not in text
    assert "a=1" in text
    assert "b=2" in text


def test_cookies_stay_small_however_long_the_campaign() -> None:
    site = Site()
    long = "&".join(f"utm_x{number}={'ü' * 300}" for number in range(60))
    ending = Browser(site).visit(f"/?utm_source={'s' * 900}&{long}&gclid={'g' * 900}")
    assert max(len(f"{each.name}={each.value}") for each in ending.cookies) <= 1500


@pytest.mark.parametrize("bad", [
    lambda e: e.track(""), lambda e: e.track(None), lambda e: e.track("x", [1]),
    lambda e: e.track("x", event_id=""), lambda e: e.track("x", event_id="x" * 101),
    lambda e: e.track("x", timestamp="yesterday"), lambda e: e.track("x", user_id={"id": 1}),
])  # fmt: skip
def test_a_wrong_call_is_told_and_keeps_nothing(bad: Any) -> None:
    site = Site()
    assert bad(Browser(site).open("/")) is None
    assert [type(error) for error in site.mistakes] == [EventError]
    assert site.entries == []


@pytest.mark.parametrize("nobody", ["null", "undefined", "0", "guest", " ", "None", "anonymous"])
def test_what_means_nobody_is_never_a_user(nobody: str) -> None:
    site = Site()
    Browser(site).open("/").track("Clicked", user_id=nobody)
    assert site.entries[0].event is not None
    assert site.entries[0].event.user_id is None


def test_a_full_spool_is_told_by_none() -> None:
    site = Site()
    site.full = True
    assert Browser(site).open("/").track("Clicked") is None


@pytest.mark.parametrize("header", ["content-encoding", "digest", "signature"])
def test_a_page_whose_bytes_are_fixed_is_counted_without_a_tag(header: str) -> None:
    site = Site()
    ending = Browser(site).visit("/", answer={**HTML, header: "x"})
    assert ending.injector is None
    assert [(entry.kind, entry.await_half) for entry in site.entries] == [("view", False)]


def test_an_attachment_is_no_page_view() -> None:
    site = Site()
    answer = {**HTML, "content-disposition": 'Attachment; filename="a.html"'}
    assert Browser(site).visit("/", answer=answer).injector is None
    assert site.entries == []


def test_a_site_that_counts_no_views_leaves_them_to_the_browser() -> None:
    site = Site(page_views=False)
    Browser(site).visit("/")
    (mark,) = site.entries
    assert mark.page is not None
    assert (mark.kind, mark.page.counting) == ("mark", "shown")


def test_finish_writes_once() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    assert browser.exchange is not None
    browser.exchange.finish()
    assert site.kinds() == ["view"]


@pytest.mark.parametrize(("method", "status", "setting", "expected"), [
    ("POST", 200, "changes", 1), ("GET", 503, "changes", 1), ("GET", 200, "changes", 0),
    ("HEAD", 200, "changes", 0), ("GET", 200, "all", 1), ("POST", 500, "none", 0),
])  # fmt: skip
def test_request_events_follow_their_setting(
    method: str, status: int, setting: str, expected: int
) -> None:
    site = Site(requests=setting)
    browser = Browser(site)
    browser.open("/api", method, sec_fetch_dest="", accept="*/*")
    browser.close(status, {"content-type": "application/json"})
    names = [entry.event.event for entry in site.entries if entry.event]
    assert names.count("Request") == expected


def test_the_own_paths_know_their_root_path() -> None:
    site = Site()
    request = requested("GET", "/", {"sec-fetch-dest": "document"}, root_path="/app")
    ending = site.tracker.open(request).close(200, HTML)
    assert ending.injector is not None
    assert b'src="/app/prefix00/m.js"' in ending.injector.whole(PAGE)
