"""Cookies are read once per header, and what is remembered is nobody else's."""

from __future__ import annotations

import base64
import hashlib

import pytest
from itsdangerous import Signer

from tests.tracking.site import NAVIGATION, Browser, Site, requested
from track_middleware.reading import load
from track_middleware.tracking.cookies import Cookies
from track_middleware.tracking.exchange import Exchange


def opened(site: Site, cookie: str, **more: str) -> Exchange:
    sent = {**NAVIGATION, "cookie": cookie, **more}
    return site.tracker.open(requested("GET", "/", sent))


def header_of(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def test_a_cookie_is_signed_as_itsdangerous_signs() -> None:
    browser = Browser(Site(("old", "new")))
    browser.visit("/")
    for name, kind in (("_tm_v", "visitor"), ("_tm_s", "session")):
        signer = Signer(
            "new", salt=f"track-middleware/{kind}/1", key_derivation="hmac",
            digest_method=hashlib.sha256,
        )  # fmt: skip
        assert base64.urlsafe_b64decode(signer.unsign(browser.cookies[name])).startswith(b"[")


def test_a_header_seen_before_says_the_same_again() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/?utm_source=a")
    ids = {
        (each.anonymous_id, each.session_id)
        for each in (opened(site, header_of(browser)) for _ in range(3))
    }
    assert len(ids) == 1
    assert (None, None) not in ids


def test_who_refuses_is_nobody_though_their_header_was_seen_before() -> None:
    site = Site(respect_gpc="all")
    browser = Browser(site)
    browser.visit("/")
    assert opened(site, header_of(browser)).anonymous_id is not None
    refusing = opened(site, header_of(browser), **{"sec-gpc": "1"})
    assert (refusing.anonymous_id, refusing.session_id) == (None, None)


def test_a_cookie_is_deleted_also_as_it_was_before_it_had_a_domain() -> None:
    cookies = Cookies(load({}, {}), ["key"], lambda host: "shop.example")
    ends = cookies.ended(requested("GET", "/", {}, host="www.shop.example"))
    assert [(each.name, each.terms.max_age, each.terms.domain) for each in ends] == [
        ("_tm_v", 0, "shop.example"), ("_tm_v", 0, None),
        ("_tm_s", 0, "shop.example"), ("_tm_s", 0, None),
    ]  # fmt: skip


@pytest.mark.parametrize("far", [0.1, 0.5, 0.9])
def test_a_header_with_one_letter_changed_is_another_visitors(far: float) -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    header = header_of(browser)
    known = opened(site, header).anonymous_id
    at = 6 + int(len(browser.cookies["_tm_v"]) * far)
    changed = header[:at] + ("A" if header[at] != "A" else "B") + header[at + 1 :]
    assert opened(site, changed).anonymous_id != known
    assert opened(site, header).anonymous_id == known


def test_no_more_headers_are_remembered_than_there_is_room_for() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    known = site.tracker.core.cookies.known
    for number in range(1500):
        opened(site, f"other={number}; {header_of(browser)}")
    assert 0 < len(known) <= 1024
    opened(site, f"other={'x' * 5000}; {header_of(browser)}")
    assert all(len(header) <= 4096 for header in known)


def test_nothing_that_does_not_verify_is_remembered() -> None:
    site = Site()
    for cookie in ("_tm_v=forged.x", "_tm_s=forged.x", "csrftoken=1", ""):
        opened(site, cookie)
    assert site.tracker.core.cookies.known == {}
