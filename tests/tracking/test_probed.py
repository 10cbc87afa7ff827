"""The doctor's question to its own site, and what anybody else gets for an answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import NAVIGATION, Browser, Site
from track_middleware.http import Reply
from track_middleware.tracking.probe import HEADER, LASTS, Probe

DOCTOR = NAVIGATION["user-agent"] + " track-middleware-doctor/0.1"


def asked(site: Site, word: str, method: str = "GET", **headers: str) -> Reply:
    sent = {HEADER: word, **headers}
    reply = Browser(site).open("/prefix00/d", method, **sent).reply(b"")
    assert isinstance(reply, Reply)
    return reply


def test_who_has_the_key_is_told_what_the_request_looked_like() -> None:
    site = Site(trusted_proxies=1)
    word = Probe(["key"]).word(site.now, "ab12")
    reply = asked(site, word, x_forwarded_for="198.51.100.4", x_real_ip="198.51.100.4")
    told: dict[str, Any] = msgspec.json.decode(reply.body)
    assert (reply.status, dict(reply.headers)["Cache-Control"]) == (200, "no-store")
    assert told == {
        "now": site.now, "host": "shop.example", "scheme": "https", "peer": "203.0.113.77",
        "forwardedFor": "198.51.100.4", "forwardedProto": "", "otherAddresses": ["x-real-ip"],
        "address": "198.51.100.4",
    }  # fmt: skip


def test_anybody_else_finds_what_lies_under_any_other_name() -> None:
    site = Site()
    nothing = Browser(site).open("/prefix00/e").reply(b"")
    words = [
        "", "1", "1..", "1.zz.ab.cd", "é.1.2.3", "x" * 300,
        Probe(["another"]).word(site.now, "ab12"),
        Probe(["key"]).word(site.now - LASTS - 1, "ab12"),
        Probe(["key"]).word(site.now + LASTS + 1, "ab12"),
        Probe(["key"]).word(site.now, "ab12").replace("ab12", "ab13"),
    ]  # fmt: skip
    assert [asked(site, word) for word in words] == [nothing] * len(words)
    good = Probe(["key"]).word(site.now, "ab12")
    assert [asked(site, good, method).status for method in ("POST", "HEAD")] == [404, 404]
    assert (site.entries, site.mistakes) == ([], [])


def test_a_fallback_key_is_the_sites_own_too() -> None:
    site = Site(("former", "key"))
    assert asked(site, Probe(["former"]).word(site.now, "ab12")).status == 200


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=120))
def test_no_word_breaks_anything(word: str) -> None:
    assert not Probe(["key"]).is_ours(word, 1_800_000_000.0)


@pytest.mark.parametrize(("agent", "served"), [(NAVIGATION["user-agent"], 1), (DOCTOR, 0)])
def test_the_doctor_is_nobody_whom_a_cached_page_was_served_to(agent: str, served: int) -> None:
    site = Site()
    answer = {"content-type": "text/html", "cache-control": "public, max-age=60"}
    Browser(site).visit("/", answer=answer, user_agent=agent)
    assert site.kinds() == ["served"] * served
