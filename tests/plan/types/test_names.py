"""Identifiers of names: words, reserved ones, collisions."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track_middleware.plan.parts import Event
from track_middleware.plan.types.names import FUNCTIONS, camel, functions, pascal, snake, unique


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Order Completed", "order_completed"),
        ("orderCompleted", "order_completed"),
        ("HTTPServer error", "http_server_error"),
        ("order-id #2", "order_id_2"),
        ("42_--terrible==\\\"event'++name~!3", "42_terrible_event_name_3"),
        ("購入完了", "購入完了"),
        ("--", ""),
    ],
)
def test_words_are_letters_and_digits(name, expected) -> None:
    assert snake(name) == expected


def test_styles() -> None:
    assert camel("Order ID paid") == "orderIdPaid"
    assert pascal("order_ID-paid") == "OrderIdPaid"


def test_reserved_words_and_collisions_get_names_of_their_own() -> None:
    names = ["class", "Class", "a b", "a_b", "a b 2", "--", "2"]
    made = unique(names, map(snake, names), reserved=keyword.kwlist, other="event")
    assert made == {
        "class": "class_", "Class": "class_2", "a b": "a_b", "a_b": "a_b2", "a b 2": "a_b_2",
        "--": "event", "2": "event_2",
    }  # fmt: skip


def test_a_further_event_renames_none_before_it() -> None:
    events = [Event("Seen"), Event("seen")]
    before = functions(events, "python")
    assert functions([*events, Event("SEEN"), Event("Seen 2")], "python").items() >= before.items()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), unique=True, max_size=8))
@pytest.mark.parametrize("language", sorted(FUNCTIONS))
def test_any_names_make_identifiers_that_are_unique_and_not_reserved(language, names) -> None:
    made = functions([Event(name) for name in names], language)
    assert list(made) == names
    assert len(set(made.values())) == len(names)
    for each in made.values():
        assert each.isidentifier()
        assert each not in FUNCTIONS[language]
        assert all(sign <= "\uffff" for sign in each)
