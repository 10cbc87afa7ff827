"""What hostile input must not do: speak for another, stay after a refusal, break a page."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import HTML, NAVIGATION, Browser, Site, requested
from track_middleware.http import Request
from track_middleware.reading import load
from track_middleware.tracking.beacon import mended
from track_middleware.tracking.inject import PLACEHOLDER, Injector
from track_middleware.tracking.shareable import shareable
from track_middleware.tracking.snippet import Snippet

LOAD = "a" * 32
MESSAGE = {"id": "1", "type": "track", "name": "x", "load": LOAD, "at": 0, "url": "https://a/"}


@pytest.mark.parametrize("name", ["cdn-cache-control", "surrogate-control", "x-accel-expires"])
@pytest.mark.parametrize("control", ["private, max-age=0", "no-store"])
def test_what_a_cdn_is_told_to_store_is_everybodys_though_browsers_may_not(
    name: str, control: str
) -> None:
    value = "3600" if name == "x-accel-expires" else "max-age=3600"
    ending = Browser(Site()).visit("/", answer={**HTML, "cache-control": control, name: value})
    assert (ending.cookies, ending.headers) == ((), ())


def test_a_cache_tag_alone_does_not_outrule_private() -> None:
    assert not shareable({"cache-control": "private", "cache-tag": "home"}, 0)
    assert shareable({"cache-tag": "home"}, 0)


@pytest.mark.parametrize("around", ["<script>'{}'</script>", "<textarea>{}</textarea>"])
def test_a_placeholder_that_somebody_wrote_into_a_text_is_no_place(around: str) -> None:
    text = around.format(PLACEHOLDER)
    tagged = Injector("<TAG>", "text/html").whole(f"<head>{text}</head>".encode())
    assert tagged == f"<head>{text}<TAG></head>".encode()


@pytest.mark.parametrize("base", ["//evil.example", "/\\evil.example", "///evil.example"])
def test_no_root_path_makes_the_script_another_hosts(base: str) -> None:
    source = Snippet(load({}, {}), "p").tag(base, None, "").split('"')[1]
    assert source.startswith("/")
    assert source[1] not in "/\\"


@pytest.mark.parametrize("around", ['q="shoes {}"', "q=shoes,{}"])
def test_a_cookie_of_ours_inside_another_cookies_value_is_none(around: str) -> None:
    site = Site()
    other, own = Browser(site), Browser(site)
    other.visit("/")
    own.visit("/")
    inside = around.format(f"_tm_v={other.cookies['_tm_v']}")
    sent = {**NAVIGATION, "cookie": f"{inside}; _tm_v={own.cookies['_tm_v']}"}
    exchange = site.tracker.open(requested("GET", "/", sent))
    assert own.exchange is not None
    assert exchange.anonymous_id == own.exchange.anonymous_id


@pytest.mark.parametrize("between", [" ", "a=1;  ", "a=1;\t", "a=1 ;   "])
def test_a_refusal_holds_whatever_spaces_a_proxy_puts_between_cookies(between: str) -> None:
    site = Site()
    browser = Browser(site)
    browser.post("c", {"analytics": False, "marketing": False})
    site.entries.clear()
    sent = {**NAVIGATION, "cookie": f"{between}_tm_c={browser.cookies['_tm_c']}"}
    exchange = site.tracker.open(requested("GET", "/", sent))
    assert exchange.track("Bought") is None
    assert exchange.close(200, HTML).cookies == ()
    exchange.finish()
    assert site.entries == []


@pytest.mark.parametrize("settings", [{"consent": "opt_in"}, {"respect_gpc": "all"}])
def test_nothing_is_kept_of_an_unreadable_body_without_permission(settings: dict[str, str]) -> None:
    site = Site(**settings)
    Browser(site, sec_gpc="1").post("q", b'{"v":1,')
    assert (site.entries, site.counted) == ([], [])


@pytest.mark.parametrize("sent", [8e13, 1e300, -1])
def test_a_clock_beyond_all_dates_is_refused(sent: float) -> None:
    reply = Browser(Site()).post("q", {"v": 1, "sent": sent, "events": [MESSAGE]})
    assert reply.status == 400


def test_what_an_app_does_to_its_consent_is_nobody_elses() -> None:
    site = Site()
    Browser(site).open("/").consent["analytics"] = "denied"
    assert Browser(site).open("/").consent["analytics"] == "granted"


@pytest.mark.parametrize(("names", "length"), [(6, 100), (8, 20)])
def test_a_campaign_of_control_characters_fits_its_cookie(names: int, length: int) -> None:
    query = "&".join(f"utm_{'x' * 30}{n}=" + "%01" * length for n in range(names))
    ending = Browser(Site()).visit(f"/?{query}")
    assert max(len(cookie.value) for cookie in ending.cookies) <= 1500


def test_clients_without_a_cookie_do_not_use_up_each_others_calls() -> None:
    site = Site(ip="none")
    for number in range(125):
        request = Request("POST", "/prefix00/q", peer=f"10.0.0.{number}", header=_same_origin)
        assert site.tracker.open(request).reply(b'{"v":1,"ask":true}').status == 200


def test_an_answer_to_head_has_no_body() -> None:
    request = Request("HEAD", "/prefix00/q", header=lambda name: "")
    assert Site().tracker.open(request).reply(b"").body == b""


def test_a_beacon_does_not_multiply_a_long_user_agent() -> None:
    site = Site()
    Browser(site, user_agent="u" * 60_000).post("q", {"v": 1, "events": [MESSAGE]})
    assert site.entries[-1].event is not None
    assert len(site.entries[-1].event.context["userAgent"]) <= 1024


def _same_origin(name: str) -> str:
    return "same-origin" if name == "sec-fetch-site" else ""


@given(st.text(alphabet='\ud83e\udd8a\\ud8a"\0', max_size=12))
def test_half_a_character_costs_itself_alone(text: str) -> None:
    body = json.dumps({text: text}).encode()
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert list(msgspec.json.decode(mended(body)).values()) == [whole]


def test_a_text_that_was_cut_inside_an_emoji_spoils_no_beacon() -> None:
    site = Site()
    cut = rb'{"v":1,"events":[%b]}' % msgspec.json.encode({**MESSAGE, "name": "HALF"})
    reply = Browser(site).post("q", cut.replace(b"HALF", rb"fox \ud83e"))
    assert (reply.status, reply.body) == (200, b'{"ok":1}')
    assert site.entries[0].event
    assert site.entries[0].event.event == "fox \ufffd"
