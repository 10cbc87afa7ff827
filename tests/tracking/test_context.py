"""The context is put together from pieces of JSON: it must say what the request's parts say."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import HTML, Browser, Site, requested
from track_middleware.event import Entry, lenient_encoder
from track_middleware.tracking.context import Places, language, page, url
from track_middleware.tracking.privacy import kept_address
from track_middleware.tracking.redaction import Redaction

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HEADER = st.text(st.characters(max_codepoint=255), max_size=30)
CAMPAIGN = st.dictionaries(
    st.sampled_from(["source", "medium", "name", "term"]), TEXT.filter(bool), max_size=3
)


def seen(agent: str, accept_language: str, referrer: str, path: str, **more: str) -> Entry:
    """The view of a first visit."""
    site = Site()
    sent = {
        "sec-fetch-dest": "document", "user-agent": agent, "referer": referrer,
        "accept-language": accept_language,
    }  # fmt: skip
    exchange = site.tracker.open(requested("GET", path, sent, host="shop.example", **more))
    exchange.route = path
    exchange.close(203, HTML)
    exchange.finish()
    (entry,) = site.entries
    assert site.mistakes == []
    return entry


@given(HEADER, HEADER, HEADER, TEXT, st.ip_addresses().map(str))
def test_a_views_context_says_what_the_request_said(
    agent: str, accept_language: str, referrer: str, path: str, peer: str
) -> None:
    referrer = referrer.replace("?", "").replace("#", "").replace("@", "")
    entry = seen(agent, accept_language, referrer, "/" + path, peer=peer)
    assert entry.event is not None
    assert entry.person is not None
    context: dict[str, Any] = entry.event.context
    page = context.pop("page")
    wanted = {
        "userAgent": agent,
        "locale": language(accept_language),
        "ip": kept_address(peer, "truncated"),
        "consent": entry.consent,
        "library": {"name": "track-middleware", "version": "0.1.0"},
        "platform": "server",
        "session": {
            "id": entry.person.session, "number": 1, "start": "2027-01-15T08:00:00.000Z",
        },
    }  # fmt: skip
    assert context == {name: value for name, value in wanted.items() if value}
    assert page.pop("url").startswith("http://shop.example/")
    wanted = {
        "id": entry.event.message_id, "path": "/" + path, "route": "/" + path, "status": 203,
        "durationMs": 0.0, "referrer": referrer,
    }  # fmt: skip
    assert page == {name: value for name, value in wanted.items() if value != ""}


@given(HEADER, HEADER, TEXT, TEXT, CAMPAIGN, st.booleans())
def test_a_view_is_written_as_an_encoder_writes_its_entry(
    agent: str, referrer: str, route: str, user: str, campaign: dict[str, str], is_proxied: bool
) -> None:
    site = Site(trusted_proxies=1 if is_proxied else 0, destinations=["ga4://G-ABC:secret"])
    sent = {
        "sec-fetch-dest": "document", "user-agent": agent, "referer": referrer,
        "cf-ipcountry": "de", "x-forwarded-for": "2001:db8::1", "cookie": "_ga=GA1.1.123.456",
    }  # fmt: skip
    query = "&".join(f"utm_{name}={quote_plus(value)}" for name, value in campaign.items())
    exchange = site.tracker.open(requested("GET", "/", sent, query=query, peer="203.0.113.7"))
    exchange.route = route
    exchange.identify(user)
    exchange.close(200, HTML)
    exchange.finish()
    whole = {"kind": "view", "awaitHalf": True}
    said = msgspec.json.decode(site.frames[-1])
    assert said == msgspec.json.decode(lenient_encoder.encode(site.entries[-1]))
    assert whole.items() <= said.items()
    assert said["facts"]
    assert site.mistakes == []


@given(CAMPAIGN, CAMPAIGN)
def test_the_session_and_the_visitor_keep_their_own_campaigns(
    first: dict[str, str], later: dict[str, str]
) -> None:
    site = Site()
    browser = Browser(site)
    for number, each in enumerate((first, later)):
        query = "&".join(f"utm_{name}={quote_plus(value)}" for name, value in each.items())
        browser.visit(f"/{number}?{query.replace('utm_name', 'utm_campaign')}")
    contexts = [entry.event.context for entry in site.entries if entry.event]
    assert contexts[0].get("campaign", {}) == first
    assert contexts[0].get("firstCampaign", {}) == first
    assert contexts[1].get("campaign", {}) == (later or first)
    assert contexts[1].get("firstCampaign", {}) == (first or later)


@given(TEXT, TEXT, TEXT)
def test_where_a_page_is_lies_ready_as_the_page_says_it(host: str, root: str, path: str) -> None:
    places = Places(Redaction(()))
    shown = page(url("https", host, root + path, ""), root + path, "the-id", None, "")
    for _ in range(2):  # made, and remembered
        before, behind = places["https", host, root, path]
        assert f'{{{before}{behind}the-id"}}' == shown


def test_of_places_only_some_are_remembered_and_no_long_one() -> None:
    places = Places(Redaction(()))
    for number in range(5000):
        assert str(number) in places["https", "shop.example", "", f"/{number}"][0]
    assert 0 < len(places) <= 2048
    long = "https", "shop.example", "", "/" + "x" * 600
    assert places[long]
    assert long not in places
