"""Our own paths: script, collector, consent."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import Browser, Site, token_of
from track_middleware.errors import SettingsError
from track_middleware.event import iso
from track_middleware.http import Reply
from track_middleware.reading import load
from track_middleware.tracking.collector import corrected

LOAD = "0123456789abcdef0123456789abcdef"


def said(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body)


def message(token: str = "", **more: Any) -> dict[str, Any]:
    return {"id": "1", "type": "view", "load": LOAD, "token": token, "at": 1_799_999_999_000.0,
            "url": "https://shop.example/?token=hush", **more}  # fmt: skip


def beacon(*messages: Any) -> dict[str, Any]:
    return {"v": 1, "sent": 1_800_000_000_000.0, "events": list(messages)}


def test_a_confirmation_carries_token_load_and_what_the_browser_saw() -> None:
    site = Site()
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    facts = {"viewport": "800x600", "language": "fr", "timezone": "Europe/Paris"}
    reply = browser.post("q", beacon(message(token, facts=facts, title="T")))
    assert (reply.status, said(reply)) == (200, {"ok": 1})
    view, confirm = site.entries
    assert view.page is not None
    assert confirm.page is not None
    assert confirm.event is not None
    assert (confirm.kind, confirm.origin, confirm.page.id) == ("confirm", LOAD, view.page.id)
    assert confirm.page.load == LOAD
    assert confirm.event.context["screen"] == {"viewport": "800x600"}
    assert confirm.event.context["page"]["title"] == "T"
    assert "hush" not in repr(confirm)
    assert confirm.person == view.person


def test_an_address_or_title_without_end_is_cut_and_the_view_counts() -> None:
    site = Site()
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    long = {"url": "https://shop.example/?q=" + "x" * 9000, "title": "T" * 2500}
    assert said(browser.post("q", beacon(message(token, **long)))) == {"ok": 1}
    assert site.entries[1].event is not None
    page = site.entries[1].event.context["page"]
    assert (len(page["url"]), len(page["title"])) == (8192, 2000)


def test_a_page_without_a_token_gets_its_visitor_from_its_load() -> None:
    site = Site()
    first, again = Browser(site), Browser(site)
    for browser in (first, again):
        reply = browser.post("q", beacon(message()))
        assert ("Cache-Control", "no-store") in reply.headers
        assert set(browser.cookies) == {"_tm_v", "_tm_s"}
    one, two = (entry.person for entry in site.entries)
    assert one is not None
    assert two is not None
    assert one.visitor == two.visitor


def test_a_token_without_a_cookie_makes_no_visitor() -> None:
    site = Site()
    token = token_of(Browser(site).visit("/"))
    stranger = Browser(site)
    stranger.post("q", beacon(message(token)))
    assert stranger.cookies == {}
    assert site.entries[1].person is None


def test_a_user_that_the_browser_claims_is_only_a_claim() -> None:
    site = Site()
    browser = Browser(site)
    browser.post("q", beacon(message(type="identify", userId="boss", traits={"vip": True})))
    event = site.entries[0].event
    assert event is not None
    assert event.user_id is None
    assert event.context["claimedUserId"] == "boss"


def test_a_claim_that_the_cookie_confirms_counts() -> None:
    site = Site()
    browser = Browser(site)
    browser.open("/").signed_in("42")
    token = token_of(browser.close())
    browser.post("q", beacon(message(token, type="track", name="Clicked", userId="42")))
    event = site.entries[-1].event
    assert event is not None
    assert event.user_id == "42"
    assert "claimedUserId" not in event.context


def test_a_trusted_browser_signs_in_by_itself() -> None:
    site = Site(browser_identity="trusted")
    browser = Browser(site)
    browser.post("q", beacon(message(type="identify", userId="42")))
    assert browser.open("/").user_id == "42"


def test_what_a_tokenless_page_left_to_another_document_is_not_that_ones_visitors() -> None:
    site = Site()
    browser = Browser(site)
    browser.visit("/")
    cookies = dict(browser.cookies)
    browser.post("q", beacon(message(type="track", name="Left", late=True)))
    visit, late = site.entries
    assert visit.person is not None
    assert late.person is not None
    assert late.person.visitor != visit.person.visitor
    assert (late.person.session, late.person.user) == (None, None)
    assert browser.cookies == cookies
    Browser(site).post("q", beacon(message(type="track", name="Fresh")))
    assert site.entries[-1].person is not None
    assert site.entries[-1].person.visitor == late.person.visitor


@pytest.mark.parametrize(
    "told", [{"type": "leave"}, {"type": "track", "name": "Web Vitals"}], ids=["left", "vitals"]
)
def test_what_is_told_when_a_page_is_left_prolongs_no_session(told: dict[str, Any]) -> None:
    site = Site()
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    cookies = dict(browser.cookies)
    site.now += 7200
    browser.post("q", beacon(message(token, **told)))
    assert browser.cookies == cookies
    browser.post("q", beacon(message(token, id="2", type="track", name="Clicked")))
    assert browser.cookies != cookies


def test_a_late_identify_signs_nobody_in() -> None:
    site = Site(browser_identity="trusted")
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    browser.post("q", beacon(message(token, type="identify", userId="42", late=True)))
    assert site.entries[-1].event is not None
    assert browser.open("/").user_id is None


def test_an_event_that_waited_for_an_hour_keeps_its_own_time() -> None:
    site = Site()
    browser = Browser(site)
    token = token_of(browser.visit("/"))
    at = 1_800_000_000_000.0 - 3_600_000
    browser.post("q", beacon(message(token, type="track", name="Waited", at=at)))
    event = site.entries[-1].event
    assert event is not None
    assert event.timestamp == iso(site.now - 3600)


def test_a_page_without_a_token_says_its_campaign_itself() -> None:
    site = Site()
    browser = Browser(site)
    url = "https://shop.example/?utm_source=mail&utm_medium=email#part"
    browser.post("q", beacon(message(url=url), message(id="2", type="track", name="Next")))
    view, following = (entry.event for entry in site.entries)
    assert view is not None
    assert following is not None
    assert view.context["campaign"] == {"source": "mail", "medium": "email"}
    assert "campaign" not in following.context
    assert browser.open("/").campaign == {"source": "mail", "medium": "email"}


def test_what_a_browser_gave_up_is_counted() -> None:
    site = Site()
    browser = Browser(site)
    assert browser.post("q", {**beacon(message()), "dropped": 3}).status == 200
    assert browser.post("q", {**beacon(message()), "dropped": -1}).status == 400
    assert [each for each in site.counted if each[0] == "browser_dropped"] == [
        ("browser_dropped", 3)
    ]


def test_the_empty_question_is_answered_and_leaves_nothing() -> None:
    for consent, expected in (("opt_out", {"ok": 0}), ("opt_in", {"ok": 0, "stop": "consent"})):
        site = Site(consent=consent)
        browser = Browser(site)
        assert said(browser.post("q", {"v": 1, "ask": True})) == expected
        assert (browser.cookies, site.entries) == ({}, [])


def test_without_consent_a_beacon_is_told_to_stop_and_nothing_is_kept() -> None:
    site = Site(consent="opt_in")
    browser = Browser(site)
    reply = browser.post("q", beacon(message()))
    assert said(reply) == {"ok": 0, "stop": "consent"}
    assert (site.entries, browser.cookies) == ([], {})


def test_a_bad_message_spoils_no_other_and_goes_to_the_door() -> None:
    site = Site()
    reply = Browser(site).post("q", beacon(message(), {"id": "2"}, message("forged"), 7))
    assert reply.status == 200
    assert said(reply)["ok"] == 1
    assert [index for index, _ in said(reply)["refused"]] == [1, 2, 3]
    assert site.kinds() == ["confirm", "door", "door", "door"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 400), (b"\xff\xfe", 400), (b"[" * 60_000, 400), (b'{"v":2}', 400),
        (b'{"v":1,"events":' + b"[" * 30_000, 400), (b" " * 65_537, 413),
        (msgspec.json.encode(beacon(message(properties={"a": "x" * 33_000}))), 400),
        (msgspec.json.encode(beacon(message(properties={str(n): n for n in range(300)}))), 400),
        (msgspec.json.encode(beacon(message(type="track"))), 400),
    ],
)  # fmt: skip
def test_a_hostile_body_is_a_4xx_with_a_reason(body: bytes, status: int) -> None:
    reply = Browser(Site()).post("q", body)
    assert reply.status == status
    assert said(reply)["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site", "origin": "https://evil.shop.example"}, 403),
        ({"sec_fetch_site": "", "origin": "https://evil.example"}, 403),
        ({"sec_fetch_site": "", "origin": "null"}, 403),
        ({"sec_fetch_site": "", "origin": "https://[bad"}, 403),
        ({"sec_fetch_site": "", "origin": "https://shop.example"}, 200),
        ({"sec_fetch_site": "cross-site", "origin": "https://linked.example"}, 200),
        ({"sec_fetch_site": ""}, 200),
    ],
)
def test_only_our_own_pages_may_post(headers: dict[str, str], status: int) -> None:
    site = Site(linked_domains=["linked.example"])
    assert Browser(site).post("q", beacon(message()), **headers).status == status


def test_a_client_that_never_stops_is_told_to_wait() -> None:
    site = Site()
    browser = Browser(site)
    statuses = [browser.post("q", {"v": 1, "ask": True}).status for _ in range(200)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    reply = browser.post("q", {"v": 1, "ask": True})
    assert said(reply)["retry"] >= 1
    assert said(reply)["stop"] == "rate"
    assert any(name == "Retry-After" for name, _ in reply.headers)
    site.now += 60
    assert browser.post("q", {"v": 1, "ask": True}).status == 200


def test_a_full_spool_asks_the_browser_to_keep_its_events() -> None:
    site = Site()
    site.full = True
    assert Browser(site).post("q", beacon(message())).status == 429


def test_a_granted_choice_brings_a_token_whose_view_is_the_browsers() -> None:
    site = Site(consent="opt_in")
    browser = Browser(site)
    reply = browser.post("c", {"analytics": True, "marketing": False})
    assert said(reply)["consent"] == {"analytics": "granted", "marketing": "denied"}
    assert site.kinds() == ["choice", "mark"]
    assert browser.post("q", beacon(message(said(reply)["token"]))).status == 200
    mark, confirm = site.entries[1:]
    assert mark.page is not None
    assert confirm.page is not None
    assert (mark.page.id, confirm.page.counting) == (confirm.page.id, "shown")


@pytest.mark.parametrize(
    ("referer", "campaign"),
    [
        ("https://shop.example/a?utm_source=news#x", {"source": "news"}),
        ("https://other.example/a?utm_source=news", {}),
        ("", {}),
    ],
)
def test_who_is_made_by_a_grant_came_with_the_campaign_of_the_page_in_view(
    referer: str, campaign: dict[str, str]
) -> None:
    site = Site(consent="opt_in")
    browser = Browser(site)
    browser.visit("/a?utm_source=news")
    browser.post("c", {"analytics": True}, referer=referer)
    exchange = browser.open("/b")
    assert (exchange.campaign, exchange.first_campaign) == (campaign, campaign)


def test_a_missing_purpose_stays_as_it_was() -> None:
    site = Site()
    browser = Browser(site)
    browser.post("c", {"marketing": False})
    browser.post("c", {"analytics": True})
    assert browser.open("/").consent == {"analytics": "granted", "marketing": "denied"}


def test_a_choice_says_to_which_text_it_was_made_and_who_brought_it() -> None:
    site = Site(consent="opt_in")
    given = {"analytics": True, "version": "2026-05-01", "source": "banner"}
    assert Browser(site).post("c", given).status == 200
    event = site.entries[0].event
    assert event is not None
    assert event.properties == {
        "analytics": "granted", "marketing": "pending", "version": "2026-05-01", "source": "banner",
    }  # fmt: skip


def test_a_choice_that_a_signal_of_the_browser_stands_over_says_so() -> None:
    site = Site()
    Browser(site, sec_gpc="1").post("c", {"analytics": True, "marketing": True})
    event = site.entries[0].event
    assert event is not None
    assert event.properties == {
        "analytics": "granted", "marketing": "denied", "source": "api", "signal": "gpc",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b'{"analytics":"yes"}', b'{"other":true}', b'{"analytics":null}',
        b'{"version":"1"}', b'{"analytics":true,"version":1}',
        b'{"analytics":true,"version":"' + b"1" * 101 + b'"}',
        b'{"analytics":true,"version":"\\u001b[2J"}',
        b'{"analytics":true,"source":"server"}', b'{"analytics":true,"source":"gpc"}',
        b'{"analytics":true,"source":"<b>"}', b'{"analytics":true,"source":"a\\n"}',
    ],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused(body: bytes) -> None:
    assert Browser(Site()).post("c", body).status == 400


@pytest.mark.parametrize(
    ("name", "body", "digest"),
    [("m", b"script", "0123456789abcdef"), ("m2", b"extras", "fedcba9876543210")],
)
def test_both_files_of_the_script_are_cached_by_their_hash(
    name: str, body: bytes, digest: str
) -> None:
    browser = Browser(Site())
    plain = browser.open(f"/prefix00/{name}.js").reply(b"")
    assert (plain.status, plain.body) == (200, body)
    assert ("Cache-Control", "public, max-age=3600") in plain.headers
    lasting = browser.open(f"/prefix00/{name}.{digest[:8]}.js").reply(b"")
    assert (lasting.body, dict(lasting.headers)["Cache-Control"]) == (
        body, "public, max-age=31536000",
    )  # fmt: skip
    former = browser.open(f"/prefix00/{name}.00000000.js").reply(b"")
    assert (former.body, dict(former.headers)["Cache-Control"]) == (body, "public, max-age=3600")
    same = browser.open(f"/prefix00/{name}.js", if_none_match=f'"{digest}"').reply(b"")
    assert (same.status, same.body) == (304, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "q", 405), ("POST", "m.js", 405), ("GET", "", 404), ("GET", "nothing", 404)],
)
def test_the_rest_of_the_prefix_says_what_is_wrong(method: str, path: str, status: int) -> None:
    reply = Browser(Site()).open(f"/prefix00/{path}", method).reply(b"")
    assert reply.status == status
    assert said(reply)["error"]


def test_a_clients_clock_is_corrected_and_never_in_the_future() -> None:
    assert corrected(at=1_000.0, sent=61_000.0, received=500.0) == 440.0
    assert corrected(at=99_000.0, sent=61_000.0, received=500.0) == 500.0


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["v", "events", "id", "type", "load", "at", "token", "url", "name",
                         "properties", "page", "sent", "userId", "facts"]), inner, max_size=8),
    max_leaves=30,
))  # fmt: skip
def test_no_json_makes_the_collector_fail(content: Any) -> None:
    reply = Browser(Site()).post("q", msgspec.json.encode(content))
    assert reply.status in (200, 400)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_collector_fail(body: bytes) -> None:
    assert Browser(Site()).post("q", body).status == 400
    assert Browser(Site()).post("c", body).status == 400


GPC = "/.well-known/gpc.json"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_site_that_heeds_gpc_says_so(method: str) -> None:
    browser = Browser(Site(), sec_fetch_site="cross-site")
    reply = browser.open(GPC, method).reply(b"")
    assert isinstance(reply, Reply)
    assert (reply.status, dict(reply.headers)["Content-Type"]) == (200, "application/json")
    assert method == "HEAD" or said(reply)["gpc"] is True
    assert method == "HEAD" or re.fullmatch(r"\d{4}-\d\d-\d\d", said(reply)["lastUpdate"])


@pytest.mark.parametrize(
    "settings",
    [
        {"respect_gpc": False}, {"enabled": False}, {"exclude": [GPC]},
        {"exclude": ["/.well-known/*"]},
    ],
)  # fmt: skip
def test_where_it_is_not_heeded_or_the_app_says_so_itself_the_path_is_the_apps(
    settings: dict[str, Any],
) -> None:
    assert Browser(Site(**settings)).open(GPC).own is None


@pytest.mark.parametrize("path", [GPC + "x", GPC + "/", "/.well-known/", "/a" + GPC])
def test_no_other_path_nearby_is_ours(path: str) -> None:
    assert Browser(Site()).open(path).own is None


def tag(browser: Browser) -> str:
    ending = browser.visit("/")
    assert ending.injector is not None
    return ending.injector.whole(b"<html><head></head></html>").decode()


@pytest.mark.parametrize(
    ("said", "attribute"),
    [
        (True, " data-bait>"),
        ("https://t.example/a?b&c", ' data-bait="https://t.example/a?b&amp;c">'),
    ],
)
def test_the_tag_says_what_the_script_asks_blockers_about(said: bool | str, attribute: str) -> None:
    assert attribute in tag(Browser(Site(bait=said)))
    assert "data-bait" not in tag(Browser(Site()))


def test_what_blockers_refuse_is_answered_with_nothing() -> None:
    reply = Browser(Site()).open("/prefix00/matomo.js").reply(b"")
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize(
    "said", ["", "matomo.js", "http://t.example/", "https:///a", "https://a b"]
)
def test_a_bait_that_is_no_address_is_a_wrong_setting(said: str) -> None:
    with pytest.raises(SettingsError, match="bait"):
        load({"bait": said}, {})
