"""Former tools' visitors: who was known there is the same visitor here, from the first visit on."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import HTML, Browser, Site
from track_middleware.errors import SettingsError
from track_middleware.tracking.migration import migrated, tools

FORMER = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
LATER = "019b7700-0000-7000-8000-00000000d001"
ALL = ("segment", "ahoy", "matomo", "ga4", "mixpanel", "amplitude", "posthog", "heap",
       "rudderstack", "snowplow")  # fmt: skip


def said(**members: Any) -> str:
    return quote(json.dumps(members, separators=(",", ":")), safe="")


AMPLITUDE = base64.b64encode(said(deviceId=FORMER, sessionId=1).encode()).decode()
RUDDER = "RS_ENC_v3_" + base64.b64encode(f'"{FORMER}"'.encode()).decode()
COOKIES = [
    ("segment", "ajs_anonymous_id", FORMER, FORMER),
    ("segment", "ajs_anonymous_id", f"%22{FORMER}%22", FORMER),
    ("ahoy", "ahoy_visitor", FORMER, FORMER),
    ("matomo", "_pk_id.1.1fff", "5f2504e04f8941d3.1700000000.", "5f2504e04f8941d3"),
    ("matomo", "_pk_id.1.1fff", "5f2504e04f8941d3.1700000000.3.1700000100.1700000050.",
     "5f2504e04f8941d3"),
    ("ga4", "_ga", "GA1.1.1234567890.1700000000", "1234567890.1700000000"),
    ("mixpanel", "mp_TOKEN_mixpanel", said(**{"$device_id": FORMER}), FORMER),
    ("mixpanel", "mp_TOKEN_mixpanel", said(distinct_id=f"$device:{FORMER}"), FORMER),
    ("amplitude", "AMP_0123456789", AMPLITUDE, FORMER),
    ("posthog", "ph_KEY_posthog", said(distinct_id=LATER, **{"$device_id": LATER}), LATER),
    ("heap", "_hp2_id.77", said(userId="1234567890123456"), "1234567890123456"),
    ("rudderstack", "rl_anonymous_id", RUDDER, FORMER),
    ("snowplow", "_sp_id.1fff", f"{FORMER}.1700000000.3.1700000100.1700000050.{LATER}", FORMER),
]  # fmt: skip


def arrived(name: str, value: str, **settings: Any) -> tuple[Browser, str, str | None]:
    """A first visit with a former tool's cookie: the browser, the visitor, what the event says."""
    site = Site(**settings)
    browser = Browser(site)
    browser.cookies["other"] = "1"
    browser.cookies[name] = value
    browser.visit("/")
    (entry,) = site.entries
    assert entry.event is not None
    context: Any = entry.event.context
    return browser, entry.event.anonymous_id or "", context.get("migrated")


@pytest.mark.parametrize(("tool", "name", "value", "expected"), COOKIES)
def test_a_former_tools_visitor_is_the_same_visitor_here(
    tool: str, name: str, value: str, expected: str
) -> None:
    browser, visitor, from_whom = arrived(name, value, migrate_cookies=[tool])
    assert (visitor, from_whom) == (expected, tool)
    site = browser.site
    browser.cookies[name] = "gone"
    browser.visit("/next")
    event = site.entries[-1].event
    assert event is not None
    assert event.anonymous_id == expected
    assert "migrated" not in (event.context or {})


@pytest.mark.parametrize("name", ["ajs_anonymous_id", "ahoy_visitor", "_pk_id", "_ga"])
def test_a_tool_may_be_named_by_its_cookie(name: str) -> None:
    cookie, value, expected = next(
        (cookie, value, expected)
        for _, cookie, value, expected in COOKIES
        if cookie.startswith(name)
    )
    assert arrived(cookie, value, migrate_cookies=[name])[1] == expected


@pytest.mark.parametrize("value", [
    "null", "undefined", "guest", "anonymous", "0", "", "%22%22", "test", "a" * 36, "x" * 3000,
    "00000000-0000-0000-0000-000000000000", "11111111-1111-1111-1111-111111111111", f"{FORMER}x",
    f"{FORMER}\n", "<script>", "GA1.1.0.0", "GA1.1.1.1", "GA1.1.x.1700000000", "%00", "{}",
    "{" * 900, "0000000000000000.1700000000", "5f2504e04f8941d3", "%FF%FE",
    said(distinct_id="ann@example.com"),
    said(distinct_id="42", **{"$device_id": None}), said(userId="guest"), said(deviceId="null"),
    quote('{"distinct_id":' * 200), "é" * 20,
])  # fmt: skip
def test_what_no_tool_makes_is_nobody(value: str) -> None:
    for _, name, _, _ in COOKIES:
        _, visitor, from_whom = arrived(name, value, migrate_cookies=list(ALL))
        assert visitor.startswith("00000000-0000-4000-a000-")  # one of this site's own making
        assert from_whom is None


@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_no_cookie_header_breaks_a_reader(header: str) -> None:
    known = tools(ALL, ()) or ()
    migrated(header, known, None)
    migrated("; ".join(f"{name}={header}" for _, name, _, _ in COOKIES), known, None)


def test_without_the_setting_no_former_cookie_is_looked_at() -> None:
    _, visitor, from_whom = arrived("ajs_anonymous_id", FORMER)
    assert (visitor == FORMER, from_whom) == (False, None)


def test_the_first_tool_that_knew_the_browser_counts() -> None:
    site = Site(migrate_cookies=["ahoy", "segment"])
    browser = Browser(site)
    browser.cookies |= {"ajs_anonymous_id": FORMER, "ahoy_visitor": LATER}
    browser.visit("/")
    assert browser.exchange is not None
    assert browser.exchange.anonymous_id == LATER


def test_of_several_projects_the_destinations_own_counts() -> None:
    site = Site(migrate_cookies=["posthog"], destinations=["posthog://KEY"])
    browser = Browser(site)
    for key, who in (("OTHER", "019b7700-0000-7000-8000-00000000d00e"), ("KEY", LATER)):
        browser.cookies[f"ph_{key}_posthog"] = said(distinct_id=who, **{"$device_id": who})
    browser.visit("/")
    assert browser.exchange is not None
    assert browser.exchange.anonymous_id == LATER


def test_our_own_cookie_stands_over_a_former_tools() -> None:
    site = Site(migrate_cookies=["segment"])
    browser = Browser(site)
    browser.visit("/")
    browser.cookies["ajs_anonymous_id"] = FORMER
    browser.visit("/")
    assert FORMER not in {entry.event and entry.event.anonymous_id for entry in site.entries}


def test_a_cookie_of_ours_that_does_not_verify_lets_nobody_choose_an_id() -> None:
    browser = Browser(Site(migrate_cookies=["segment"]))
    browser.cookies |= {"_tm_v": "forged.forged", "ajs_anonymous_id": FORMER}
    browser.visit("/")
    assert browser.exchange is not None
    assert browser.exchange.anonymous_id != FORMER


def test_before_consent_nobody_is_taken_over_and_with_it_the_page_in_view_is() -> None:
    site = Site(migrate_cookies=["segment"], consent="opt_in")
    browser = Browser(site)
    browser.cookies["ajs_anonymous_id"] = FORMER
    browser.visit("/")
    assert site.entries == []
    browser.post("c", {"analytics": True})
    mark = next(entry for entry in site.entries if entry.kind == "mark")
    assert mark.person is not None
    assert mark.person.visitor == FORMER


def test_who_refused_and_comes_back_is_a_new_visitor() -> None:
    site = Site(migrate_cookies=["segment"])
    browser = Browser(site)
    browser.cookies["ajs_anonymous_id"] = FORMER
    browser.visit("/")
    browser.post("c", {"analytics": False, "marketing": False})
    browser.post("c", {"analytics": True, "marketing": True})
    browser.visit("/")
    event = site.entries[-1].event
    assert event is not None
    assert event.anonymous_id != FORMER


def test_signing_out_does_not_bring_the_former_tools_visitor_back() -> None:
    site = Site(migrate_cookies=["segment"])
    browser = Browser(site)
    browser.cookies["ajs_anonymous_id"] = FORMER
    browser.visit("/")
    browser.open("/out").reset()
    browser.close()
    browser.visit("/")
    event = site.entries[-1].event
    assert event is not None
    assert event.anonymous_id != FORMER


def test_the_visitor_of_a_page_from_a_shared_cache_comes_along_with_the_scripts_first_call() -> (
    None
):
    site = Site(migrate_cookies=["segment"])
    browser = Browser(site)
    browser.cookies["ajs_anonymous_id"] = FORMER
    assert browser.visit("/", answer={**HTML, "cache-control": "public"}).cookies == ()
    view = {"id": "1", "type": "view", "load": "a" * 32, "at": 0, "url": "https://shop.example/"}
    browser.post("q", {"v": 1, "events": [view]})
    event = site.entries[-1].event
    assert event is not None
    assert event.anonymous_id == FORMER
    assert event.context is not None
    assert event.context["migrated"] == "segment"


def test_a_tool_that_is_not_known_is_told_at_start() -> None:
    with pytest.raises(SettingsError, match="ajs_user_id"):
        Site(migrate_cookies=["ajs_user_id"])
