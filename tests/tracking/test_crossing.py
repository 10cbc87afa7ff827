"""A visitor goes along with a followed link to a linked domain, once, and nobody else does."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import Browser, Site, token_of
from track_middleware.errors import SettingsError
from track_middleware.http import Reply
from track_middleware.reading import load
from track_middleware.tracking.crossing import Crossing, parameter
from track_middleware.tracking.exchange import Exchange

NAME = parameter("key")
THERE = "https://blog.example/post?a=1#top"
ON_OUR_PAGE = {"sec_fetch_site": "same-origin"}
FROM_SHOP = {"referer": "https://shop.example/"}


def linked_site(**settings: Any) -> Site:
    """A site that is linked with itself under the name of shop.example: the harness knows one
    host, and a word is bound to whatever host it was made for."""
    return Site(linked_domains=["blog.example", "shop.example"], **settings)


def followed(browser: Browser, url: str = THERE, **headers: str) -> Reply:
    return browser.open(f"/prefix00/x?u={quote(url, safe='')}", **(headers or ON_OUR_PAGE)).reply(
        b""
    )


def location(reply: Reply) -> str:
    return dict(reply.headers)["Location"]


def arrived(
    site: Site, url: str, *, browser: Browser | None = None, **headers: str
) -> tuple[Browser, Exchange]:
    """Another browser (or the given one) opens a followed address."""
    browser = browser or Browser(site)
    exchange = browser.open("/" + url.split("/", 3)[3], **{**FROM_SHOP, **headers})
    return browser, exchange


def word(site: Site, **headers: str) -> tuple[str, str]:
    """A visitor of the site, and the address that their followed link leads to."""
    browser = Browser(site)
    browser.visit("/?utm_source=news")
    assert browser.exchange is not None
    visitor = browser.exchange.anonymous_id
    assert visitor is not None
    return visitor, location(followed(browser, "https://shop.example/landing?b=2"))


def test_the_redirect_keeps_the_address_and_adds_one_parameter() -> None:
    browser = Browser(linked_site())
    browser.visit("/")
    reply = followed(browser)
    assert reply.status == 302
    assert ("Cache-Control", "no-store") in reply.headers
    before, _, after = location(reply).partition(f"&{NAME}=")
    assert before == "https://blog.example/post?a=1"
    assert after.endswith("#top")


def test_no_id_can_be_read_in_the_address() -> None:
    visitor, url = word(linked_site())
    sealed = url.partition(f"{NAME}=")[2].partition(".")[0]
    plain = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    assert visitor not in url
    assert visitor.encode() not in plain
    assert b"news" not in plain


def test_visitor_session_and_campaign_come_along() -> None:
    site = linked_site()
    visitor, url = word(site)
    _, exchange = arrived(site, url.partition("#")[0])
    assert exchange.anonymous_id == visitor
    assert exchange.session_id == site.entries[0].person.session  # type: ignore[union-attr]
    assert exchange.campaign == exchange.first_campaign == {"source": "news"}


def test_the_word_is_good_for_one_arrival() -> None:
    site = linked_site()
    visitor, url = word(site)
    assert arrived(site, url)[1].anonymous_id == visitor
    assert arrived(site, url)[1].anonymous_id != visitor


def test_it_is_good_for_thirty_seconds() -> None:
    for seconds, taken in ((29.0, True), (31.0, False), (-4.0, True), (-6.0, False)):
        site = linked_site()
        visitor, url = word(site)
        site.now += seconds
        assert (arrived(site, url)[1].anonymous_id == visitor) is taken


@pytest.mark.parametrize(
    "headers",
    [
        {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"},
        {"referer": ""},
        {"referer": "https://evil.example/"},
        {"referer": "https://shop.example.evil.example/"},
        {"referer": "https://shop.example@evil.example/"},
        {"referer": "https://evil.example/https://shop.example/"},
    ],
)
def test_another_browser_or_an_unlinked_page_gets_nothing(headers: dict[str, str]) -> None:
    site = linked_site()
    visitor, url = word(site)
    assert arrived(site, url, **headers)[1].anonymous_id != visitor
    assert arrived(site, url)[1].anonymous_id == visitor, "a refused word is not used up"


def test_a_word_for_another_host_is_not_taken() -> None:
    site = linked_site()
    browser = Browser(site)
    browser.visit("/")
    assert browser.exchange is not None
    visitor = browser.exchange.anonymous_id
    url = location(followed(browser, "https://blog.example/post"))
    assert arrived(site, url)[1].anonymous_id != visitor


def test_another_secret_reads_nothing() -> None:
    _, url = word(linked_site())
    other = Site(keys=("other",), linked_domains=["shop.example"])
    for address in (url, url.replace(NAME, parameter("other"))):
        assert arrived(other, address)[1].campaign == {}


def test_a_word_of_a_former_key_is_taken() -> None:
    _, url = word(linked_site())
    rotated = Site(keys=("key", "newer"), linked_domains=["shop.example"])
    assert arrived(rotated, url)[1].campaign == {"source": "news"}


def test_an_anonymous_visitor_becomes_the_one_who_came() -> None:
    site = linked_site()
    regular = Browser(site)
    regular.visit("/")
    before = regular.open("/").anonymous_id
    visitor, url = word(site)
    arrived(site, url, browser=regular)
    regular.close()
    assert regular.open("/").anonymous_id == visitor
    told = {(e.how, e.former, e.person and e.person.visitor) for e in site.entries if e.how}
    assert told == {("crossing", before, visitor)}


@pytest.mark.parametrize("signs_out", [False, True])
def test_a_user_s_visitor_stays(signs_out: bool) -> None:
    site = linked_site()
    regular = Browser(site)
    regular.open("/").signed_in("42")
    assert regular.exchange is not None
    own = regular.exchange.anonymous_id
    regular.close()
    if signs_out:
        site.tracker.open(regular.request("/"), lambda: "").close(200, {})
    _, url = word(site)
    assert arrived(site, url, browser=regular)[1].anonymous_id == own


def test_nobody_is_signed_in_by_it_but_another_user_is_another_visitor() -> None:
    site = linked_site()
    browser = Browser(site)
    browser.open("/").signed_in("7")
    browser.close()
    for user, same in (("7", True), ("8", False)):
        url = location(followed(browser, "https://shop.example/landing"))
        _, exchange = arrived(site, url)
        visitor = exchange.anonymous_id
        assert exchange.user_id is None
        exchange.signed_in(user)
        assert (exchange.anonymous_id == visitor) is same


def test_who_refused_there_stays_nobody() -> None:
    site = linked_site()
    _, url = word(site)
    refusing = Browser(site)
    refusing.post("c", {"analytics": False})
    assert arrived(site, url, browser=refusing)[1].anonymous_id is None


def test_who_refused_here_gets_there_without_a_word() -> None:
    browser = Browser(linked_site(consent="opt_in"))
    assert location(followed(browser)) == THERE


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "none"},
        {"referer": "https://evil.example/"},
    ],
)
def test_a_link_that_is_not_on_our_page_gives_nothing_away(headers: dict[str, str]) -> None:
    browser = Browser(linked_site())
    browser.visit("/")
    assert location(followed(browser, **headers)) == THERE


def test_nothing_goes_from_https_over_plain_http() -> None:
    browser = Browser(linked_site())
    browser.visit("/")
    assert location(followed(browser, "http://blog.example/")) == "http://blog.example/"


@pytest.mark.parametrize("allowed", [True, False])
def test_nobody_becomes_another_by_a_word_in_the_link_that_they_follow(allowed: bool) -> None:
    site = linked_site(respect_gpc="all")
    _, planted = word(site)
    browser = Browser(site, **({} if allowed else {"sec_gpc": "1"}))
    browser.visit("/")
    assert browser.exchange is not None
    own = browser.exchange.anonymous_id
    url = location(followed(browser, f"{planted}&c=3#top"))
    assert url.startswith("https://shop.example/landing?b=2&c=3")
    assert url.endswith("#top")
    assert url.count(f"{NAME}=") == allowed
    _, exchange = arrived(site, url.partition("#")[0])
    assert (exchange.anonymous_id == own) == allowed


HOSTILE = [
    "", "/", "//blog.example/", "blog.example", "https:blog.example", "https:/blog.example",
    "https:///blog.example", "https://evil.example/", "https://blog.example.evil.example/",
    "https://evil.example#blog.example", "https://evilblog.example/", "https://www.blog.example/",
    "https://user@blog.example/", "https://blog.example@evil.example/",
    "https://blog.example:@evil.example/", "https://blog.example:x/",
    "https://blog.example\\@evil.example/", "https://evil.example\\.blog.example/",
    "https://blog.example/\\evil", "https:\\\\blog.example/",
    "https://blog.example/\r\nSet-Cookie: a=b", "https://blog.example/\n",
    "\thttps://blog.example/", " https://blog.example/", "https://blog.example /",
    "https://blog.example\x00.evil.example/", "https://bl\u043eg.example/",
    "https://blog.example/\xe9", "https://blog\u3002example/", "https://blog.example./",
    "javascript://blog.example/%0aalert(1)", "data:text/html,https://blog.example/",
    "ftp://blog.example/", "https://[blog.example]/", "https://blog.example%2eevil.example/",
    "https://blog.example%00/", "https://blog.example/" + "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE)
def test_it_redirects_to_linked_hosts_alone(url: str) -> None:
    browser = Browser(linked_site())
    browser.visit("/")
    reply = followed(browser, url)
    assert reply.status == 400
    assert "Location" not in dict(reply.headers)


@pytest.mark.parametrize("query", ["", "u=", "u", "v=1", "u=a&u=b", "&".join("u=1" * 50), "%"])
def test_a_question_without_one_address_is_refused(query: str) -> None:
    assert Browser(linked_site()).open(f"/prefix00/x?{query}").reply(b"").status == 400


@given(st.text())
def test_whatever_is_asked_a_browser_would_read_a_linked_host_in_it(text: str) -> None:
    crossing = Crossing(["key"], ["blog.example"], lambda nonce: True)
    for url in (text, f"https://blog.example{text}", f"https://{text}blog.example/"):
        target = crossing.target(url)
        if target is not None:
            assert target.host == "blog.example"
            assert url.lower().startswith(("https://blog.example", "http://blog.example"))
            rest = url[len(url.partition("blog.example")[0]) + len("blog.example") :]
            assert rest == "" or rest[0] in "/?#:"
            assert url.isascii()
            assert url.isprintable()
            assert "\\" not in url


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_word_makes_it_raise(raw: bytes) -> None:
    site = linked_site()
    exchange = Browser(site).open(f"/?{NAME}={raw.decode('latin-1')}", **FROM_SHOP)
    assert exchange.anonymous_id == "00000000-0000-4000-a000-000000000001"


def test_no_recorded_address_holds_the_parameter() -> None:
    site = linked_site()
    _, url = word(site)
    browser, _ = arrived(site, url)
    token = token_of(browser.close())
    said = {"id": "1", "type": "view", "load": "0" * 32, "token": token, "at": 0, "url": url,
            "referrer": url}  # fmt: skip
    browser.post("q", {"v": 1, "sent": 0, "events": [said]})
    browser.visit("/next", referer=url)
    assert NAME not in repr(site.entries)
    pages = [entry.event.context["page"] for entry in site.entries[1:] if entry.event]
    assert [page["url"].partition("example")[2] for page in pages] == [
        "/landing?b=2", "/landing?b=2", "/next",
    ]  # fmt: skip
    assert pages[2]["referrer"] == "https://shop.example/landing?b=2"


def test_the_tag_names_hosts_and_parameter_only_where_there_are_linked_domains() -> None:
    assert b"data-linked" not in page(Site())
    tagged = page(linked_site())
    assert f'data-linked="blog.example shop.example" data-crossing="{NAME}"'.encode() in tagged


def page(site: Site) -> bytes:
    injector = Browser(site).visit("/").injector
    assert injector is not None
    return injector.whole(b"<head></head>")


def test_without_linked_domains_there_is_no_such_path() -> None:
    assert followed(Browser(Site())).status == 404


@pytest.mark.parametrize(
    "host", ["https://blog.example", "blog.example:8000", "", "bl\u00f6g.example"]
)
def test_what_is_no_host_is_told_at_start(host: str) -> None:
    with pytest.raises(SettingsError, match="linked_domains"):
        load({"linked_domains": [host]}, {})
