"""Additions to an event's context by bytes alone: as if it had been decoded, or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.delivery.splice import into_context, names, said
from track_middleware.event import Event, decode_event, encode_event

_texts = st.text(st.characters(codec="utf-8"), max_size=9)
_values = st.recursive(
    st.none() | st.integers() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_bags = st.dictionaries(st.sampled_from(["context", "a", "é", '"}', "consent"]), _values)


def event(**given: Any) -> Event:
    return Event("id", "track", "2027-01-15T00:00:00.000Z", **given)


def context_of(body: bytes) -> bytes:
    (says,) = said([body])
    assert says is not None
    return bytes(says.context)


@given(properties=st.none() | _bags, context=st.none() | _bags, traits=st.none() | _bags)
def test_a_member_is_added_where_decoding_would_add_it(
    properties: Any, context: Any, traits: Any
) -> None:
    body = encode_event(event(properties=properties, traits=traits, context=context))
    added = into_context(body, context_of(body), b'"new":{"x":1}')
    assert added is not None
    assert decode_event(added).context == {**(context or {}), "new": {"x": 1}}
    assert decode_event(added).properties == properties
    assert decode_event(added).traits == traits


def test_a_context_that_is_no_object_or_not_the_last_thing_is_left_alone() -> None:
    for made in (event(context=[1]), event(context="x"), event(context={}, integrations={"a": 1})):
        body = encode_event(made)
        assert into_context(body, context_of(body), b'"new":1') is None


def test_the_same_words_in_the_properties_are_not_the_context() -> None:
    body = b'{"context":{"a":1},"messageId":"id","properties":{"context":{"a":1}}}'
    assert into_context(body, b'{"a":1}', b'"new":1') is None


def test_a_short_and_a_long_context_are_treated_alike() -> None:
    for length in (1, 150, 200, 5000):
        body = encode_event(event(context={"a": "x" * length}))
        assert names(context_of(body)) == {"a"}
        added = into_context(body, context_of(body), b'"new":1')
        assert added is not None
        assert msgspec.json.decode(added)["context"] == {"a": "x" * length, "new": 1}


def test_one_broken_event_costs_the_others_nothing() -> None:
    whole = encode_event(event(event="A"))
    bodies = [whole, b'{"messageId":1}', b"null", b"}{", whole + b"," + whole, b"", whole]
    assert [says.event if says else None for says in said(bodies)] == [
        "A", None, None, None, None, None, "A",
    ]  # fmt: skip


def test_what_is_no_event_is_no_event_in_part_either() -> None:
    for made in (event(user_id=42), event(name=["x"]), event(sent_at=1.5)):
        assert said([encode_event(made)]) == [None]
