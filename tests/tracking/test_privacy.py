"""What is kept of addresses, and what host a cookie may be for."""

from __future__ import annotations

import pytest

from track_middleware.domains import registrable
from track_middleware.tracking.privacy import client_address, kept_address


@pytest.mark.parametrize("mode", ["full", "truncate"])
def test_no_address_is_longer_than_one_can_be(mode: str) -> None:
    assert kept_address("fe80::1%eth0", mode)
    assert kept_address("fe80::1%" + "x" * 9000, mode) is None
    assert len(client_address("::1", "x" * 9000, 1)) < 100


@pytest.mark.parametrize(
    "host", ["shop.example.com; Path=/a", "a.exam\x00ple.com", "a.b c.com", "a" * 9000 + ".com"]
)
def test_no_cookie_gets_the_domain_of_what_is_no_host(host: str) -> None:
    assert registrable("shop.example.com:8000") == "example.com"
    assert registrable(host) is None
