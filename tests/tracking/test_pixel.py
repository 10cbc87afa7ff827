"""A browser without JavaScript confirms its view by an image, and nobody else does."""

from __future__ import annotations

import re
import struct
import zlib

import pytest

from tests.tracking.site import HTML, Browser, Site, token_of
from track_middleware.http import Reply
from track_middleware.tracking.pixel import PNG
from track_middleware.tracking.response import Ending

AS_IMAGE = {"sec_fetch_dest": "image", "sec_fetch_site": "same-origin", "accept": "image/*",
            "referer": "https://shop.example/?token=hush"}  # fmt: skip


def tagged(ending: Ending) -> str:
    assert ending.injector is not None
    return ending.injector.whole(b"<head></head>").decode()


def asked(browser: Browser, token: str, **headers: str) -> Reply:
    return browser.open(f"/prefix00/n.png?k={token}", **{**AS_IMAGE, **headers}).reply(b"")


def test_the_tag_asks_for_it_in_a_form_that_a_head_may_hold() -> None:
    ending = Browser(Site(noscript=True)).visit("/")
    pixel = f"/prefix00/n.png?k={token_of(ending)}"
    assert f'<noscript><link rel="preload" as="image" href="{pixel}"></noscript>' in tagged(ending)


@pytest.mark.parametrize("answer", [HTML, {**HTML, "cache-control": "public, max-age=9"}])
def test_without_the_setting_or_a_token_there_is_none(answer: dict[str, str]) -> None:
    assert "noscript" not in tagged(Browser(Site()).visit("/", answer=answer))
    assert "noscript" not in tagged(Browser(Site(noscript=True, consent="opt_in")).visit("/"))
    shared = {**HTML, "cache-control": "public, max-age=9"}
    assert "noscript" not in tagged(Browser(Site(noscript=True)).visit("/", answer=shared))


def test_it_confirms_the_view_and_says_that_there_was_no_script() -> None:
    site = Site(noscript=True)
    browser = Browser(site)
    reply = asked(browser, token_of(browser.visit("/")))
    assert (reply.status, reply.body) == (200, PNG)
    assert ("Cache-Control", "no-store") in reply.headers
    view, confirm = site.entries
    assert view.page is not None
    assert confirm.page is not None
    assert confirm.event is not None
    assert (confirm.kind, confirm.page.id, confirm.person) == ("confirm", view.page.id, view.person)
    page = confirm.event.context["page"]
    assert page["noscript"] is True
    assert page["path"] == "/"
    assert "hush" not in repr(confirm)


def test_asked_again_it_is_the_same_load() -> None:
    site = Site(noscript=True)
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    asked(browser, token)
    asked(browser, token)
    loads = [entry.page.load for entry in site.entries[1:] if entry.page]
    assert len(loads) == 2
    assert len(set(loads)) == 1
    assert re.fullmatch(r"[0-9a-f]{32}", str(loads[0]))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_dest": "document"},
        {"sec_fetch_dest": "empty"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_dest": "", "sec_fetch_site": "", "accept": "*/*"},
        {"sec_purpose": "prefetch;prerender"},
    ],
)
def test_who_is_no_browser_that_shows_the_page_gets_a_dot_and_confirms_nothing(
    headers: dict[str, str],
) -> None:
    site = Site(noscript=True)
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    assert asked(browser, token, **headers).body == PNG
    assert site.kinds() == ["view"]


def test_a_forged_or_old_token_confirms_nothing() -> None:
    site = Site(noscript=True)
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    for forged in ("", "x" * 86, token[:-1], token[:-1] + "!", token + "&k=" + token, "%00"):
        assert asked(browser, forged).status == 200
    site.now += 1801
    asked(browser, token)
    assert site.kinds() == ["view"]


def test_after_a_refusal_it_confirms_nothing() -> None:
    site = Site(noscript=True)
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    browser.post("c", {"analytics": False})
    asked(browser, token)
    assert site.kinds() == ["view", "choice"]


def test_the_dot_is_a_png() -> None:
    assert PNG.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(PNG):
        (length,) = struct.unpack(">I", PNG[at : at + 4])
        (code,) = struct.unpack(">I", PNG[at + 8 + length : at + 12 + length])
        assert zlib.crc32(PNG[at + 4 : at + 8 + length]) == code
        at += 12 + length
    assert at == len(PNG)


def test_no_address_of_a_page_fills_the_spool() -> None:
    site = Site(noscript=True)
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    asked(browser, token, referer="https://shop.example/?a=" + "x" * 60_000)
    confirm = site.entries[-1]
    assert (confirm.kind, len(repr(confirm)) < 10_000) == ("confirm", True)
