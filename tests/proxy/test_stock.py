"""Vendors' own scripts, unmodified, in a real browser: all of their events arrive, once."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.proxy.conftest import Shop, shop
from tests.proxy.stand_in import Asked, StandIn, Told, said, stand_in
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.needs("chromium", "npm")

#: What blockers refuse under any host's prefix, as their lists have it.
BLOCKED = re.compile(
    r"posthog-recorder|dead-clicks-autocapture|/track/\?(data|verbose)=|/analytics\.js/v1/"
    r"|mixpanel|amplitude|plausible|segment"
)


def _script(body: bytes) -> Told:
    return said(body, kind="application/javascript", ETag='"1"')


def _watched(person: BrowserContext) -> tuple[Page, list[str]]:
    """A new tab, and the address of everything that it asks for."""
    page, urls = person.new_page(), []
    page.on("request", lambda request: urls.append(request.url))
    return page, urls


def _only_neutral(urls: list[str], site: Shop) -> None:
    assert {url.split("/")[2] for url in urls} == {f"localhost:{site.port}"}
    assert [url for url in urls if BLOCKED.search(url)] == []


def _unpacked(asked: Asked) -> bytes:
    return gzip.decompress(asked.body) if asked.body.startswith(b"\x1f\x8b") else asked.body


# PostHog


def _posthog(packages: Path, vendor: StandIn, asked: Asked) -> Told:
    if asked.path.startswith("/static/"):
        return _script((packages / "posthog-js/dist" / asked.path.rpartition("/")[2]).read_bytes())
    if asked.path.startswith("/array/"):
        config = {
            "supportedCompression": ["gzip-js"],
            "captureDeadClicks": True,
            "sessionRecording": {
                "endpoint": "/s/",
                "scriptConfig": {"script": "posthog-recorder"},
            },
            "hasFeatureFlags": False,
        }
        text = json.dumps(config)
        if asked.path.endswith(".js"):
            return _script(b"")
        return said(text.encode())
    return said(b'{"status":1}')


@pytest.fixture
def posthog(packages: Path, tmp_path: Path) -> Iterator[tuple[StandIn, Shop]]:
    with stand_in() as vendor:
        vendor.answer = lambda asked: _posthog(packages, vendor, asked)
        with shop(tmp_path / "track", f"posthog://?endpoint={vendor.url}") as site:
            site.html = (
                f"<html><body><button>Buy</button><script src='{site.base}/static/array.js'>"
                f"</script><script>posthog.init('phc_test', {{api_host: '{site.base}', "
                "request_batching: true, capture_pageview: true, autocapture: false, "
                "opt_out_useragent_filter: true})</script></body></html>"
            )
            yield vendor, site


def _posthog_events(asked: Asked) -> list[dict[str, Any]]:
    body = _unpacked(asked)
    if body.startswith(b"data="):
        body = base64.b64decode(parse_qs(body.decode())["data"][0])
    told = json.loads(body)
    if isinstance(told, dict):
        told = told.get("batch", [told])
    return list(told)


def test_posthog_js(posthog: tuple[StandIn, Shop], person: BrowserContext) -> None:
    vendor, site = posthog
    page, urls = _watched(person)
    page.goto(site.url("/?utm_source=letter"))
    page.evaluate("for (const n of [1, 2, 3]) posthog.capture('Bought', {n})")
    vendor.wait(lambda: sum(names(vendor).values()) >= 4)
    for name in ("posthog-recorder", "dead-clicks-autocapture"):
        vendor.wait(lambda name=name: any(f"/{name}.js" in each.path for each in vendor.asked))
    page.wait_for_function("posthog.__loaded")
    page.close()  # its script says nothing when the page is only left
    vendor.wait(lambda: names(vendor)["$pageleave"])
    seen = names(vendor)
    assert (seen["$pageview"], seen["Bought"], seen["$pageleave"]) == (1, 3, 1)
    numbers = [e["properties"]["n"] for e in events(vendor) if e["event"] == "Bought"]
    assert sorted(numbers) == [1, 2, 3]
    assert len({event["uuid"] for event in events(vendor)}) == len(events(vendor))
    _only_neutral(urls, site)
    assert {each.headers.get("cookie") for each in vendor.asked} == {None}
    assert {each.headers.get("x-forwarded-for") for each in vendor.to("/e/")} == {"127.0.0.0"}


def events(vendor: StandIn) -> list[dict[str, Any]]:
    calls = [each for each in vendor.asked if each.path in ("/e/", "/i/v0/e/")]
    return [event for each in calls for event in _posthog_events(each)]


def names(vendor: StandIn) -> Counter[str]:
    return Counter(event["event"] for event in events(vendor))


# Mixpanel


@pytest.fixture
def mixpanel(packages: Path, tmp_path: Path) -> Iterator[tuple[StandIn, Shop]]:
    def answer(asked: Asked) -> Told:
        if asked.path == "/libs/mixpanel-2-latest.min.js":
            return _script((packages / "mixpanel-browser/dist/mixpanel.min.js").read_bytes())
        if asked.path.startswith("/libs/mixpanel-"):
            folder = packages / "mixpanel-browser/dist/async-modules"
            return _script((folder / asked.path.rpartition("/")[2]).read_bytes())
        return said(b'{"status":1,"error":null}')

    with stand_in(answer) as vendor:
        proxy = f"mixpanel://?endpoint={vendor.url}&scripts={vendor.url}"
        with shop(tmp_path / "track", proxy) as site:
            site.html = (
                "<html><body><button>Buy</button><script>"
                "mixpanel = []; mixpanel._i = []; mixpanel.__SV = 1.2;"
                "mixpanel._i.push(['TOKEN', {track_pageview: true, record_sessions_percent: 100},"
                " 'mixpanel'])"
                f"</script><script src='{site.script}'></script></body></html>"
            )
            yield vendor, site


def _mixpanel_records(vendor: StandIn, path: str) -> list[dict[str, Any]]:
    records = []
    for asked in vendor.to(path):
        told = parse_qs(asked.body.decode())["data"][0]
        text = told if told.startswith(("[", "{")) else base64.b64decode(told)
        found = json.loads(text)
        records += found if isinstance(found, list) else [found]
    return records


def test_mixpanel(mixpanel: tuple[StandIn, Shop], person: BrowserContext) -> None:
    vendor, site = mixpanel
    page, urls = _watched(person)
    page.goto(site.url("/?utm_source=letter"))
    page.evaluate("for (const n of [1, 2, 3]) mixpanel.track('Bought', {n})")
    page.evaluate("mixpanel.identify('u1'); mixpanel.people.set({plan: 'pro'})")
    vendor.wait(lambda: len(_mixpanel_records(vendor, "/track/")) >= 4)
    vendor.wait(lambda: _mixpanel_records(vendor, "/engage/"))
    vendor.wait(lambda: any("mixpanel-recorder" in each.path for each in vendor.asked))
    vendor.wait(lambda: vendor.to("/record/"))
    page.close()
    records = _mixpanel_records(vendor, "/track/")
    bought = [each["properties"]["n"] for each in records if each["event"] == "Bought"]
    assert sorted(bought) == [1, 2, 3]
    assert Counter(each["event"] for each in records)["$mp_web_page_view"] == 1
    assert len({each["properties"]["$insert_id"] for each in records}) == len(records)
    profiles = _mixpanel_records(vendor, "/engage/")
    assert [each["$set"]["plan"] for each in profiles if "plan" in each.get("$set", {})] == ["pro"]
    _only_neutral(urls, site)
    assert {each.headers.get("x-real-ip") for each in vendor.to("/track/")} == {"127.0.0.0"}


# Segment


@pytest.fixture
def segment(packages: Path, tmp_path: Path) -> Iterator[tuple[StandIn, Shop]]:
    folder = packages / "@segment/analytics-next/dist/umd"

    def answer(asked: Asked) -> Told:
        if asked.path.startswith("/analytics.js/v1/"):
            return _script((folder / "standalone.js").read_bytes())
        if asked.path.startswith("/analytics-next/bundles/"):
            return _script((folder / asked.path.rpartition("/")[2]).read_bytes())
        if asked.path == "/v1/projects/KEY/settings":
            return said(
                b'{"integrations":{"Segment.io":{"apiKey":"KEY","apiHost":"api.segment.io/v1"}},'
                b'"plan":{"track":{"__default":{"enabled":true}}},"edgeFunction":{}}'
            )
        return said(b'{"success":true}')

    with stand_in(answer) as vendor:
        proxy = f"segment://?endpoint={vendor.url}&scripts={vendor.url}"
        with shop(tmp_path / "track", proxy) as site:
            site.html = (
                "<html><body><script>analytics = []; analytics._writeKey = 'KEY';"
                "for (const name of ['track', 'page', 'identify']) analytics[name] = "
                "(...given) => analytics.push([name, ...given]); analytics.page()</script>"
                f"<script src='{site.script}'></script></body></html>"
            )
            yield vendor, site


def _segment_messages(vendor: StandIn) -> list[dict[str, Any]]:
    calls = [each for each in vendor.asked if each.method == "POST" and each.path != "/v1/m"]
    return [json.loads(each.body) for each in calls]


def test_segment(segment: tuple[StandIn, Shop], person: BrowserContext) -> None:
    vendor, site = segment
    page, urls = _watched(person)
    page.goto(site.url())
    vendor.wait(lambda: _segment_messages(vendor))
    page.evaluate("for (const n of [1, 2, 3]) analytics.track('Bought', {n})")
    page.evaluate("analytics.identify('u1', {plan: 'pro'})")
    vendor.wait(lambda: len(_segment_messages(vendor)) >= 5)
    page.close()
    messages = _segment_messages(vendor)
    bought = [each["properties"]["n"] for each in messages if each.get("event") == "Bought"]
    assert sorted(bought) == [1, 2, 3]
    assert Counter(each["type"] for each in messages) == {"page": 1, "track": 3, "identify": 1}
    assert {each["writeKey"] for each in messages} == {"KEY"}
    assert [url for url in urls if BLOCKED.search(url)] == []
    assert {url.split("/")[2] for url in urls} == {f"localhost:{site.port}"}


# Amplitude


@pytest.fixture
def amplitude(packages: Path, tmp_path: Path) -> Iterator[tuple[StandIn, Shop]]:
    script = packages / "@amplitude/analytics-browser/lib/scripts/amplitude-min.js"

    def answer(asked: Asked) -> Told:
        if asked.path == "/script/KEY.js":
            return _script(script.read_bytes())
        return said(b'{"code":200,"configs":{"analyticsSDK":{}}}')

    with stand_in(answer) as vendor:
        proxy = f"amplitude://?endpoint={vendor.url}&scripts={vendor.url}"
        with shop(tmp_path / "track", proxy) as site:
            site.html = (
                f"<html><body><script src='{site.script}'></script><script>"
                "amplitude.init('KEY', {fetchRemoteConfig: false, autocapture: {pageViews: true, "
                "sessions: false, elementInteractions: false}})</script></body></html>"
            )
            yield vendor, site


def test_amplitude(amplitude: tuple[StandIn, Shop], person: BrowserContext) -> None:
    vendor, site = amplitude
    page, urls = _watched(person)
    page.goto(site.url())
    page.evaluate(
        "() => { for (const n of [1, 2, 3]) amplitude.track('Bought', {n});"
        " return amplitude.flush().promise }"
    )

    def events() -> list[dict[str, Any]]:
        calls = [json.loads(_unpacked(each)) for each in vendor.to("/2/httpapi")]
        return [event for call in calls for event in call["events"]]

    def are_bought() -> bool:
        page.wait_for_timeout(20)
        return sum(each["event_type"] == "Bought" for each in events()) >= 3

    until(are_bought, lambda: (urls, events()))
    vendor.wait(lambda: any("Page Viewed" in each["event_type"] for each in events()))
    page.close()
    seen = Counter(each["event_type"] for each in events())
    assert (seen["Bought"], seen["[Amplitude] Page Viewed"]) == (3, 1)
    assert len({each["insert_id"] for each in events()}) == len(events())
    _only_neutral(urls, site)


# Plausible


def test_plausible(packages: Path, tmp_path: Path, person: BrowserContext) -> None:
    module = (packages / "@plausible-analytics/tracker/plausible.js").read_text()
    with (
        stand_in(lambda asked: said(b"ok", status=202, kind="text/plain")) as vendor,
        shop(tmp_path / "track", f"plausible://?endpoint={vendor.url}") as site,
    ):
        site.html = (
            f"<html><body><script type='module'>{module};"
            f"init({{domain: 'shop', endpoint: '{site.base}/api/event',"
            "captureOnLocalhost: true});"
            "globalThis.bought = n => track('Bought', {props: {n}})</script></body></html>"
        )
        page, urls = _watched(person)
        page.goto(site.url())
        page.evaluate("for (const n of [1, 2, 3]) bought(n)")
        vendor.wait(lambda: len(vendor.to("/api/event")) >= 4)
        page.close()
        told = [json.loads(each.body) for each in vendor.to("/api/event")]
        seen = Counter(each["n"] for each in told)
        assert (seen["pageview"], seen["Bought"]) == (1, 3)
        assert {url.split("/")[2] for url in urls} == {f"localhost:{site.port}"}
        assert {each.headers["x-forwarded-for"] for each in vendor.asked} == {"127.0.0.0"}
