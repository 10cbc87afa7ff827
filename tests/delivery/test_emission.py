"""An event as everybody outside sees it, decoded or spliced: both say the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.delivery import emission
from track_middleware.delivery.store import Stored
from track_middleware.event import Event, encode_event

_plain = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))
_objects = st.dictionaries(st.sampled_from(["name", "os", "page", "channel"]), _plain, max_size=3)
contexts = st.dictionaries(st.sampled_from(["os", "page", "channel", "ip"]), _plain | _objects)


def stored(body: dict[str, Any], derived: Any, *, indent: int | None = None) -> Stored:
    return Stored(
        position=1, event_id="log-id", order_key="v", accepted_at=0.0, kind="track", label="L",
        body=json.dumps(body, indent=indent).encode(),
        derived=json.dumps(derived).encode() if derived else None, bot=None,
    )  # fmt: skip


def base(**given: Any) -> dict[str, Any]:
    return {"messageId": "sent-id", "type": "track", "timestamp": "2026-11-23T12:00:00Z", **given}


@given(context=contexts, derived=contexts)
def test_both_ways_say_the_same(context: dict[str, Any], derived: dict[str, Any]) -> None:
    one = stored(base(context=context, event="L"), derived)
    assert json.loads(emission.wire(one))["context"] == emission.event(one).context


def test_the_log_says_the_id() -> None:
    one = stored(base(), None)
    assert json.loads(emission.wire(one))["messageId"] == emission.event(one).message_id == "log-id"


def test_what_the_sender_said_is_kept_and_the_rest_filled_in() -> None:
    one = stored(base(context={"os": {"name": "iOS"}}), {"os": {"name": "x", "version": "18"}})
    assert emission.event(one).context == {"os": {"name": "iOS", "version": "18"}}


def test_a_missing_context_is_made_of_what_was_derived() -> None:
    for body in (base(), base(context=None)):
        one = stored(body, {"channel": "Email"})
        assert json.loads(emission.wire(one))["context"] == {"channel": "Email"}


def test_a_body_of_several_lines_goes_out_as_one() -> None:
    one = stored(base(properties={"a": [1, {"b": "x\ny"}]}), {"channel": "Email"}, indent=2)
    line = emission.wire(one)
    assert b"\n" not in line
    assert json.loads(line)["properties"] == {"a": [1, {"b": "x\ny"}]}


def as_encoded(event_id: str, **given: Any) -> Stored:
    made = Event(event_id, "track", "2026-11-23T12:00:00Z", event="L", **given)
    return msgspec.structs.replace(stored({}, None), event_id=event_id, body=encode_event(made))


OURS = "01a215a1-c484-7ea2-ad74-b68abb886a73"
ODD = [
    stored(base(), None),
    as_encoded("short"),
    stored({"messageId": OURS, **base()}, None),
    msgspec.structs.replace(as_encoded(OURS), derived=b"{}"),
    msgspec.structs.replace(as_encoded(OURS), body=as_encoded(OURS).body.replace(b":", b":\n", 1)),
    msgspec.structs.replace(as_encoded(OURS), body=as_encoded(OURS).body.replace(b",", b",\r", 1)),
    msgspec.structs.replace(as_encoded(OURS), event_id=OURS.replace("a", "b")),
]


@given(st.lists(st.sampled_from([as_encoded(OURS), as_encoded(OURS, user_id="\n\r"), *ODD])))
def test_many_that_need_no_look_are_what_each_is(events: list[Stored]) -> None:
    if emission.are_wired(events):
        assert [emission.wire(each) for each in events] == [each.body for each in events]


def test_what_our_encoder_made_needs_no_look_and_one_odd_one_wants_it_for_all() -> None:
    usual = [as_encoded(OURS), as_encoded(OURS, user_id="\n\r")]
    assert emission.are_wired(usual)
    assert not any(emission.are_wired([*usual, odd]) for odd in ODD)
