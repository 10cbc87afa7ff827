"""Segment: events as they stand, its limits, what its answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.destinations.samples import CONTEXT, NOW, body, event, identify, made, page, said, sent
from track_middleware.destinations import DELIVERED, Answer, Outbound, Verdict
from track_middleware.destinations.segment import LIMITS
from track_middleware.destinations.spec import Source
from track_middleware.event import encode_event

SEGMENT = made("segment://KEY")


def wire_calls(*pairs: tuple[str, bytes]) -> Outbound:
    assert isinstance(SEGMENT, Source)
    return SEGMENT.wire_calls(pairs, NOW)


def refusal(**given: Any) -> str:
    outbound = SEGMENT.calls([event(**given)], NOW)
    assert not outbound.calls
    (verdict,) = outbound.settled.values()
    assert verdict.state == "refused"
    return verdict.reason


def test_a_batch_is_segments_own() -> None:
    (call,) = sent(SEGMENT, event(1), identify(message_id="i"))
    assert call.url == "https://api.segment.io/v1/batch"
    assert call.headers == {"content-type": "application/json", "authorization": "Basic S0VZOg=="}
    assert call.ids == (event(1).message_id, "i")
    whole = body(call)
    assert whole == {
        "batch": [
            json.loads(encode_event(event(1))),
            json.loads(encode_event(identify(message_id="i"))),
        ],
        "sentAt": "2026-11-23T12:00:05.000Z",
        "writeKey": "KEY",
    }


def test_the_eu_has_a_host_of_its_own() -> None:
    (call,) = sent(made("segment://KEY?region=eu"), event())
    assert call.url == "https://events.eu1.segmentapis.com/v1/batch"


def test_a_message_is_spliced_as_it_stands() -> None:
    raw = b'{"type":"track","event":"x","userId":"1", "messageId":"m","properties":{"odd":1.0e5}}'
    (call,) = wire_calls(("m", raw)).calls
    assert raw in call.body


def test_a_page_says_its_address_among_its_properties() -> None:
    given = {"title": "Mine", "step": 2}
    (call,) = sent(SEGMENT, page(properties=given))
    assert body(call)["batch"][0]["properties"] == {
        "path": CONTEXT["page"]["path"],
        "referrer": CONTEXT["page"]["referrer"],
        "title": "Mine",
        "url": CONTEXT["page"]["url"],
        "step": 2,
    }


def test_a_page_without_a_context_is_still_a_page() -> None:
    (call,) = wire_calls(("m", b'{"type":"page","userId":"1","context":null}')).calls
    assert body(call)["batch"] == [
        {"type": "page", "userId": "1", "context": None, "properties": {}}
    ]


def test_a_browsers_clock_does_not_reach_segment_which_would_correct_it_again() -> None:
    times = {"original_timestamp": "2001-01-01T00:00:00Z", "received_at": "2026-11-23T12:00:01Z"}
    (call,) = sent(SEGMENT, event(sent_at="2001-01-01T00:00:01Z", **times))
    (message,) = body(call)["batch"]
    assert message["timestamp"] == "2026-11-23T12:00:00.000Z"
    assert message.keys().isdisjoint({"originalTimestamp", "sentAt", "receivedAt"})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"user_id": None, "anonymous_id": ""}, "neither a user id nor an anonymous id"),
        ({"event": None}, "no name"),
        ({"type": "group"}, "no group id"),
        ({"type": "alias"}, "no previous id"),
        ({"type": "alias", "user_id": None, "previous_id": "p"}, "no user id"),
        ({"message_id": "m" * 100}, "its id has 100 characters or more"),
        ({"properties": {"x": "y" * 32_768}}, "larger than 32768 bytes"),
    ],
)
def test_what_segment_would_drop_after_a_200_is_refused(given: dict[str, Any], why: str) -> None:
    assert why in refusal(**given)


def test_what_is_no_message_is_refused_and_the_rest_goes_on() -> None:
    good = ("g", encode_event(event(message_id="g")))
    outbound = wire_calls(("a", b"[]"), good, ("b", b'{"type":1}'))
    assert outbound.calls[0].ids == ("g",)
    assert {each: verdict.state for each, verdict in outbound.settled.items()} == {
        "a": "refused",
        "b": "refused",
    }


def test_a_message_in_company_is_what_it_is_alone() -> None:
    told = {"vendorIds": {"ajs_anonymous_id": {"id": "theirs"}}}
    late = event(3, received_at="2026-11-23T12:00:00.000Z")
    given = [event(1), page(context=CONTEXT), event(2, context=told), late, identify()]
    alone = [body(call)["batch"][0] for each in given for call in sent(SEGMENT, each)]
    (call,) = wire_calls(*[(each.message_id, encode_event(each)) for each in given]).calls
    assert body(call)["batch"] == alone


def test_a_message_of_the_largest_size_is_taken() -> None:
    spare = LIMITS.message - len(encode_event(event(properties={"x": ""})))
    assert len(sent(SEGMENT, event(properties={"x": "y" * spare}))) == 1


def test_a_call_keeps_to_the_number_and_the_bytes_of_a_batch() -> None:
    small = [event(number, context=None) for number in range(2_501)]
    assert [len(call.ids) for call in sent(SEGMENT, *small)] == [1_000, 1_000, 501]
    large = [event(number, properties={"x": "y" * 30_000}) for number in range(40)]
    calls = sent(SEGMENT, *large)
    assert sum(len(call.ids) for call in calls) == 40
    assert all(len(call.body) < 500_000 for call in calls)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (said(200, {"success": True}), DELIVERED),
        (None, Verdict("retry", "no answer")),
        (Answer(400, {}, b"too large"), Verdict("retry", "HTTP 400: too large", split=True)),
        (Answer(401), Verdict("retry", "HTTP 401", pause=True)),
        (Answer(410), Verdict("retry", "HTTP 410")),
        (Answer(413), Verdict("retry", "HTTP 413", split=True)),
        (Answer(429, {"retry-after": "7"}), Verdict("retry", "HTTP 429", after=7.0)),
        (Answer(429, {"x-ratelimit-reset": "9"}), Verdict("retry", "HTTP 429", after=9.0)),
        (Answer(429, {"x-ratelimit-reset": "1795435200"}), Verdict("retry", "HTTP 429")),
        (Answer(429, {"x-ratelimit-reset": "soon"}), Verdict("retry", "HTTP 429")),
        (Answer(460), Verdict("retry", "HTTP 460")),
        (Answer(501), Verdict("retry", "HTTP 501", pause=True)),
        (Answer(503, {"retry-after": "3"}), Verdict("retry", "HTTP 503", after=3.0)),
    ],
)
def test_an_answer_means_what_segment_means(answer: Answer | None, verdict: Verdict) -> None:
    (call,) = sent(SEGMENT, event(1), event(2))
    assert list(SEGMENT.judge(call, answer)) == [verdict, verdict]


@pytest.mark.parametrize("told", [b"no source KEY here", b"Basic S0VZOg== is unknown"])
def test_an_answer_does_not_tell_the_key(told: bytes) -> None:
    (call,) = sent(SEGMENT, event())
    (verdict,) = SEGMENT.judge(call, Answer(401, {}, told))
    assert "KEY" not in verdict.reason
    assert "S0VZOg==" not in verdict.reason
