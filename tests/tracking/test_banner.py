"""Our own banner: a form, a stylesheet that hides it, and what a submitted form does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.tracking.site import Browser, Site
from track_middleware.tracking.banner import Html, banner

FORM = {
    "content_type": "application/x-www-form-urlencoded", "referer": "https://shop.example/a?b=c",
}  # fmt: skip
GRANT, REFUSE = b"version=2026-01&granted=analytics+marketing", b"version=2026-01&granted="


def markup(**words: Any) -> str:
    return banner(Site().tracker.core, "", **words)


def hidden(browser: Browser, **headers: str) -> bool:
    reply = browser.open("/prefix00/b.css", sec_fetch_dest="style", **headers).reply(b"")
    assert dict(reply.headers)["Content-Type"].startswith("text/css")  # type: ignore[union-attr]
    return b"display:none" in reply.body  # type: ignore[union-attr]


class Outline(HTMLParser):
    """The elements of a fragment with their attributes; every one is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def only(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_it_is_a_labelled_region_with_two_buttons_of_one_kind() -> None:
    page = Outline(markup())
    (section,) = page.only("section")
    assert section["aria-label"] == "Privacy"
    accept, reject = page.only("button")
    assert accept.keys() == reject.keys()
    assert (accept["value"], reject["value"]) == ("analytics marketing", "")
    (form,) = page.only("form")
    assert (form["method"], form["action"]) == ("post", "/prefix00/c")


def test_nothing_in_it_needs_an_inline_script_or_style() -> None:
    page = Outline(markup())
    assert {tag for tag, _ in page.found} == {"link", "section", "form", "p", "input", "button"}
    names = {name for _, attributes in page.found for name in attributes}
    assert not [name for name in names if name == "style" or name.startswith("on")]


def test_its_words_are_the_sites_and_are_escaped_unless_they_are_markup() -> None:
    said = markup(text="<b>", accept=Html("<i>Yes</i>"), reject='No"', label='"x"', version='"v')
    assert "<p>&lt;b&gt;</p>" in said
    assert "<i>Yes</i>" in said
    assert "No&quot;" in said
    Outline(said)


@pytest.mark.parametrize("root", ["/mount", "//evil.example", '/"><script>', "/ü"])
def test_a_root_path_is_no_more_than_a_path(root: str) -> None:
    page = Outline(banner(Site().tracker.core, root))
    (form,) = page.only("form")
    action = form["action"] or ""
    assert re.fullmatch(r"/[A-Za-z0-9%./]+/prefix00/c", action)
    assert not action.startswith("//")


def test_a_site_that_is_off_has_no_banner() -> None:
    assert banner(Site(enabled=False).tracker.core, "") == ""


def test_it_shows_until_somebody_has_chosen() -> None:
    browser = Browser(Site(consent="opt_in"))
    browser.visit("/")
    assert not hidden(browser)
    browser.post("c", REFUSE, **FORM)
    assert hidden(browser)


def test_it_is_no_use_where_the_browser_refuses_everything() -> None:
    assert hidden(Browser(Site(respect_gpc="all")), sec_gpc="1")
    assert not hidden(Browser(Site()), sec_gpc="1")


def test_nobody_else_gets_ones_stylesheet() -> None:
    browser = Browser(Site())
    for expected in ("no-store", "private, max-age=300"):
        reply = browser.open("/prefix00/b.css").reply(b"")
        assert dict(reply.headers)["Cache-Control"] == expected  # type: ignore[union-attr]
        browser.post("c", GRANT, **FORM)


def test_a_submitted_form_is_a_choice_and_leads_back() -> None:
    site = Site(consent="opt_in")
    browser = Browser(site)
    browser.visit("/a?b=c")
    reply = browser.post("c", GRANT, **FORM)
    assert (reply.status, dict(reply.headers)["Location"]) == (303, "/a?b=c")
    (entry,) = site.entries
    assert entry.event is not None
    said: Any = entry.event.properties
    assert (said["analytics"], said["marketing"]) == ("granted", "granted")
    assert (said["version"], said["source"]) == ("2026-01", "banner")
    browser.visit("/a?b=c")
    view = site.entries[-1].event
    assert view is not None
    assert view.anonymous_id == entry.event.anonymous_id


def test_a_refusal_by_form_deletes_our_cookies() -> None:
    browser = Browser(Site())
    browser.visit("/")
    browser.post("c", REFUSE, **FORM)
    assert browser.cookies.keys() == {"_tm_c"}


@pytest.mark.parametrize("body", [b"granted=analytics", b"granted=analytics&granted="])
def test_a_form_with_boxes_grants_those_that_are_ticked(body: bytes) -> None:
    site = Site()
    Browser(site).post("c", body, **FORM)
    (entry,) = site.entries
    assert entry.consent == {"analytics": "granted", "marketing": "denied"}


@pytest.mark.parametrize("body", [
    b"", b"a=b", b"granted=everything", b"granted=analytics+else", b"\xff", b"&" * 100,
    b"granted=&version=" + b"v" * 101, b'{"analytics": true}', b"a=b&" * 30 + b"granted=",
])  # fmt: skip
def test_what_is_no_choice_is_refused(body: bytes) -> None:
    site = Site()
    browser = Browser(site)
    assert browser.post("c", body, **FORM).status == 400
    assert (site.entries, browser.cookies) == ([], {})


@pytest.mark.parametrize("headers", [
    {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"sec_fetch_site": "none"},
    {"sec_fetch_site": "", "origin": "https://evil.example"},
    {"sec_fetch_site": "", "origin": "null"}, {"sec_fetch_site": "", "referer": ""},
    {"sec_fetch_site": "", "referer": "https://evil.example/"},
    {"sec_fetch_site": "", "referer": "https://shop.example.evil.example/"},
    {"sec_fetch_site": "cross-site", "origin": "https://linked.example"},
])  # fmt: skip
@pytest.mark.parametrize("body", [GRANT, REFUSE])
def test_no_other_sites_form_chooses_for_a_visitor(headers: dict[str, str], body: bytes) -> None:
    site = Site(linked_domains=["linked.example"])
    browser = Browser(site)
    assert browser.post("c", body, **{**FORM, **headers}).status == 403
    assert (site.entries, browser.cookies) == ([], {})


@pytest.mark.parametrize("headers", [
    {"sec_fetch_site": "", "origin": "https://shop.example"}, {"sec_fetch_site": ""},
])  # fmt: skip
def test_a_browser_without_fetch_metadata_may_use_our_own_form(headers: dict[str, str]) -> None:
    assert Browser(Site()).post("c", GRANT, **{**FORM, **headers}).status == 303


@pytest.mark.parametrize(("referer", "location"), [
    ("https://shop.example/a/b?c=d#e", "/a/b?c=d"),
    ("https://shop.example//evil.example/", "/evil.example/"),
    ("https://shop.example/\\evil.example", "/evil.example"), ("https://evil.example/x", "/"),
    ("https://shop.example", "/"), ("", "/"), ("https://shop.example/[", "/%5B"),
    ("https://shop.example/a\r\nSet-Cookie: x=y", "/a%0D%0ASet-Cookie:%20x=y"),
])  # fmt: skip
def test_it_leads_to_no_other_host(referer: str, location: str) -> None:
    reply = Browser(Site()).post("c", GRANT, **{**FORM, "referer": referer})
    place = dict(reply.headers)["Location"]
    assert place.startswith("/")
    assert not place.startswith(("//", "/\\"))
    assert "\r" not in place
    if "\r" not in referer:
        assert place == location
