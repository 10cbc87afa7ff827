"""Cookies of a host beside its domain's, and cookies signed with a former key: nobody is lost."""

from __future__ import annotations

import pytest

from tests.tracking.site import NAVIGATION, Browser, Site, requested
from track_middleware.domains import rule
from track_middleware.http import Cookie
from track_middleware.tracking.exchange import Exchange
from track_middleware.tracking.response import Ending


class Jar:
    """A browser's cookies by name and domain, oldest first, as RFC 6265 (5.4) orders them."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str | None], str] = {}

    def take(self, cookies: tuple[Cookie, ...]) -> None:
        for cookie in cookies:
            key = (cookie.name, cookie.terms.domain)
            if cookie.terms.max_age == 0:
                self.kept.pop(key, None)
            else:
                self.kept[key] = cookie.value

    def header(self) -> str:
        return "; ".join(f"{name}={value}" for (name, _), value in self.kept.items())

    def domains(self, name: str) -> list[str | None]:
        return [domain for each, domain in self.kept if each == name]


def opened(site: Site, header: str, **headers: str) -> Exchange:
    sent = {**NAVIGATION, "cookie": header, **headers}
    request = requested("GET", "/", sent, scheme="https", host="www.shop.de")
    return site.tracker.open(request)


def closed(exchange: Exchange) -> Ending:
    ending = exchange.close(200, {"content-type": "text/html"})
    exchange.finish()
    return ending


def visited(site: Site, jar: Jar, **headers: str) -> str | None:
    exchange = opened(site, jar.header(), **headers)
    who = exchange.anonymous_id
    jar.take(closed(exchange).cookies)
    return who


def sites(**settings: object) -> tuple[Site, Site]:
    """One site before and after its cookies became its domain's."""
    return Site(**settings), Site(**settings, domain_of=rule("auto"))  # type: ignore[arg-type]


def test_a_host_that_shares_its_domains_cookies_keeps_its_visitors() -> None:
    before, after = sites()
    jar = Jar()
    visitor = visited(before, jar)
    after.now += 2 * 86400
    assert [visited(after, jar) for _ in range(3)] == [visitor] * 3
    for name in ("_tm_v", "_tm_s"):
        assert jar.domains(name) == ["shop.de"]


def test_the_visitor_who_was_there_first_stays_whatever_the_order() -> None:
    before, after = sites()
    first, second = Jar(), Jar()
    visitor = visited(before, first)
    before.now += 60
    visited(before, second)
    one, other = first.header(), second.header()
    after.now = before.now
    assert opened(after, f"{one}; {other}").anonymous_id == visitor
    assert opened(after, f"{other}; {one}").anonymous_id == visitor


def test_a_cookie_that_does_not_verify_hides_none_that_does() -> None:
    site, _ = sites()
    jar = Jar()
    visitor = visited(site, jar)
    for junk in ("", "junk", "_tm_v", jar.kept["_tm_s", None]):
        header = f"_tm_v={junk}; _tm_s={junk}; _tm_c={junk}; {jar.header()}"
        exchange = opened(site, header)
        assert (exchange.anonymous_id, len(site.entries)) == (visitor, 1)


def test_very_many_cookies_of_one_name_cost_no_more_than_a_few() -> None:
    site, _ = sites()
    header = "; ".join(["_tm_v=a.b"] * 5000)
    assert opened(site, header).anonymous_id is not None


def test_the_latest_choice_holds_and_of_one_second_the_refusal() -> None:
    site, _ = sites()
    browser = Browser(site)

    def choice(analytics: bool) -> str:
        browser.post("c", {"analytics": analytics, "marketing": analytics})
        return browser.cookies["_tm_c"]

    granted, denied = choice(True), choice(False)
    site.now += 1
    later = choice(True)
    for header in (f"_tm_c={granted}; _tm_c={denied}", f"_tm_c={denied}; _tm_c={granted}"):
        assert opened(site, header).consent["analytics"] == "denied"
    for header in (f"_tm_c={later}; _tm_c={denied}", f"_tm_c={denied}; _tm_c={later}"):
        assert opened(site, header).consent["analytics"] == "granted"


def test_a_refusal_deletes_the_hosts_cookies_and_the_domains() -> None:
    before, after = sites(respect_gpc="all")
    jar = Jar()
    visited(before, jar)
    jar.kept |= {(name, "shop.de"): value for (name, _), value in jar.kept.items()}
    visited(after, jar, **{"sec-gpc": "1"})
    assert jar.kept == {}


# Keys.


def test_another_key_keeps_the_visitor_and_signs_what_is_written_next() -> None:
    old, both, new = Site(("old",)), Site(("old", "new")), Site(("new",))
    browser = Browser(old)
    browser.visit("/")
    assert browser.exchange is not None
    visitor = browser.exchange.anonymous_id
    browser.site = both
    both.now += 2 * 86400
    browser.visit("/")
    assert browser.exchange.anonymous_id == visitor
    browser.site = new
    new.now = both.now
    browser.visit("/")
    assert browser.exchange.anonymous_id == visitor


def test_a_key_that_is_gone_leaves_new_visitors() -> None:
    browser = Browser(Site(("old",)))
    browser.visit("/")
    assert browser.exchange is not None
    visitor = browser.exchange.anonymous_id
    browser.site = Site(("new",))
    Browser(browser.site).visit("/")  # whose id is as the first one's was
    browser.visit("/")
    assert browser.exchange.anonymous_id != visitor


@pytest.mark.parametrize("choice", [True, False])
def test_a_choice_outlives_the_key_that_it_was_signed_with(choice: bool) -> None:
    browser = Browser(Site(("old",)))
    browser.post("c", {"analytics": choice, "marketing": False})
    made = browser.cookies["_tm_c"]
    browser.site = Site(("old", "new"))
    browser.visit("/")
    signed = browser.cookies["_tm_c"]
    assert signed != made
    assert browser.visit("/").cookies == ()
    browser.site = Site(("new",), consent="opt_out" if not choice else "opt_in")
    browser.visit("/")
    assert ("_tm_v" in browser.cookies) is choice
