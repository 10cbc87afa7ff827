"""GA4, which has no such SDK: a validator as strict as its documentation, and all that we send."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.emulators.ga4 import violations
from tests.delivery.recorder import Got
from tests.oracle import body, broad, by_us

NOW = 1_795_435_205.0
URL = "https://www.google-analytics.com/mp/collect?measurement_id=G-A&api_secret=s"
GOOD: dict[str, Any] = {
    "client_id": "1.2",
    "user_id": "42",
    "consent": {"ad_user_data": "GRANTED"},
    "user_properties": {"plan": {"value": "pro"}},
    "device": {"category": "mobile"},
    "events": [
        {
            "name": "purchase",
            "timestamp_micros": int((NOW - 5) * 1e6),
            "params": {"session_id": "5", "engagement_time_msec": 1, "items": [{"item_id": "P"}]},
        }
    ],
}


def sample(path: str, value: Any) -> bytes:
    """The good request with one thing changed, named by its path."""
    changed = json.loads(json.dumps(GOOD))
    *way, last = path.split(".")
    place = changed
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value
    return json.dumps(changed).encode()


def test_a_good_request_is_not_refused() -> None:
    assert violations(URL, json.dumps(GOOD).encode(), now=NOW) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("client_id", "visitor-1"),
        ("client_id", "0.1"),
        ("user_id", "a@b.test"),
        ("user_id", "x" * 257),
        ("app_instance_id", "x"),
        ("events", []),
        ("events", [GOOD["events"][0]] * 26),
        ("consent.ad_user_data", "YES"),
        ("consent.analytics", "GRANTED"),
        ("device.os", "x"),
        ("user_properties.plan", "pro"),
        ("user_properties.plan.value", "x" * 37),
        ("user_properties.user_id", {"value": 1}),
        ("user_properties.ga_x", {"value": 1}),
        ("user_properties." + "x" * 25, {"value": 1}),
        ("user_properties", {f"p{n}": {"value": n} for n in range(26)}),
        ("events.0.at", 5),
        ("events.0.name", "session_start"),
        ("events.0.name", "screen_view"),
        ("events.0.name", "with space"),
        ("events.0.name", "x" * 41),
        ("events.0.name", "1st"),
        ("events.0.name", "ga_event"),
        ("events.0.timestamp_micros", int((NOW - 73 * 3600) * 1e6)),
        ("events.0.timestamp_micros", int((NOW + 60) * 1e6)),
        ("events.0.timestamp_micros", int(NOW * 1e3)),
        ("events.0.params", {f"p{n}": n for n in range(26)}),
        ("events.0.params.x", "y" * 101),
        ("events.0.params.x", True),
        ("events.0.params.x", None),
        ("events.0.params.x", {"a": 1}),
        ("events.0.params._x", 1),
        ("events.0.params.x y", 1),
        ("events.0.params.firebase_conversion", 1),
        ("events.0.params.session_id", "abc"),
        ("events.0.params.engagement_time_msec", -1),
        ("events.0.params.page_location", "u" * 1001),
        ("events.0.params.items", []),
        ("events.0.params.items", [{"item_id": "P"}] * 201),
        ("events.0.params.items", [{"item_id": "P", **dict.fromkeys("abcdefg", "x" * 100)}] * 199),
        ("events.0.params.items.0", {"price": 5}),
        ("events.0.params.items.0", {"item_id": "P", **dict.fromkeys("abcdefghijk", 1)}),
    ],
)
def test_what_the_documentation_refuses_is_refused(path: str, value: Any) -> None:
    assert violations(URL, sample(path, value), now=NOW)


@pytest.mark.parametrize("url", [URL.replace("/mp/", "/debug/mp/"), URL.partition("&")[0]])
def test_a_request_elsewhere_or_without_its_secret_is_refused(url: str) -> None:
    assert violations(url, json.dumps(GOOD).encode(), now=NOW)


@pytest.fixture(scope="module")
def got(tmp_path_factory: pytest.TempPathFactory) -> list[Got]:
    return by_us(tmp_path_factory.mktemp("ga4"), "ga4://G-ABC123:s3cret", broad.say)


def test_nothing_that_we_send_is_refused(got: list[Got]) -> None:
    for request in got:
        assert request.headers["content-type"] == "application/json"
        url = f"https://www.google-analytics.com{request.path}"
        assert violations(url, request.body, now=time.time()) == []


def test_everything_that_was_said_is_sent(got: list[Got]) -> None:
    names = [each["name"] for request in got for each in body(request)["events"]]
    assert len(names) == 2 + 1 + 3 * len(broad.EVENTS) + len(broad.NAMES) + 2 + 2 + 1 + 2
    assert {"page_view", "campaign_details", "purchase", "join_group", "identify"} <= set(names)
    purchases = [
        each["params"]
        for request in got
        for each in body(request)["events"]
        if each["name"] == "purchase"
    ]
    assert purchases[0]["transaction_id"] == "O-1"
    assert purchases[0]["items"][0]["item_id"] == "P-1"


def test_the_secret_is_in_no_log_at_any_level(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        (request, *_) = by_us(tmp_path, "ga4://G-ABC123:s3cret", broad.say)
    assert "api_secret=s3cret" in request.path
    assert "s3cret" not in caplog.text
