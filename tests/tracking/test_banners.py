"""Other banners' cookies: what each says of our purposes, and what a change of it leaves behind."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import Browser, Site
from track_middleware.errors import SettingsError
from track_middleware.reading import load
from track_middleware.tracking.banners import banners

CLOSED = "OptanonAlertBoxClosed=2026-05-01T10:00:00.000Z"
BOTH, ANALYTICS, NEITHER = (True, True), (True, False), (False, False)


def onetrust(groups: str) -> str:
    return (
        f"OptanonConsent=isGpcEnabled=0&datestamp=Fri+May+01+2026&version=202405.2.0"
        f"&hosts=&landingPath=NotLandingPage&groups={quote(groups)}&AwaitingReconsent=false"
    )


def cookiebot(statistics: str, marketing: str) -> str:
    value = (
        "{stamp:'Ov4gD1JVnDnBaJv8K2wYQlyWlnNlT/AKO768tibZYdQGNj/EolraLw=='%2Cnecessary:true"
        f"%2Cpreferences:false%2Cstatistics:{statistics}%2Cmarketing:{marketing}"
        "%2Cmethod:'explicit'%2Cver:1%2Cutc:1740000000000%2Cregion:'fr'}"
    )
    return f"CookieConsent={value}"


def tc_string(*purposes: int, version: int = 2) -> str:
    """A core string with these purposes consented to, as the specification lays it out."""
    bits = f"{version:06b}" + "0" * 146 + "".join(str(int(n in purposes)) for n in range(1, 25))
    whole = int(bits.ljust(240, "0"), 2).to_bytes(30, "big")
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def told(header: str, *named: Any) -> tuple[bool | None, bool | None] | None:
    known = banners(named, lambda setting, given: given) or ()
    said = next(filter(None, (each.told(header) for each in known)), None)
    return said and (said.states.get("analytics"), said.states.get("marketing"))


@pytest.mark.parametrize(("header", "named", "expected"), [
    (f"{onetrust('C0001:1,C0002:1,C0003:0,C0004:0')}; {CLOSED}", "onetrust", ANALYTICS),
    (f"{CLOSED}; {onetrust('C0004:1,C0002:1')}", "onetrust", BOTH),
    (f"{onetrust('C0001:1')}; {CLOSED}", "onetrust", None),
    (f"{onetrust('C0001:1,C0002:1')}; {CLOSED}", "onetrust", (True, None)),
    (f"{onetrust('C0002:1,C0007:0')}; {CLOSED}", "onetrust?analytics=C0002,C0007&marketing=C0004",
     (False, None)),
    (onetrust("C0001:1,C0002:1,C0004:1"), "onetrust", None),
    (cookiebot("true", "false"), "cookiebot", ANALYTICS),
    (cookiebot("false", "false"), "cookiebot", NEITHER),
    ("CookieConsent=-1", "cookiebot", BOTH),
    ("CookieConsent=0", "cookiebot", NEITHER),
    ("klaro=" + quote('{"matomo":true,"ads":false}'), "klaro?analytics=matomo&marketing=ads",
     ANALYTICS),
    ("klaro=" + quote('{"matomo":true}'), "klaro?analytics=matomo&marketing=ads", (True, None)),
    ("consent=" + quote('{"matomo":true}'), "klaro?analytics=matomo&cookie=consent", (True, None)),
    ('cookie_consent="analytics=2026-06-04T03:17:01.421395|marketing=-1"', "django-cookie-consent",
     ANALYTICS),
    ("cookie_consent=stats=-1|ads=declined", "django-cookie-consent?analytics=stats&marketing=ads",
     NEITHER),
    (f"euconsent-v2={tc_string(1, 7, 8, 9)}", "tcf", ANALYTICS),
    (f"euconsent-v2={tc_string(1, 3, 4, 7, 8, 9)}.YAAAAAAAAAA", "tcf", BOTH),
    (f"euconsent-v2={tc_string(8, 9)}", "tcf", NEITHER),
    (f"eupubconsent-v2={tc_string(1)}", "tcf?cookie=eupubconsent-v2&analytics=1&marketing=2",
     ANALYTICS),
    (f"euconsent-v2={tc_string(1, 8, 9, version=1)}", "tcf", None),
])  # fmt: skip
def test_a_banners_cookie_says_what_was_chosen(
    header: str, named: str, expected: tuple[bool | None, bool | None] | None
) -> None:
    assert told(header, named) == expected
    assert told(f"a=b; {header}; c=d", named) == expected


def test_the_published_example_of_a_tc_string_is_read() -> None:
    # github.com/InteractiveAdvertisingBureau/iabtcf-es, "Encode and Decode": no purpose consented.
    assert told("euconsent-v2=COrVd1pOrVd1pACABCENAHCAAAAAAAAAAAiQAAAAAAAA", "tcf") == NEITHER
    # metacpan.org/pod/GDPR::IAB::TCFv2: purposes 1, 3, 9 and 10.
    text = "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA"
    asked = "tcf?analytics=1,3,9,10&marketing=2"
    assert told(f"euconsent-v2={text}.argAC0gAAAAAAAAAAAA", asked) == ANALYTICS


EVERY = (
    "onetrust", "cookiebot", "klaro?analytics=a&marketing=b", "django-cookie-consent", "tcf"
)  # fmt: skip
NAMES = ("OptanonConsent", "CookieConsent", "klaro", "cookie_consent", "euconsent-v2")


@pytest.mark.parametrize("value", [
    "", "null", "{}", "[]", '"', "%", "%FF%FE", "{" * 4000, "[" * 4000, "%7B" * 1300, "groups=",
    "groups=C0002", "groups=C0002:2,C0004:x", "a" * 4000, "C" * 5000, "C" * 31, "=|" * 2000, "|",
    "analytics", "analytics=", "{'statistics':maybe}", "{statistics:truely}", "true", "1",
    '{"a":1,"b":"true"}', '{"a":null}', "{statistics:true", "\x00", "é", "__proto__=2026-01-01",
    "%7B%22a%22%3Atrue%2C" + "%22a%22%3Atrue%2C" * 200, "{" + "statistics:true," * 300 + "}x",
])  # fmt: skip
def test_what_is_of_another_form_is_no_choice(value: str) -> None:
    header = "; ".join([CLOSED, *(f"{name}={value}" for name in NAMES)])
    assert told(header, *EVERY) is None


@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_no_cookie_header_breaks_a_reader(header: str) -> None:
    told(header, *EVERY, ours)
    told("; ".join(f"{name}={header}" for name in (*NAMES, "OptanonAlertBoxClosed")), *EVERY, ours)


def test_a_value_longer_than_a_cookie_is_not_looked_at() -> None:
    value = "groups=C0002:1&" + "a" * 4096
    assert told(f"OptanonConsent={value}; {CLOSED}", "onetrust") is None


def test_the_first_banner_that_says_something_counts() -> None:
    header = f"CookieConsent=0; euconsent-v2={tc_string(1, 8, 9)}"
    assert told(header, "onetrust", "tcf", "cookiebot") == ANALYTICS


def ours(cookies: Mapping[str, str]) -> dict[str, bool] | None:
    said = cookies.get("house")
    return None if said is None else {"analytics": said == "yes", "other": True}


def test_a_function_of_the_sites_own_is_a_banner() -> None:
    assert told("house=yes; house=no", ours) == (True, None)
    assert told("house=no", ours) == (False, None)
    assert told("hut=no", ours) is None


@pytest.mark.parametrize("answer", [5, "granted", [], {"analytics": 1}, {"else": True}])
def test_a_function_that_answers_otherwise_says_nothing(answer: object) -> None:
    assert told("a=b", lambda cookies: answer) is None


@pytest.mark.parametrize("named", [
    "onetrus", "klaro", "onetrust?analytic=C0002", "tcf?analytics=1&analytics=2",
    "onetrust?analytics=&marketing=", "klaro?analytics=a&cookie=a;b",
])  # fmt: skip
def test_a_banner_that_cannot_be_read_is_told_at_start(named: str) -> None:
    with pytest.raises(SettingsError, match="banners"):
        Site(banners=[named])


def test_a_dotted_path_may_be_a_banner_and_an_unknown_name_may_not() -> None:
    assert load({"banners": ["shop.consent.chosen", ours]}, {}).banners
    with pytest.raises(SettingsError, match="klar"):
        load({"banners": ["klar"]}, {})


# What a banner's word does to a visitor.


def changes(site: Site) -> list[tuple[str, str, str]]:
    found = []
    for entry in site.entries:
        if entry.kind == "choice":
            assert entry.event is not None
            said: Any = entry.event.properties
            found.append((said["source"], said["analytics"], said["marketing"]))
    return found


def test_before_a_choice_an_opt_in_site_does_nothing_and_after_it_counts() -> None:
    site = Site(banners=["cookiebot"], consent="opt_in")
    browser = Browser(site)
    browser.visit("/")
    assert (browser.cookies, site.entries) == ({}, [])
    browser.cookies["CookieConsent"] = cookiebot("true", "false").partition("=")[2]
    browser.visit("/")
    browser.visit("/again")
    assert browser.cookies.keys() == {"CookieConsent", "_tm_c", "_tm_v", "_tm_s"}
    assert changes(site) == [("cookiebot", "granted", "denied")]
    assert site.kinds() == ["choice", "view", "view"]


def test_a_withdrawal_in_the_banner_deletes_our_cookies_and_is_recorded_once() -> None:
    site = Site(banners=["cookiebot"])
    browser = Browser(site)
    browser.visit("/")
    visitor = site.entries[-1].event
    browser.cookies["CookieConsent"] = "0"
    browser.visit("/")
    browser.visit("/")
    assert browser.cookies.keys() == {"CookieConsent", "_tm_c"}
    assert changes(site) == [("cookiebot", "denied", "denied")]
    record = site.entries[-1].event
    assert record is not None
    assert visitor is not None
    assert record.anonymous_id == visitor.anonymous_id


def test_every_change_of_the_banners_mind_is_a_choice() -> None:
    site = Site(banners=["cookiebot"])
    browser = Browser(site)
    ids = set()
    for value in ("-1", "0", "-1", "-1", "0"):
        browser.cookies["CookieConsent"] = value
        browser.visit("/")
        site.now += 5
    assert [said for _, said, _ in changes(site)] == ["granted", "denied", "granted", "denied"]
    ids = {entry.event.message_id for entry in site.entries if entry.event}
    assert len(ids) == len([entry for entry in site.entries if entry.event])


def test_requests_that_bring_one_choice_at_once_make_one_record() -> None:
    site = Site(banners=["cookiebot"])
    browser = Browser(site)
    browser.visit("/")
    browser.cookies["CookieConsent"] = "-1"
    before = dict(browser.cookies)
    browser.visit("/")
    browser.cookies = before
    browser.visit("/other")
    records = [
        entry.event.message_id for entry in site.entries if entry.kind == "choice" and entry.event
    ]
    assert len(records) == 2
    assert len(set(records)) == 1


def test_gpc_stands_over_a_banners_grant() -> None:
    site = Site(banners=["cookiebot"], respect_gpc="all")
    browser = Browser(site, sec_gpc="1")
    browser.cookies["CookieConsent"] = "-1"
    browser.visit("/")
    assert browser.cookies.keys() == {"CookieConsent", "_tm_c"}
    assert [entry.kind for entry in site.entries] == ["choice"]


def test_a_refusal_made_with_us_holds_until_the_banner_says_something_new() -> None:
    site = Site(banners=["cookiebot"])
    browser = Browser(site)
    browser.cookies["CookieConsent"] = "-1"
    browser.visit("/")
    browser.post("c", {"analytics": False, "marketing": False})
    browser.visit("/")
    assert "_tm_v" not in browser.cookies
    browser.cookies["CookieConsent"] = cookiebot("true", "false").partition("=")[2]
    browser.visit("/")
    assert "_tm_v" in browser.cookies


def test_a_choice_that_the_page_told_us_first_is_recorded_once() -> None:
    site = Site(banners=["cookiebot"], consent="opt_in")
    browser = Browser(site)
    browser.visit("/")
    browser.cookies["CookieConsent"] = cookiebot("true", "false").partition("=")[2]
    browser.post("c", {"analytics": True, "marketing": False})
    browser.visit("/next")
    assert [entry.kind for entry in site.entries].count("choice") == 1


def test_the_script_of_a_page_from_a_shared_cache_learns_it_from_the_collector() -> None:
    site = Site(banners=["cookiebot"])
    browser = Browser(site)
    browser.cookies["CookieConsent"] = "0"
    ending = browser.visit("/", answer={"content-type": "text/html", "cache-control": "public"})
    assert (ending.cookies, changes(site)) == ((), [])
    reply = browser.post("q", {"v": 1, "ask": True, "events": []})
    assert b'"stop":"consent"' in reply.body
    assert changes(site) == [("cookiebot", "denied", "denied")]


def test_a_banner_that_says_nothing_any_more_leaves_what_was_last_chosen() -> None:
    site = Site(banners=["cookiebot"])
    browser = Browser(site)
    browser.cookies["CookieConsent"] = "0"
    browser.visit("/")
    del browser.cookies["CookieConsent"]
    browser.visit("/")
    assert "_tm_v" not in browser.cookies


def test_an_excluded_page_takes_no_choice() -> None:
    site = Site(banners=["cookiebot"], exclude=["/admin*"])
    browser = Browser(site)
    browser.cookies["CookieConsent"] = "0"
    assert browser.visit("/admin").cookies == ()
    assert site.entries == []


def test_an_old_grant_in_another_banners_cookie_is_no_news_when_a_refusal_runs_out() -> None:
    site = Site(consent="opt_in", banners=["klaro?analytics=m&marketing=a", "cookiebot"])
    browser = Browser(site)
    browser.cookies["CookieConsent"] = cookiebot("true", "true").partition("=")[2]
    browser.visit("/")
    browser.cookies["klaro"] = quote('{"m":false,"a":false}')
    browser.visit("/")
    del browser.cookies["klaro"]
    before = len(site.entries)
    browser.visit("/")
    assert browser.exchange is not None
    assert browser.exchange.consent == {"analytics": "denied", "marketing": "denied"}
    assert len(site.entries) == before


def test_of_what_stood_behind_the_first_banner_only_another_word_is_news() -> None:
    site = Site(consent="opt_in", banners=["klaro?analytics=m&marketing=a", "cookiebot"])
    browser = Browser(site)
    browser.cookies["CookieConsent"] = cookiebot("true", "true").partition("=")[2]
    browser.cookies["klaro"] = quote('{"m":false,"a":false}')
    browser.visit("/")
    del browser.cookies["klaro"]
    browser.cookies["CookieConsent"] = cookiebot("true", "false").partition("=")[2]
    browser.visit("/")
    assert browser.exchange is not None
    assert browser.exchange.consent == {"analytics": "granted", "marketing": "denied"}
