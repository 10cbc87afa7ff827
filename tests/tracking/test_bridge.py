"""Vendors' own cookies by ``bridge``: which are read, which are written, and when neither."""

from __future__ import annotations

import json
from urllib.parse import quote, unquote

import pytest

from tests.tracking.site import Browser, Site
from track_middleware.errors import SettingsError
from track_middleware.reading import load
from track_middleware.tracking.response import Ending
from track_middleware.tracking.vendors import cookie_names, values

EVERY = [
    "segment://KEY", "posthog://phc_a%2Bb%2F%3D", "mixpanel://U:S@12?token=TOK", "amplitude://0123456789ab",
    "rudderstack://KEY@data.example", "snowplow://c.example", "heap://77", "ga4://G-ABC:s",
]  # fmt: skip
SCHEMES = [url.partition(":")[0] for url in EVERY]


def test_names_follow_from_the_destinations_keys() -> None:
    assert cookie_names(EVERY, SCHEMES) == (
        "_ga", "_ga_ABC", "ajs_anonymous_id", "ph_phc_aPLbSLEQ_posthog", "mp_TOK_mixpanel",
        "AMP_0123456789", "rl_anonymous_id", "_sp_id", "_hp2_id.77", "rl_session",
    )  # fmt: skip


def test_only_the_vendors_that_are_named_and_set_up_are_read() -> None:
    assert cookie_names(EVERY, ["heap"]) == ("_ga", "_ga_ABC", "_hp2_id.77")
    assert cookie_names([], ["heap", "posthog"]) is None
    assert cookie_names(["heap://77"]) is None


def test_an_unknown_vendor_is_told_at_start() -> None:
    with pytest.raises(SettingsError, match="hotjar"):
        load({"bridge": ["hotjar"]}, {})


def test_of_a_json_cookie_only_ids_leave_the_request() -> None:
    ids = {"distinct_id": "d-1", "$device_id": "d-1", "$sesid": [1, "a-1", 2],
           "$user_state": "anonymous"}  # fmt: skip
    said = {"email": "a@b.c", "$initial_person_info": {"u": "https://x/?token=hush"}, **ids}
    raw = quote(json.dumps(said, separators=(",", ":")), safe="")
    kept = values(f"ph_K_posthog={raw}", ("ph_K_posthog",))["ph_K_posthog"]
    assert json.loads(unquote(kept)) == ids


def test_snowplows_cookie_is_found_whatever_its_hash() -> None:
    assert values("_sp_id.1fff=a.1.2; _sp_ses.1fff=*", ("_sp_id",)) == {"_sp_id": "a.1.2"}


def test_segments_cookie_gets_the_visitor_where_it_is_missing() -> None:
    browser = Browser(Site(bridge=["segment"]))
    (line,) = vendors(browser.visit("/"))
    assert browser.exchange is not None
    assert line == (
        f"ajs_anonymous_id={browser.exchange.anonymous_id}; Max-Age=31536000; Path=/"
        "; SameSite=Lax; Secure"
    )
    assert vendors(browser.visit("/")) == []


def test_posthogs_cookie_is_written_as_its_script_reads_it() -> None:
    browser = Browser(Site(bridge=["posthog"], destinations=["posthog://KEY"]))
    browser.visit("/")
    assert browser.exchange is not None
    visitor = browser.exchange.anonymous_id
    assert json.loads(unquote(browser.cookies["ph_KEY_posthog"])) == {
        "distinct_id": visitor, "$device_id": visitor, "$user_state": "anonymous",
    }  # fmt: skip


def test_what_the_vendors_script_has_written_is_never_overwritten() -> None:
    browser = Browser(Site(bridge=["segment"], destinations=["segment://KEY"]))
    browser.cookies["ajs_anonymous_id"] = "theirs"
    assert vendors(browser.visit("/")) == []
    assert browser.site.entries[0].facts == {"ajs_anonymous_id": "theirs"}
    browser.post("c", {"analytics": False})
    assert browser.cookies["ajs_anonymous_id"] == "theirs"


@pytest.mark.parametrize("settings", [{}, {"bridge": ["heap"]}, {"bridge": ["posthog"]}])
def test_nothing_is_written_for_a_vendor_that_is_not_named(settings: dict[str, list[str]]) -> None:
    site = Site(**settings)
    assert site.tracker.core.written is None
    assert vendors(Browser(site).visit("/")) == []


def test_nothing_is_written_before_consent_or_where_a_cache_may_store_it() -> None:
    unasked = Browser(Site(bridge=["segment"], consent="opt_in"))
    assert vendors(unasked.visit("/")) == []
    shared = {"content-type": "text/html", "cache-control": "public, max-age=60"}
    assert vendors(Browser(Site(bridge=["segment"])).visit("/", answer=shared)) == []


def test_a_refusal_takes_back_what_we_wrote() -> None:
    browser = Browser(Site(bridge=["segment"]))
    browser.visit("/")
    browser.post("c", {"analytics": False})
    assert set(browser.cookies) == {"_tm_c"}


def test_a_refusal_by_the_browser_takes_it_back_as_well() -> None:
    browser = Browser(Site(bridge=["segment"], respect_gpc="all"))
    browser.visit("/")
    browser.visit("/", sec_gpc="1")
    assert browser.cookies == {}


MARKETED = ["posthog://KEY?purpose=marketing", "ga4://G-A:s?purpose=marketing", "heap://77"]


def test_what_a_marketing_destination_wants_is_read_only_where_marketing_is_granted() -> None:
    site = Site(bridge=["posthog", "heap"], destinations=MARKETED)
    browser = Browser(site)
    browser.cookies.update({"_ga": "GA1.1.1.2", "_hp2_id.77": "x", "ph_KEY_posthog": "y"})
    browser.visit("/")
    browser.visit("/", sec_gpc="1")
    assert [entry.facts and set(entry.facts) for entry in site.entries] == [
        {"_ga", "_hp2_id.77", "ph_KEY_posthog"}, {"_hp2_id.77"},
    ]  # fmt: skip


def test_a_marketing_destinations_cookie_is_written_only_where_marketing_is_granted() -> None:
    browser = Browser(Site(bridge=["posthog"], destinations=MARKETED))
    assert vendors(browser.visit("/", sec_gpc="1")) == []
    browser.visit("/")
    assert "ph_KEY_posthog" in browser.cookies


def test_a_refusal_of_marketing_takes_back_what_we_wrote_for_it_and_nothing_else() -> None:
    browser = Browser(Site(bridge=["posthog", "segment"], destinations=MARKETED))
    browser.visit("/")
    browser.post("c", {"marketing": False})
    assert set(browser.cookies) == {"_tm_v", "_tm_s", "_tm_c", "ajs_anonymous_id"}


def test_after_a_sign_out_the_cookie_that_we_wrote_is_the_new_visitors() -> None:
    browser = Browser(Site(bridge=["segment"], destinations=["segment://KEY"]))
    browser.visit("/")
    exchange = browser.open("/")
    former = exchange.anonymous_id
    exchange.reset()
    exchange.track("Left")
    browser.close()
    assert browser.cookies["ajs_anonymous_id"] == exchange.anonymous_id != former
    assert [entry.facts for entry in browser.site.entries[1:]] == [None, None]


def vendors(ending: Ending) -> list[str]:
    """The cookies that an ending sets which are not ours."""
    return [each.line() for each in ending.cookies if not each.name.startswith("_tm_")]
