"""The derived context as a whole: what an event's context and its facts imply."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from track_middleware.enrichment import enrich
from track_middleware.enrichment.place import country
from track_middleware.event import Event, Kind

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/151.0.0.0 Safari/537.36"
)
PAGE = {"url": "https://shop.example/shoes", "status": 200}


def _event(context: Any, kind: Kind = "page") -> Event:
    return Event("1", kind, "2026-01-01T00:00:00.000Z", context=context)


def test_a_page_view_from_a_search_engine_is_told_in_full() -> None:
    page = {**PAGE, "referrer": "https://www.google.com/"}
    derived = enrich(_event({"userAgent": FIREFOX, "page": page}), {"country": "de"})
    assert derived == {
        "browser": {"name": "Firefox", "version": "128.0"},
        "os": {"name": "Linux"},
        "device": {"type": "desktop"},
        "referrer": {"kind": "search", "source": "Google", "medium": "organic"},
        "channel": "Organic Search",
        "location": {"country": "DE"},
    }


def test_an_event_without_context_implies_nothing() -> None:
    for context in (None, {}, "text", [1]):
        assert enrich(_event(context, "track"), None) == {}


def test_a_page_of_the_same_site_without_a_campaign_has_no_channel_of_its_own() -> None:
    page = {**PAGE, "referrer": "https://shop.example/"}
    derived = enrich(_event({"page": page}), {})
    assert derived["referrer"]["kind"] == "internal"
    assert "channel" not in derived


def test_the_session_s_campaign_gives_every_event_its_channel() -> None:
    page = {**PAGE, "referrer": "https://shop.example/"}
    campaign = {"source": "google", "medium": "cpc", "gclid": "x"}
    derived = enrich(_event({"page": page, "campaign": campaign}, "track"), {})
    assert derived["channel"] == "Paid Search"
    assert derived["click"] == {"name": "gclid", "platform": "Google Ads"}


def test_an_event_outside_a_page_has_no_channel() -> None:
    assert enrich(_event({"library": {"name": "x"}}, "track"), {}) == {}


def test_what_the_sender_knows_better_stays() -> None:
    context = {"userAgent": FIREFOX, "os": {"name": "iOS"}, "device": {"model": "iPhone12,1"}}
    assert set(enrich(_event(context, "track"), {})) == {"browser"}


def test_nobody_hides_a_bot_by_saying_that_there_is_none() -> None:
    context = {"userAgent": "curl/8.5.0", "bot": {"name": "none", "class": "none"}}
    assert enrich(_event(context), {})["bot"] == {"name": "curl", "class": "http-library"}


def test_driven_browsers_are_bots_unless_they_are_the_people() -> None:
    event = _event({"userAgent": HEADLESS, "page": PAGE})
    derived = enrich(event, {})
    assert derived["bot"] == {"name": "HeadlessChrome", "class": "automation"}
    assert derived["device"]["type"] == "bot"
    derived = enrich(event, {}, people={"automation"})
    assert "bot" not in derived
    assert derived["device"]["type"] == "desktop"


def test_an_app_is_no_bot_for_the_library_it_speaks_through() -> None:
    context = {"userAgent": "okhttp/4.12.0", "platform": "android"}
    derived = enrich(_event(context, "track"), {})
    assert "bot" not in derived
    assert derived["device"]["type"] == "mobile"


def test_a_page_asked_for_without_a_name_was_asked_for_by_a_program() -> None:
    assert enrich(_event({"page": PAGE}), {})["bot"] == {"name": "nameless", "class": "other"}
    assert "bot" not in enrich(_event({"page": {"url": "https://shop.example/"}}), {})
    assert "bot" not in enrich(_event({"page": PAGE}, "track"), {})


def test_the_country_comes_from_the_header_before_the_address() -> None:
    asked: list[str] = []
    assert country({"country": "NZ"}, "203.0.113.0", asked.append) == "NZ"  # type: ignore[arg-type]
    assert asked == []


def test_the_country_comes_from_the_address_where_no_header_says_it() -> None:
    derived = enrich(_event({"ip": "203.0.113.0"}), {}, place={"203.0.113.0": "fr"}.get)
    assert derived == {"location": {"country": "FR"}}


def test_an_unknown_country_is_none() -> None:
    for told in ("XX", "T1", "", "d", "ÄÖ", "12"):
        assert country({"country": told}, None, None) is None
    assert country({}, "no address", {"no address": "DE"}.get) is None


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [
    "userAgent",
    "page",
    "campaign",
    "ip",
    "platform",
    "url",
    "referrer",
    "source",
    "medium",
    "name",
    "gclid",
]
contexts = st.dictionaries(
    st.sampled_from(KEYS),
    json | st.dictionaries(st.sampled_from(KEYS), json, max_size=4),
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(contexts, st.dictionaries(st.sampled_from(["country"]), st.text(max_size=5)))
def test_no_context_makes_it_raise(context: dict[str, Any], facts: dict[str, str]) -> None:
    derived = enrich(_event(context), facts)
    assert all(derived.values())
