"""Frames that hold an event and its moment alone: what is read of all is what each says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.delivery.bare import Bares, bare, with_member
from track_middleware.delivery.frames import decode_frame
from track_middleware.delivery.splice import into_context, names
from track_middleware.event import Entry, Event, encode_event, lenient_encoder, wire_id

_ID = "01a215a1-c484-7ea2-ad74-b68abb886a73"
_texts = st.text(st.characters(codec="utf-8"), max_size=9)
_bags = st.dictionaries(
    st.sampled_from(["event", "context", "at", ',"event":', "é"]),
    st.none() | st.integers() | _texts | st.dictionaries(st.sampled_from(["event"]), _texts),
)


def event(message_id: str = _ID, **given: Any) -> Event:
    return Event(message_id, "track", "2027-01-15T00:00:00.000Z", **given)


def frames(*raws: bytes) -> Bares:
    found = bare(raws)
    assert found is not None
    return found


def frame(made: Event, at: float = 1.5, **given: Any) -> bytes:
    return lenient_encoder.encode(Entry("event", at, made, **given))


@given(
    at=st.floats(allow_nan=False, allow_infinity=False),
    properties=st.none() | _bags,
    context=st.none() | _bags,
    message_id=st.sampled_from([_ID, _ID.upper(), "order-1", ',"event":{']),
)
def test_a_bare_frame_says_what_decoding_it_says(
    at: float, properties: Any, context: Any, message_id: str
) -> None:
    made = event(message_id, event="Sold", properties=properties, context=context)
    (found,) = frames(frame(made, at)).each()
    raw, moment, says, event_id, body, told = found
    assert (raw, moment) == (frame(made, at), decode_frame(raw).at)
    assert body == bytes(decode_frame(raw).event) == encode_event(made)
    assert (says.event, event_id) == ("Sold", wire_id("server", message_id))
    assert told == (b"" if context is None else msgspec.json.encode(context))


@pytest.mark.parametrize(
    "odd",
    [
        frame(event(), consent={"analytics": "granted"}),
        frame(event(), facts={"country": "DE"}),
        frame(event(), origin="key"),
        lenient_encoder.encode(Entry("choice", 1.5, event())),
        lenient_encoder.encode(Entry("door", 1.5, reason="no")),
        frame(event(user_id=42)),  # type: ignore[arg-type]
        b'{"kind":"event","at":1.5}',
        b'{"kind":"event","at":null,"event":{}}',
        frame(event()) + b"," + frame(event()),
        frame(event())[:-1],
        b"",
    ],
)
def test_one_that_holds_anything_else_wants_all_to_be_looked_at(odd: bytes) -> None:
    assert bare([frame(event())]) is not None
    assert bare([frame(event()), odd]) is None


@given(context=st.none() | _bags)
def test_a_member_is_added_as_anywhere_else_unless_its_key_is_there(context: Any) -> None:
    body = encode_event(event(context=context))
    ((_, _, _, _, _, told),) = frames(frame(event(context=context))).each()
    added, known = with_member(body, told, b'"at":1', "at")
    assert known == names(told) == set(context or {})
    assert added == (None if "at" in known else into_context(body, told, b'"at":1'))


@given(contexts=st.lists(st.none() | _bags, min_size=1, max_size=3))
def test_a_member_is_added_to_all_at_once_where_their_contexts_are_the_same(
    contexts: list[Any],
) -> None:
    raws = [frame(event(event=str(at), context=each), at) for at, each in enumerate(contexts)]
    found = frames(*raws)
    added = found.with_member(b'"at":1', "at")
    singly = [with_member(body, told, b'"at":1', "at") for *_, body, told in found.each()]
    alike = contexts[0] is not None and contexts == contexts[:1] * len(contexts)
    if alike and "at" not in contexts[0]:
        assert added == ([body for body, _ in singly], singly[0][1])
    else:
        assert added is None


def test_contexts_that_only_look_alike_side_by_side_are_not_the_same() -> None:
    nothing, twice = frame(event()), frame(event(context=msgspec.Raw(b'{"a":1}')))
    assert frames(twice, nothing).with_member(b'"at":1', "at") is None
    assert frames(nothing, nothing).with_member(b'"at":1', "at") is None
    assert frames(twice, twice).with_member(b'"at":1', "at") is not None


def test_some_are_left_out_by_their_places() -> None:
    found = frames(*(frame(event(event=name)) for name in "abc")).without({1})
    assert [each.event for each in found.says] == ["a", "c"]
    assert len(found.raws) == len(found.moments) == len(found.ids) == 2
