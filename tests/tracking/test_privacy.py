"""What leaves the request: the quick look at a query decides as the close one does."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.domains import registrable
from track_middleware.tracking.privacy import REDACTED, Redaction, client_address, kept_address

NAMES = ["token", "api key", "pin"]
NAME = st.sampled_from(
    ["token", "TOKEN", "%74oken", "api+key", "api%20key", "pin", "page", "q", ""]
)
PAIR = st.builds(
    "".join, st.tuples(NAME, st.sampled_from(["=", ""]), st.sampled_from(["1", "", "a=b"]))
)


@given(st.lists(PAIR, max_size=5).map("&".join))
def test_a_query_loses_the_values_of_every_named_pair_and_nothing_else(query: str) -> None:
    wanted = []
    for pair in query.split("&"):
        name = pair.partition("=")[0]
        named = unquote_plus(name).lower() in NAMES
        wanted.append(f"{name}={REDACTED}" if named else pair)
    assert Redaction(NAMES).query(query) == "&".join(wanted)


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
