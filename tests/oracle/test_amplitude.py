"""Amplitude's own SDK and we send the same, field by field."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from amplitude import Amplitude, BaseEvent, Config, EventOptions, Identify, Revenue

from tests.delivery.recorder import Got, Recorder, Say
from tests.oracle import MISSING, body, by_us, differences
from tests.waiting import SECONDS
from track_middleware import group, identify, track
from track_middleware.event import iso

KEY = "0123456789abcdef"
NOW = int(time.time())
TIME, MOMENT = NOW * 1000, iso(NOW)
IDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(6)]
SALE = {"price": 3.0, "quantity": 2, "product_id": "p-1", "revenue": 6.0, "currency": "EUR"}

#: Where we differ -> (ours, theirs, why): in every call, then call by call.
IN_ALL = {
    "content-type": (
        "application/json",
        "application/json; charset=UTF-8",
        "JSON is UTF-8 and its type has no charset parameter (RFC 8259, section 11)",
    ),
}
LIBRARY = (MISSING, "amplitude-python/1.3.0", "names the vendor's SDK, which we are not")
PLATFORM = ("Server", MISSING, "says that neither a browser nor an app has sent it")
HALF = "an id of ours is two events there: the second gets an id of its own, made from the first"
AS_FIELD = "the HTTP API's own revenue field, which counts whatever the event is called"
AS_PROPERTY = "the SDK's spelling of the same in the properties; both together would count twice"
OWN_NAME = "an event keeps the properties that it was given"


def _options(number: int) -> dict[str, Any]:
    return {"user_id": "42", "device_id": "device-1", "time": TIME, "insert_id": IDS[number]}


def _ours(number: int) -> dict[str, Any]:
    return {"anonymous_id": "device-1", "timestamp": MOMENT, "event_id": IDS[number]}


def _their_track(sdk: Amplitude) -> None:
    sdk.track(
        BaseEvent(
            "Order Completed", event_properties={**SALE, "coupon": None}, **SALE, **_options(0)
        )
    )


def _our_track() -> None:
    track("Order Completed", {**SALE, "coupon": None}, user_id="42", **_ours(0))


def _their_identify(sdk: Amplitude) -> None:
    said = Identify().set("plan", "pro").set_once("initial_utm_source", "ads")
    sdk.identify(said, EventOptions(**_options(0)))


def _our_identify() -> None:
    touch = {"firstCampaign": {"source": "ads"}}
    identify("42", {"plan": "pro"}, context=touch, **_ours(0))


def _their_group(sdk: Amplitude) -> None:
    sdk.set_group("company", "acme", EventOptions(**_options(0)))
    sdk.group_identify("company", "acme", Identify().set("seats", 5), EventOptions(**_options(1)))


def _our_group() -> None:
    group("acme", {"seats": 5}, user_id="42", **_ours(0))


def _their_revenue(sdk: Amplitude) -> None:
    sdk.revenue(Revenue(**SALE), EventOptions(**_options(0)))


def _our_revenue() -> None:
    track("revenue_amount", SALE, user_id="42", **_ours(0))


CALLS: Mapping[str, tuple[Callable[[], None], Callable[[Amplitude], None]]] = {
    "track": (_our_track, _their_track),
    "identify": (_our_identify, _their_identify),
    "group": (_our_group, _their_group),
    "revenue": (_our_revenue, _their_revenue),
}

EXPLAINED: Mapping[str, Mapping[str, tuple[Any, Any, str]]] = {
    "track": {
        "body.events[0].library": LIBRARY,
        "body.events[0].platform": PLATFORM,
    },
    "identify": {
        "body.events[0].library": LIBRARY,
        "body.events[0].platform": PLATFORM,
    },
    "group": {
        "body.events[0].library": LIBRARY,
        "body.events[0].platform": PLATFORM,
        "body.events[1].library": LIBRARY,
        "body.events[1].platform": PLATFORM,
        "body.events[1].insert_id": ("026037e0-d60c-560a-8fcd-42c3d5f7e2fb", IDS[1], HALF),
    },
    "revenue": {
        "body.events[0].library": LIBRARY,
        "body.events[0].platform": PLATFORM,
        "body.events[0].price": (3.0, MISSING, AS_FIELD),
        "body.events[0].quantity": (2, MISSING, AS_FIELD),
        "body.events[0].revenue": (6.0, MISSING, AS_FIELD),
        "body.events[0].currency": ("EUR", MISSING, AS_FIELD),
        "body.events[0].productId": ("p-1", MISSING, AS_FIELD),
        "body.events[0].event_properties.$price": (MISSING, 3.0, AS_PROPERTY),
        "body.events[0].event_properties.$quantity": (MISSING, 2, AS_PROPERTY),
        "body.events[0].event_properties.$revenue": (MISSING, 6.0, AS_PROPERTY),
        "body.events[0].event_properties.$currency": (MISSING, "EUR", AS_PROPERTY),
        "body.events[0].event_properties.$productId": (MISSING, "p-1", AS_PROPERTY),
        "body.events[0].event_properties.price": (3.0, MISSING, OWN_NAME),
        "body.events[0].event_properties.quantity": (2, MISSING, OWN_NAME),
        "body.events[0].event_properties.revenue": (6.0, MISSING, OWN_NAME),
        "body.events[0].event_properties.currency": ("EUR", MISSING, OWN_NAME),
        "body.events[0].event_properties.product_id": ("p-1", MISSING, OWN_NAME),
    },
}


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder(lambda got: Say(200, json.dumps({"code": 200}).encode())) as recorder:
        yield recorder


def _by_them(vendor: Recorder, path: str, say: Callable[[Amplitude], None]) -> Got:
    sdk = Amplitude(KEY, Config(server_url=vendor.url + path, min_id_length=1))
    say(sdk)
    sent = sdk.flush()
    for each in sent if isinstance(sent, list) else [sent]:
        each.result(SECONDS)
    sdk.shutdown()
    (got,) = vendor.got
    return got


def _request(got: Got) -> dict[str, Any]:
    headers = {name: got.headers.get(name) for name in ("content-type", "accept", "authorization")}
    return {"method": got.method, "path": got.path, **headers, "body": body(got)}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("api", "path"), [("v2", "/2/httpapi"), ("batch", "/batch")])
def test_the_same_call_is_the_same_request_but_for_what_is_explained(
    tmp_path: Path, vendor: Recorder, name: str, api: str, path: str
) -> None:
    ours, theirs = CALLS[name]
    (got,) = by_us(tmp_path, f"amplitude://{KEY}?group_type=company&api={api}", ours)
    found = differences(_request(got), _request(_by_them(vendor, path, theirs)))
    explained = {**IN_ALL, **EXPLAINED[name]}
    assert found == {where: (us, them) for where, (us, them, _) in explained.items()}
