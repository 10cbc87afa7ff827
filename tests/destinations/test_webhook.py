"""Webhooks: batches as they stand on the wire, signed; where they may go."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from tests.destinations.samples import NOW, body, event, made, sent
from track_middleware.destinations.webhook import Webhook
from track_middleware.errors import SettingsError


def test_a_batch_holds_the_events_and_when_it_was_sent() -> None:
    (call,) = sent(made("webhook+https://shop.test:8443/in%2Fbox"), event(1), event(2))
    assert call.url == "https://shop.test:8443/in%2Fbox"
    whole = body(call)
    assert whole["sentAt"] == "2026-11-23T12:00:05.000Z"
    assert [each["messageId"] for each in whole["batch"]] == list(call.ids)


def test_wire_events_are_spliced_as_they_are() -> None:
    here = made("webhook+https://shop.test/")
    assert isinstance(here, Webhook)
    raw = b'{"messageId":"1",  "odd":1.0e5}'
    (call,) = here.wire_calls([("1", raw)], NOW).calls
    assert raw in call.body


def test_the_signature_is_the_hmac_of_time_and_body() -> None:
    (call,) = sent(made("webhook+https://shop.test/?secret=s3"), event())
    stamp, _, version = call.headers["x-track-signature"].partition(",")
    assert stamp == f"t={int(NOW)}"
    expected = hmac.new(b"s3", f"{int(NOW)}.".encode() + call.body, hashlib.sha256).hexdigest()
    assert version == f"v1={expected}"


def test_user_and_password_become_an_authorization() -> None:
    (call,) = sent(made("webhook+https://ann:pw@shop.test/"), event())
    assert call.url == "https://shop.test/"
    assert call.headers["authorization"] == "Basic YW5uOnB3"


def test_an_endpoint_may_carry_a_query_of_its_own() -> None:
    (call,) = sent(
        made("webhook+https://x/?endpoint=https%3A%2F%2Fshop.test%2Fin%3Fk%3D1"), event()
    )
    assert call.url == "https://shop.test/in?k=1"


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost", "[::1]:9000"])
def test_plain_http_goes_to_this_machine(host: str) -> None:
    assert sent(made(f"webhook+http://{host}/"), event())[0].url == f"http://{host}/"


@pytest.mark.parametrize(
    "url",
    ["webhook+http://shop.test/", "webhook+https://shop.test/?endpoint=http://shop.test/"],
)
def test_plain_http_goes_nowhere_else(url: str) -> None:
    with pytest.raises(SettingsError, match="plain http"):
        made(url)


def test_a_batch_is_cut_by_bytes_and_a_large_event_goes_alone() -> None:
    many = [event(number, properties={"x": "y" * 300_000}) for number in range(5)]
    calls = sent(made("webhook+https://shop.test/"), *many)
    assert [len(call.ids) for call in calls] == [2, 2, 1]
