"""What the doctor concludes from what a visit has seen."""

from __future__ import annotations

from typing import Any

import pytest

from track_middleware.doctor import document, markup, policy, site, way
from track_middleware.doctor.client import Answer
from track_middleware.doctor.markup import Tag
from track_middleware.doctor.visit import MARKER, Visit
from track_middleware.reading import load
from track_middleware.tracking.privacy import client_address

TAG = '<meta name="track-page" content="tok"><script src="/m/abc/m.js" defer nonce="n"></script>'
PEER, DOCTOR, PROXY = "127.0.0.1", "127.0.0.77", "10.0.0.9"


def answer(body: bytes = b"", *headers: tuple[str, str], status: int = 200, **more: Any) -> Answer:
    given = {"length": len(body), "whole": True, "own": DOCTOR, "at": (1000.0, 1000.5), **more}
    return Answer("http://shop.example/m/", status, headers, body, **given)


# The client's address.


def seen(forwarded: str, peer: str = PEER, *, proxies: int = 0, **more: Any) -> list[str]:
    """What is found, where the site sees this X-Forwarded-For and this peer."""
    told = {
        "forwardedFor": forwarded, "peer": peer, "otherAddresses": [],
        "address": client_address(peer, forwarded, proxies), **more,
    }  # fmt: skip
    asked = answer(b"", ("server", "nginx"))
    settings = load({"trusted_proxies": proxies}, {})
    return [f"{each.id}: {each.fix}" for each in way.client(asked, told, settings)]


@pytest.mark.parametrize(
    ("forwarded", "peer", "proxies"),
    [
        (MARKER, DOCTOR, 0),  # nobody between
        (f"{MARKER}, {DOCTOR}", PEER, 1),
        (f"{MARKER}, {DOCTOR}, {PROXY}", PEER, 2),
        (DOCTOR, PEER, 1),  # the proxy says it anew
        (f"{DOCTOR}, {PROXY}", PEER, 2),
        (f"{MARKER}, {DOCTOR}", DOCTOR, 0),  # the server has read it already (uvicorn)
        (f"{MARKER}, [2001:db8::1]:443", PEER, 1),
        (MARKER, PROXY.replace("10.", "198."), 0),  # a public address: who knows
    ],
)
def test_a_client_that_is_known_is_no_finding(forwarded: str, peer: str, proxies: int) -> None:
    assert seen(forwarded, peer, proxies=proxies) == []


@pytest.mark.parametrize(
    ("forwarded", "peer", "proxies", "finding"),
    [
        (f"{MARKER}, {DOCTOR}", PEER, 0, "address: set trusted_proxies to 1"),
        (f"{MARKER}, {DOCTOR}, {PROXY}", PEER, 1, "address: set trusted_proxies to 2"),
        (DOCTOR, PEER, 0, "address: set trusted_proxies to 1"),
        (MARKER, PEER, 0, "address: let the proxy append"),
        (MARKER, PROXY, 0, "address: let the proxy append"),
        (MARKER, "", 0, "address: let the proxy append"),  # through a Unix socket
        ("", PEER, 0, "address: let the proxy append"),
        ("", PEER, 1, "address: let the proxy append"),
        (MARKER, DOCTOR, 1, "trusted_proxies: without a proxy set trusted_proxies to 0"),
        (f"{MARKER}, {DOCTOR}", PEER, 2, "trusted_proxies: set trusted_proxies to 1"),
        (f"{MARKER}, {DOCTOR}", PEER, 5, "trusted_proxies: set trusted_proxies to 1"),
    ],
)
def test_a_client_that_is_hidden_or_made_up_is_found_with_the_right_number(
    forwarded: str, peer: str, proxies: int, finding: str
) -> None:
    (found,) = seen(forwarded, peer, proxies=proxies)
    assert found.startswith(finding)


@pytest.mark.parametrize(
    ("url", "scheme", "host", "found"),
    [
        ("https://shop.example/", "https", "shop.example", []),
        ("https://shop.example/", "https", "SHOP.example:443", []),
        ("http://shop.example:8000/", "http", "shop.example:8000", []),
        ("http://shop.example:8000/", "http", "shop.example", ["host"]),
        ("https://shop.example/", "https", "127.0.0.1:8000", ["host"]),
        ("https://shop.example/", "http", "shop.example", ["scheme"]),
        ("http://[::1]:8000/", "http", "[::1]:8000", []),
    ],
)
def test_the_sites_own_name_and_scheme_are_those_of_the_browser(
    url: str, scheme: str, host: str, found: list[str]
) -> None:
    told = {"scheme": scheme, "host": host}
    assert [each.id for each in way.origin(url, told)] == found


# The page's policy.


@pytest.mark.parametrize(
    ("policies", "by"),
    [
        ([], ""),
        (["default-src 'self'"], ""),
        (["default-src *"], ""),
        (["script-src https:"], ""),
        (["script-src http:"], ""),
        (["script-src https://shop.example"], ""),
        (["script-src shop.example:*"], ""),
        (["script-src *.example"], ""),
        (["script-src shop.example/m/"], ""),
        (["script-src shop.example/m/abc/m.js"], ""),
        (["script-src 'nonce-n'"], ""),
        (["script-src 'nonce-n' 'strict-dynamic'"], ""),
        (["img-src 'none'"], ""),
        (["script-src 'self'; script-src 'none'"], ""),  # the first of a name counts
        (["default-src 'none'; script-src 'self'"], ""),
        (["default-src 'none'"], "default-src 'none'"),
        (["script-src"], "script-src"),
        (["script-src 'nonce-other'"], "script-src 'nonce-other'"),
        (["script-src 'self' 'strict-dynamic'"], "script-src 'self' 'strict-dynamic'"),
        (["script-src 'self'; script-src-elem cdn.example"], "script-src-elem cdn.example"),
        (["default-src 'self'", "script-src cdn.example"], "script-src cdn.example"),
        (["default-src 'self', script-src cdn.example"], "script-src cdn.example"),
        (["script-src shop.example:8443"], "script-src shop.example:8443"),
        (["script-src shop.example/static/"], "script-src shop.example/static/"),
        (["script-src other.example 'unsafe-inline'"], "script-src other.example 'unsafe-inline'"),
    ],
)
def test_a_policy_permits_the_script_or_the_directive_that_forbids_it_is_named(
    policies: list[str], by: str
) -> None:
    script = policy.place("https://shop.example/m/abc/m.js")
    assert policy.forbidding(policies, script, governs=policy.SCRIPTS, nonce="n") == by


def test_a_policy_in_the_page_counts_as_well() -> None:
    meta = b'<meta http-equiv="Content-Security-Policy" content="script-src &#39;none&#39;">'
    visit = Visit("http://shop.example/m/", ["key"], pages=[answer(meta)])
    (found,) = document.permitted(visit, Tag("tok", "/m/abc", ""))
    assert "script-src 'none'" in found.message


# The page itself.


def test_the_tag_is_found_with_its_token_base_and_nonce() -> None:
    assert markup.tag(TAG.encode()) == Tag("tok", "/m/abc", "n")
    assert markup.tag(b'<script src="/abc/m.js" defer data-hold></script>') == Tag("", "/abc", "")
    told = markup.tag(b'<script src="/abc/m.js" id="track-tag" defer nonce="n"></script>')
    assert told == Tag("", "/abc", "n")
    assert markup.tag(b'<script src="/static/m.js"></script>') is None


def test_links_under_our_prefix_are_told_from_what_lies_there() -> None:
    body = b"""<a href="/m/abc/items?x=1"> <img src='/m/abc/n.png?k=1'> <form action=/m/abc/c>
    <a href="/m/abcd/items"> <a href="/m/abc/console/"> <script src="/m/abc/m2.0123abcd.js">"""
    assert list(markup.strangers(body, "/m/abc")) == ["/m/abc/items?x=1"]
    assert list(markup.strangers(body, "/m/abc", ["items"])) == []


def test_a_document_ends_behind_any_number_of_comments_and_that_is_soon_known() -> None:
    assert markup.ends(b"<html></html>" + b"<!-- by --> " * 300)
    assert not markup.ends(b"<html></html>" + b"<!---->" * 300 + b"x")


@pytest.mark.parametrize(
    ("page", "length", "head", "whole", "is_cut"),
    [
        (b"<html></html>\n", "14", "14", True, False),
        (b"<html></html><!-- by -->", "24", "24", True, False),
        (b"<html><p>no end", "15", "9", True, False),
        (b"<html><p>no end", "", "", True, False),
        (b"<html><p>no end", "15", "15", True, True),
        (b"<html><p>no end", "400", "", False, True),
    ],
)
def test_a_page_is_cut_where_its_length_is_the_untagged_ones_or_bytes_are_missing(
    page: bytes, length: str, head: str, whole: bool, is_cut: bool
) -> None:
    visit = Visit("http://shop.example/m/", ["key"])
    visit.pages = [answer(page, ("content-length", length), whole=whole)]
    visit.head = answer(b"", ("content-length", head))
    assert [each.id for each in document.cut(visit)] == ["cut"] * is_cut


def pages(*given: tuple[str, str]) -> Visit:
    """A visit to whom these tokens and visitors' cookies were given."""
    made = [
        answer(
            TAG.replace("tok", token).encode(),
            *([("set-cookie", f"_tm_v={cookie}; Path=/")] if cookie else []),
        )
        for token, cookie in given
    ]
    return Visit("http://shop.example/m/", ["key"], pages=made)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([("a", "1"), ("b", "2")], []),
        ([("shared", ""), ("shared", "")], []),
        ([("", ""), ("", "")], []),
        ([("a", "1"), ("a", "1")], ["cache"]),
        ([("a", "1"), ("b", "1")], ["cache"]),
        ([("a", ""), ("b", "")], ["cookies"]),
    ],
)
def test_what_two_visitors_must_not_share_is_found(
    given: list[tuple[str, str]], found: list[str]
) -> None:
    assert [each.id for each in document.cached(pages(*given), load({}, {}))] == found


# The site.


def test_a_site_whose_key_is_not_known_cannot_be_asked() -> None:
    visit = Visit("http://shop.example/m/", [], pages=[answer(TAG.encode())])
    assert [each.id for each in site.keys(visit, load({"path": "abc"}, {}), [])] == ["secret"]


@pytest.mark.parametrize(
    ("skew", "level"),
    [
        (None, []),
        (0.0, []),
        (-4.0, []),
        (5.0, ["warning"]),
        (-30.0, ["warning"]),
        (90.0, ["error"]),
    ],
)
def test_a_clock_is_told_by_how_wrong_it_is(skew: float | None, level: list[str]) -> None:
    assert [each.level for each in site.clock(skew)] == level


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b'{"ok":1}', []),
        (200, b'{"ok":0,"stop":"consent"}', ["consent"]),
        (429, b'{"error":"full","retry":30}', ["full"]),
        (403, b'{"error":"not from a page of this host"}', ["beacon"]),
        (405, b"<h1>Not Allowed</h1>", ["beacon"]),
        (200, b"<html>", ["beacon"]),
        (200, b"[]", ["beacon"]),
    ],
)
def test_what_becomes_of_a_beacon_is_told(status: int, body: bytes, found: list[str]) -> None:
    told = site.beacon(answer(body, status=status), Tag("tok", "/m/abc", ""))
    assert [each.id for each in told] == found
