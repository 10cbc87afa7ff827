"""snowplow-tracker 1.1 and us: the same events on one collector, field by field, with what stands
in base64 decoded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.delivery.emulators.snowplow import decoded, violations
from tests.delivery.recorder import Got, Recorder
from tests.oracle import body, by_us, differences
from track_middleware import page, screen, track

VISITOR = "11111111-1111-4111-a111-111111111111"
SESSION = "22222222-2222-4222-a222-222222222222"
PAGE = "33333333-3333-4333-a333-333333333333"
EVENT = "44444444-4444-4444-a444-444444444444"
TIME = 1_795_435_200_000
URL = "https://shop.test/sale"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

CONTEXT = {
    "page": {"id": PAGE, "url": URL, "title": "Sale", "referrer": "https://www.google.com/"},
    "session": {"id": SESSION, "number": 2, "start": "2026-11-23T11:59:00.000Z"},
    "platform": "web",
    "ip": "192.0.2.0",
    "userAgent": FIREFOX,
    "locale": "de-DE",
    "timezone": "Europe/Berlin",
    "screen": {"size": "1920x1080", "viewport": "1200x800"},
}
WHO: dict[str, Any] = {
    "user_id": "42", "anonymous_id": VISITOR, "event_id": EVENT, "context": CONTEXT,
    "timestamp": TIME / 1000,
}  # fmt: skip
ENTITIES = [
    ("iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0", {"id": PAGE}),
    (
        "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2",
        {
            "userId": VISITOR, "sessionId": SESSION, "sessionIndex": 2,
            "storageMechanism": "COOKIE_1",
        },
    ),
]  # fmt: skip

#: Where the two differ -> why.
EXPLAINED = {
    "tv": "each names itself and its own version",
    "eid": "ours is the event's id, kept over every retry; theirs is made when it is tracked",
    "dtm": "their clock when it was tracked; ours when it happened",
    "stm": "each call has its own time of sending",
}
EXPLAINED_HEADERS = {
    "sp-anonymous": "so that the collector does not take our server's address for the visitor's",
}
#: Of the HTTP client, not of the tracker.
_CLIENTS = frozenset((
    "host", "user-agent", "accept", "accept-encoding", "connection", "content-length",
))  # fmt: skip


def _page_view(sdk: Any) -> Any:
    return sdk.PageView(page_url=URL, page_title="Sale", referrer="https://www.google.com/")


def _page_ping(sdk: Any) -> Any:
    return sdk.PagePing(page_url=URL, page_title="Sale", referrer="https://www.google.com/")


def _structured(sdk: Any) -> Any:
    return sdk.StructuredEvent(
        category="video", action="play", label="intro", property_="hd", value=3.5
    )


def _self_describing(sdk: Any) -> Any:
    return sdk.SelfDescribing(
        sdk.SelfDescribingJson("iglu:com.acme/paid/jsonschema/1-0-0", {"amount": 12, "who": "Zoë"})
    )


def _screen_view(sdk: Any) -> Any:
    return sdk.ScreenView(id_=EVENT, name="Cart")


CASES: dict[str, tuple[Callable[[], object], Callable[[Any], Any]]] = {
    "page view": (lambda: page(**WHO), _page_view),
    "page ping": (lambda: track("Page Left", {}, **WHO), _page_ping),
    "structured event": (
        lambda: track(
            "play", {"category": "video", "label": "intro", "property": "hd", "value": 3.5}, **WHO
        ),
        _structured,
    ),
    "self-describing event": (
        lambda: track("iglu:com.acme/paid/jsonschema/1-0-0", {"amount": 12, "who": "Zoë"}, **WHO),
        _self_describing,
    ),
    "screen view": (lambda: screen("Cart", **WHO), _screen_view),
}
#: A page's own address stands beside any event of ours; theirs has it on pages alone.
PLACED = {
    "url": "the page that it happened on",
    "page": "that page's title",
    "refr": "that page's referrer",
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("encoded", [True, False], ids=["base64", "plain"])
def test_the_same_payload_goes_to_the_same_place(case: str, encoded: bool, tmp_path: Path) -> None:
    say, made = CASES[case]
    option = "" if encoded else "&base64=0"
    (ours,) = by_us(tmp_path, f"snowplow://collector.test?app_id=shop{option}", say)
    (theirs,) = _by_them(made, encoded=encoded)
    assert (ours.method, ours.path) == (theirs.method, urlsplit(theirs.path).path)
    assert differences(_own(ours), _own(theirs)).keys() == EXPLAINED_HEADERS.keys()
    assert violations(f"https://x{ours.path}", ours.body) == []
    one, other = body(ours), body(theirs)
    assert one["schema"] == other["schema"]
    found = differences(_payload(one), _payload(other)).keys()
    assert found == EXPLAINED.keys() | (set() if case.startswith("page") else PLACED.keys())


def _by_them(made: Callable[[Any], Any], *, encoded: bool) -> list[Got]:
    import snowplow_tracker as sdk

    with Recorder() as collector:
        parts = urlsplit(collector.url)
        emitter = sdk.Emitter(parts.hostname, protocol="http", port=parts.port, batch_size=1)
        about = sdk.Subject()
        about.set_platform("web").set_user_id("42").set_domain_user_id(VISITOR)
        about.set_domain_session_id(SESSION).set_domain_session_index(2)
        about.set_network_user_id(VISITOR).set_ip_address("192.0.2.0").set_useragent(FIREFOX)
        about.set_lang("de-DE").set_timezone("Europe/Berlin")
        about.set_screen_resolution(1920, 1080).set_viewport(1200, 800)
        tracker = sdk.Tracker(
            "snowplow", [emitter], subject=about, app_id="shop", encode_base64=encoded
        )
        event = made(sdk)
        event.context = [sdk.SelfDescribingJson(schema, data) for schema, data in ENTITIES]
        event.true_timestamp = TIME
        tracker.track(event)
        return list(collector.got)


def _own(got: Got) -> dict[str, str]:
    return {name: value for name, value in got.headers.items() if name not in _CLIENTS}


def _payload(envelope: Any) -> dict[str, Any]:
    """A payload with its JSON as values, under one name whether it stood in base64 or not."""
    (payload,) = envelope["data"]
    told = dict(payload)
    for encoded, plain in (("ue_px", "ue_pr"), ("cx", "co")):
        value = decoded(payload, encoded, plain)
        if value is not None:
            told[encoded if encoded in payload else plain] = value
    return json.loads(json.dumps(told))  # type: ignore[no-any-return]
