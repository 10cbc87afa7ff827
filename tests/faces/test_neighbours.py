"""Linked domains, vendors' cookies and the image: the same answers in every face."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.faces.apps import NAVIGATION, Site
from track_middleware.event import Entry

LINKED = "http://blog.example/post?a=1"
ON_OUR_PAGE = {**NAVIGATION, "Sec-Fetch-Site": "same-origin"}
AS_IMAGE = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "same-origin", "Accept": "image/*"}


def prefix(body: bytes) -> str:
    found = re.search(rb'src="(/[a-z2-7]{8})/m\.js"', body)
    assert found is not None
    return found[1].decode()


def test_a_followed_link_is_redirected_with_its_word(make: Callable[..., Site]) -> None:
    site = make(linked_domains=["blog.example"])
    ours = prefix(site.ask("/").body)
    answer = site.ask(f"{ours}/x?u=http%3A%2F%2Fblog.example%2Fpost%3Fa%3D1", headers=ON_OUR_PAGE)
    assert answer.status == 302
    assert re.fullmatch(re.escape(LINKED) + r"&t[a-z2-7]{7}=[\w.-]+", answer.header("Location"))
    assert answer.body == b""
    assert site.ask(f"{ours}/x?u=http%3A%2F%2Fevil.example%2F", headers=ON_OUR_PAGE).status == 400


def test_a_vendors_cookie_is_written_for_its_script_to_read(make: Callable[..., Site]) -> None:
    cookies = [each.strip() for each in make(bridge=["segment"]).ask("/").cookies]
    (written,) = (each for each in cookies if each.startswith("ajs_anonymous_id="))
    assert re.fullmatch(
        r"ajs_anonymous_id=[0-9a-f-]{36}; Max-Age=31536000; Path=/; SameSite=Lax", written
    )


def test_an_image_confirms_the_view(make: Callable[..., Site], kept: list[Entry]) -> None:
    site = make(noscript=True)
    found = re.search(rb'as="image" href="([^"]+)"', site.ask("/").body)
    assert found is not None
    answer = site.ask(found[1].decode(), headers=AS_IMAGE)
    assert (answer.status, answer.header("Content-Type")) == (200, "image/png")
    assert answer.header("Cache-Control") == "no-store"
    assert [entry.kind for entry in kept] == ["view", "confirm"]
