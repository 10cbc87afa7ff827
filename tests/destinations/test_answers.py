"""What answers mean where a vendor says nothing of its own."""

from __future__ import annotations

import pytest

from track_middleware.destinations import DELIVERED, Answer, registry
from track_middleware.destinations.answers import LONGEST_WAIT, retry_after, verdict
from track_middleware.event import Event

#: Vendors whose answers are read, and what a proxy before one may say instead.
VENDORS = (
    "amplitude://key", "mixpanel://token", "posthog://phc_key", "segment://key", "heap://12345",
    "ga4://G-ABC:secret", "rudderstack://key@h", "snowplow://h", "webhook+https://h/x",
    "clickhouse://h/db",
)  # fmt: skip
BODIES = (
    b'{"error":"\xff"}', b"\xff", b"[" * 5000, b'{"":' * 5000, b"null", b'"x"', b"",
    b'{"code":400,"failed_records":[{"index":0,"message":"\xe9"}]}',
)  # fmt: skip

DATE = "Mon, 23 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize("url", VENDORS)
def test_whatever_an_answer_holds_there_is_a_verdict(url: str) -> None:
    (route,) = registry.routes([url])
    event = Event("m", "track", "2026-01-01T00:00:00.000Z", event="Order", anonymous_id="a")
    outbound = route.destination.calls([event], now=1767225600.0)
    for call in outbound.calls:
        for status in (200, 202, 400, 401, 429, 500):
            for body in BODIES:
                assert len(route.destination.judge(call, Answer(status, {}, body))) == 1


@pytest.mark.parametrize("status", [200, 202, 204])
def test_2xx_is_delivered(status: int) -> None:
    assert verdict(Answer(status)) == DELIVERED


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_trouble_over_there_is_retried_whole(status: int) -> None:
    told = verdict(Answer(status))
    assert (told.state, told.split, told.pause) == ("retry", False, False)


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 405])
def test_a_wrong_set_up_waits_to_be_mended(status: int) -> None:
    assert verdict(Answer(status)).pause


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_a_bad_batch_is_split(status: int) -> None:
    assert verdict(Answer(status)).split


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "1e99"}, LONGEST_WAIT),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT", "date": DATE}, 60),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT", "date": DATE}, 0),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00", "date": DATE}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(Answer(429, headers)) == seconds


def test_a_reason_holds_the_vendors_words_on_one_line_and_no_secret() -> None:
    told = verdict(Answer(400, {}, b"bad\n  key \x1b[31mS3CRET " + b"x" * 999), secrets=("S3CRET",))
    assert told.reason.startswith("HTTP 400: bad key [31m… xxx")
    assert len(told.reason) <= 300
