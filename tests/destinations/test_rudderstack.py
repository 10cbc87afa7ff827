"""RudderStack: the shape that its gateway takes, its limits, what its answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from tests.destinations.samples import CONTEXT, NOW, body, event, identify, made, page, sent
from track_middleware.destinations import DELIVERED, Answer, Verdict
from track_middleware.destinations.spec import Source
from track_middleware.errors import SettingsError

RUDDER = made("rudderstack://KEY@dp.shop.test:8443/rs")


def test_a_batch_goes_to_the_data_plane_over_tls() -> None:
    (call,) = sent(RUDDER, event())
    assert call.url == "https://dp.shop.test:8443/rs/v1/batch"
    assert call.headers == {"content-type": "application/json", "authorization": "Basic S0VZOg=="}
    whole = body(call)
    assert whole["sentAt"] == "2026-11-23T12:00:05.000Z"
    assert "writeKey" not in whole
    (message,) = whole["batch"]
    assert message["messageId"] == event().message_id
    assert message["channel"] == "server"
    assert message["properties"] == {"revenue": 39.5}


def test_another_endpoint_may_be_named() -> None:
    (call,) = sent(made("rudderstack://KEY@x?endpoint=http://127.0.0.1:9000/"), event())
    assert call.url == "http://127.0.0.1:9000/v1/batch"


def test_the_traits_of_an_identify_stand_in_its_context() -> None:
    (call,) = sent(RUDDER, identify())
    (message,) = body(call)["batch"]
    assert message["context"] == {**CONTEXT, "traits": {"email": "Ann@Shop.test", "plan": "pro"}}
    assert "traits" not in message
    assert message["channel"] == "server"


def test_an_identify_of_nothing_has_empty_traits() -> None:
    (call,) = sent(RUDDER, identify(traits=None, context=None))
    assert body(call)["batch"][0]["context"] == {"traits": {}}


def test_the_traits_of_a_group_stay_where_they_are() -> None:
    (call,) = sent(RUDDER, event(type="group", group_id="g", traits={"name": "Acme"}))
    assert body(call)["batch"][0]["traits"] == {"name": "Acme"}


def test_a_track_event_is_spliced_as_it_stands() -> None:
    assert isinstance(RUDDER, Source)
    raw = b'{"type":"track","event":"x","userId":"1", "properties":{"type":"identify","odd":1.0e5}}'
    (call,) = RUDDER.wire_calls([("m", raw)], NOW).calls
    assert raw[1:] in call.body


def test_a_page_says_its_address_and_our_receipt_is_not_told_as_theirs() -> None:
    (call,) = sent(RUDDER, page(received_at="2026-11-23T12:00:01Z"))
    (message,) = body(call)["batch"]
    assert message["properties"]["url"] == CONTEXT["page"]["url"]
    assert "receivedAt" not in message


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"user_id": None, "anonymous_id": None}, "neither a user id nor an anonymous id"),
        ({"properties": {"x": "y" * 4_000_000}}, "larger than 4000000 bytes"),
    ],
)
def test_what_the_gateway_would_refuse_is_refused(given: dict[str, Any], why: str) -> None:
    outbound = RUDDER.calls([event(1, **given), event(2)], NOW)
    assert [call.ids for call in outbound.calls] == [(event(2).message_id,)]
    assert why in outbound.settled[event(1).message_id].reason


def test_a_call_holds_a_hundred_messages_and_four_thousand_kilobytes() -> None:
    assert [len(call.ids) for call in sent(RUDDER, *map(event, range(250)))] == [100, 100, 50]
    large = [event(number, properties={"x": "y" * 900_000}) for number in range(9)]
    calls = sent(RUDDER, *large)
    assert [len(call.ids) for call in calls] == [4, 4, 1]
    assert all(len(call.body) < 4_000 * 1024 for call in calls)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200, {}, b"OK"), DELIVERED),
        (None, Verdict("retry", "no answer")),
        (
            Answer(204),
            Verdict("retry", "HTTP 204; a data plane answers 200", pause=True),
        ),
        (Answer(302), Verdict("retry", "HTTP 302", pause=True)),
        (
            Answer(400, {}, b"Invalid JSON"),
            Verdict("retry", "HTTP 400: Invalid JSON", split=True),
        ),
        (
            Answer(401, {}, b"Invalid Write Key"),
            Verdict("retry", "HTTP 401: Invalid Write Key", pause=True),
        ),
        (
            Answer(404, {}, b"Source is disabled"),
            Verdict("retry", "HTTP 404: Source is disabled", pause=True),
        ),
        (Answer(413), Verdict("retry", "HTTP 413", split=True)),
        (Answer(429, {"retry-after": "2"}), Verdict("retry", "HTTP 429", after=2.0)),
        (Answer(500), Verdict("retry", "HTTP 500")),
    ],
)
def test_an_answer_means_what_the_gateway_means(answer: Answer | None, verdict: Verdict) -> None:
    (call,) = sent(RUDDER, event(1), event(2))
    assert list(RUDDER.judge(call, answer)) == [verdict, verdict]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("rudderstack://S3CRET", "rudderstack://WRITE_KEY@data-plane-host"),
        ("rudderstack://S3CRET:more@x", "rudderstack://WRITE_KEY@data-plane-host"),
        ("rudderstack://S3CRET@x?region=eu", "has a region"),
    ],
)
def test_what_is_wrong_with_its_url_is_told_without_the_key(url: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        made(url)
    assert told in str(caught.value)
    assert "S3CRET" not in str(caught.value)
