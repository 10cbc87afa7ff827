"""The comparison itself: what differs is found, by its path."""

from __future__ import annotations

from tests.oracle import MISSING, differences


def test_equal_values_do_not_differ() -> None:
    assert differences({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}) == {}


def test_every_differing_field_is_named_by_its_path() -> None:
    ours = {"a": [1, {"b": 2}], "only": 1, "flag": True}
    theirs = {"a": [1, {"b": 3}], "flag": 1, "theirs": None}
    assert differences(ours, theirs) == {
        "a[1].b": (2, 3),
        "only": (1, MISSING),
        "flag": (True, 1),
        "theirs": (MISSING, None),
    }


def test_lists_of_other_lengths_differ_as_a_whole() -> None:
    assert differences({"a": [1]}, {"a": [1, 2]}) == {"a": ([1], [1, 2])}
