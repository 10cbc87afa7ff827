"""Whatever door it comes through, nothing passes that was not permitted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from urllib.parse import quote

import pytest

from tests.tracking.site import Browser, Site, token_of
from track_middleware.http import Reply

LOAD = "0123456789abcdef0123456789abcdef"
THERE = "https://blog.example/post"
KEYS = {"wk_web": "web", "wk_app": "ios"}

#: A visitor's old token, kept by an open tab; "" where there never was one.
Door = Callable[[Browser, str], Any]


def _script(browser: Browser, token: str) -> Reply:
    messages = [
        {"id": "1", "type": "view", "load": LOAD, "token": token, "at": 0},
        {"id": "2", "type": "track", "name": "Clicked", "load": LOAD, "token": token, "at": 0},
        {"id": "3", "type": "leave", "load": LOAD, "token": token, "at": 0, "late": True},
    ]
    return browser.post("q", {"v": 1, "sent": 0, "events": messages})


def _unreadable(browser: Browser, token: str) -> Reply:
    return browser.post("q", b'{"v": 2, "email": "a@b.c"}')


def _image(browser: Browser, token: str) -> Reply:
    asked = {"sec_fetch_dest": "image", "sec_fetch_site": "same-origin"}
    reply = browser.open(f"/prefix00/n.png?k={token}", **asked).reply(b"")
    assert isinstance(reply, Reply)
    browser._keep([value for name, value in reply.headers if name == "Set-Cookie"])
    return reply


def _sdk(browser: Browser, token: str) -> Reply:
    message = {"type": "track", "event": "Clicked", "anonymousId": "a"}
    granted = {"context": {"consent": {"analytics": "granted"}}}
    return browser.post("v1/batch", {"batch": [message, message | granted], "writeKey": "wk_web"})


def _app(browser: Browser, token: str) -> Reply:
    message = {"type": "track", "event": "Clicked", "userId": "42"}
    refused = {"context": {"consent": {"categoryPreferences": {"analytics": False}}}}
    return browser.post("v1/batch", {"batch": [message | refused], "writeKey": "wk_app"})


def _verbs(browser: Browser, token: str) -> None:
    exchange = browser.open("/cart", "POST", sec_fetch_dest="empty")
    exchange.signed_in("42")
    assert exchange.track("Bought", user_id="42", anonymous_id="a") is None
    assert exchange.identify("42", {"email": "a@b.c"}) is None
    assert exchange.page("Cart") is exchange.screen("Cart") is exchange.group("g") is None
    browser.close()


DOORS: tuple[Door, ...] = (_script, _unreadable, _image, _sdk, _app, _verbs)

#: How a visitor comes to permit nothing: settings, what their browser says, what they chose last.
REFUSALS: tuple[tuple[dict[str, Any], dict[str, str], dict[str, bool] | None], ...] = (
    ({"consent": "opt_in"}, {}, None),
    ({"consent": "opt_in"}, {}, {"marketing": True}),
    ({"consent": "opt_in", "cookieless": True}, {}, {"analytics": False}),
    ({}, {}, {"analytics": False, "marketing": True}),
    ({"respect_gpc": "all"}, {"sec_gpc": "1"}, None),
    ({"respect_gpc": "all"}, {"sec_gpc": "1"}, {"analytics": True, "marketing": True}),
    ({"dnt": True}, {"dnt": "1"}, {"analytics": True}),
)


def refusing(
    settings: dict[str, Any], headers: dict[str, str], choice: dict[str, bool] | None
) -> tuple[Browser, str]:
    """A browser that permits nothing, and the token of a page that was opened while it did."""
    site = Site(write_keys=KEYS, noscript=True, linked_domains=["blog.example"], **settings)
    browser = Browser(site)
    if site.tracker.settings.consent == "opt_in":
        browser.post("c", {"analytics": True})
    token = token_of(browser.visit("/"))
    browser.headers.update({name.replace("_", "-"): said for name, said in headers.items()})
    if choice is None and settings.get("consent") == "opt_in":
        browser.cookies.clear()
    elif choice is not None and "analytics" not in choice:
        browser.cookies.clear()
        browser.post("c", choice)
    elif choice is not None:
        browser.post("c", choice)
    site.entries.clear()
    return browser, token


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("settings", "headers", "choice"), REFUSALS)
def test_nothing_passes_and_no_cookie_comes_back(
    door: Door,
    settings: dict[str, Any],
    headers: dict[str, str],
    choice: dict[str, bool] | None,
) -> None:
    browser, token = refusing(settings, headers, choice)
    door(browser, token)
    letters = [entry for entry in browser.site.entries if entry.kind == "door"]
    assert browser.site.entries == letters
    assert all(not letter.raw for letter in letters)
    assert browser.cookies.keys() <= {"_tm_c"}


@pytest.mark.parametrize("door", [_script, _unreadable, _image, _sdk, _app])
def test_what_is_counted_without_cookies_is_counted_by_the_server_alone(door: Door) -> None:
    settings = {"consent": "opt_in", "cookieless": True}
    test_nothing_passes_and_no_cookie_comes_back(door, settings, {}, None)


@pytest.mark.parametrize(("settings", "headers", "choice"), REFUSALS)
def test_a_followed_link_takes_nobody_along(
    settings: dict[str, Any], headers: dict[str, str], choice: dict[str, bool] | None
) -> None:
    browser, _ = refusing(settings, headers, choice)
    follow = f"/prefix00/x?u={quote(THERE, safe='')}"
    reply = browser.open(follow, sec_fetch_site="same-origin").reply(b"")
    assert isinstance(reply, Reply)
    assert dict(reply.headers)["Location"] == THERE


@pytest.mark.parametrize("door", [_script, _image, _sdk, _verbs])
def test_while_it_is_permitted_every_door_is_open(door: Door) -> None:
    """Or the tests above could not fail."""
    browser, token = refusing({}, {}, None)
    with pytest.raises(AssertionError) if door is _verbs else nullcontext():
        door(browser, token)
    assert any(entry.event for entry in browser.site.entries)


def test_what_a_message_itself_refuses_no_vendors_cookie_is_read_for() -> None:
    site = Site(write_keys=KEYS, destinations=["ga4://G-A:s?purpose=marketing"])
    browser = Browser(site)
    browser.cookies["_ga"] = "GA1.1.1.2"
    message = {"type": "track", "event": "Clicked", "anonymousId": "a"}
    refused = {"context": {"consent": {"marketing": "denied"}}}
    browser.post("v1/batch", {"batch": [message, message | refused], "writeKey": "wk_web"})
    assert [entry.facts for entry in site.entries] == [{"_ga": "GA1.1.1.2"}, None]
