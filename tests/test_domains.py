"""Which domain a host's cookies are of."""

from __future__ import annotations

import pytest

from track_middleware.domains import registrable, rule


@pytest.mark.parametrize(("host", "domain"), [
    ("www.shop.co.uk", "shop.co.uk"), ("shop.co.uk:8000", "shop.co.uk"),
    ("WWW.Shop.CO.UK", "shop.co.uk"), ("a.b.c.shop.de", "shop.de"), ("shop.de", "shop.de"),
    ("you.github.io", "you.github.io"), ("deep.you.github.io", "you.github.io"),
    ("www.xn--mnchen-3ya.de", "xn--mnchen-3ya.de"), ("shop.xn--p1ai", "shop.xn--p1ai"),
    ("www.shop.test", "shop.test"), ("shop.internal:8080", "shop.internal"),
])  # fmt: skip
def test_a_hosts_registrable_domain(host: str, domain: str) -> None:
    assert registrable(host) == domain


@pytest.mark.parametrize("host", [
    "", "localhost", "localhost:8000", "shop", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000",
    "::1", "2001:db8::1", "github.io", "co.uk", "com", "shop.co.uk.", "shop.co.uk.:80", ".shop.de",
    "shop..de", "..", "münchen.de", "shop.de; Domain=evil.test", "shop.de\r\nX: y",
    "a" * 300 + ".de", "shop.de:port", "*.shop.de",
])  # fmt: skip
def test_where_there_is_none_cookies_are_the_hosts_alone(host: str) -> None:
    assert registrable(host) is None


def test_a_domain_that_is_given_is_the_domain() -> None:
    assert rule("shop.de")("www.shop.de") == "shop.de"
    assert rule("")("www.shop.de") is None
