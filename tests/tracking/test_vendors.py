"""Vendors' cookies on the request path: raw, and only where a destination wants them."""

from __future__ import annotations

import pytest

from tests.tracking.site import Browser, Site, token_of
from track_middleware.tracking.vendors import cookie_names, values

GA4 = ["ga4://G-ABC123:s3cret"]
COOKIES = {"_ga": "GA1.1.1.2", "_ga_ABC123": "GS2.1.s5$o1", "_ga_OTHER": "GS2.1.s6$o1", "x": "y"}
WANTED = {"_ga": "GA1.1.1.2", "_ga_ABC123": "GS2.1.s5$o1"}


def visitor(site: Site) -> Browser:
    browser = Browser(site)
    browser.cookies.update(COOKIES)
    return browser


def test_pages_and_events_carry_them_raw_to_the_worker() -> None:
    site = Site(destinations=GA4)
    browser = visitor(site)
    browser.open("/")
    assert browser.exchange is not None
    browser.exchange.track("Order Completed")
    ending = browser.close()
    beacon = {"v": 1, "sent": 0, "events": [
        {"id": "1", "type": "view", "load": "0" * 32, "token": token_of(ending), "at": 0},
    ]}  # fmt: skip
    browser.post("q", beacon)
    assert [entry.kind for entry in site.entries] == ["event", "view", "confirm"]
    assert [entry.facts for entry in site.entries] == [WANTED] * 3


@pytest.mark.parametrize("destinations", [[], ["heap://APP", "snowplow://c.example"]])
def test_nobody_reads_them_where_no_destination_wants_them(destinations: list[str]) -> None:
    site = Site(destinations=destinations)
    visitor(site).visit("/")
    assert site.tracker.core.vendor_cookies is None
    assert [entry.facts for entry in site.entries] == [None]


def test_a_refusal_leaves_nothing_of_them() -> None:
    site = Site(destinations=GA4, consent="opt_in")
    visitor(site).visit("/")
    assert site.entries == []


def test_they_stand_beside_the_country() -> None:
    site = Site(destinations=GA4, trusted_proxies=1)
    browser = visitor(site)
    browser.visit("/", cf_ipcountry="de")
    assert site.entries[0].facts == {"country": "DE", **WANTED}


def test_every_stream_has_its_own_cookie() -> None:
    urls = ["ga4://G-A:s", "webhook+https://x/", "ga4://G-B:s?name=two", "ga4://G-A:s?name=three"]
    assert cookie_names(urls) == ("_ga", "_ga_A", "_ga_B")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ("x_ga=1; _gax=2; a=_ga=3", {}),
        ("_ga=1;_ga_A=2", {"_ga": "1", "_ga_A": "2"}),
        ("_ga=1; _ga=2", {"_ga": "1"}),
        ("_ga=" + "9" * 401, {}),
        ("_ga", {"_ga": ""}),
    ],
)
def test_a_cookie_is_found_by_its_whole_name(header: str, found: dict[str, str]) -> None:
    assert values(header, ("_ga", "_ga_A")) == found
