"""Runs by road: few, under their limits, and each visitor's pieces in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from track_middleware.destinations.limits import routed

SIZES = {"a": 100, "b": 40}


def _routed(*pieces: tuple[str, str], most: int = 100) -> list[tuple[str, str]]:
    """Road and visitor of each piece -> road of each run and the numbers in it."""
    numbered = [(road, who, (str(n), b"x" * 9)) for n, (road, who) in enumerate(pieces)]
    return [
        (road, "".join(name for name, _ in run))
        for road, run in routed(numbered, most=most, sizes=SIZES)
    ]


def test_roads_of_different_visitors_need_one_run_each() -> None:
    assert _routed(("a", "x"), ("b", "y"), ("a", "z"), ("b", "y")) == [("a", "02"), ("b", "13")]


def test_a_visitor_who_changes_roads_opens_a_run() -> None:
    assert _routed(("a", "x"), ("b", "x"), ("a", "x")) == [("a", "0"), ("b", "1"), ("a", "2")]


def test_a_run_ends_at_its_number_and_its_roads_size() -> None:
    assert _routed(*[("a", "x")] * 3, most=2) == [("a", "01"), ("a", "2")]
    assert _routed(*[("b", "x")] * 5) == [("b", "0123"), ("b", "4")]


@given(
    pieces=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))),
    most=st.integers(1, 5),
)
def test_nothing_is_lost_and_no_visitor_overtakes_himself(
    pieces: list[tuple[str, str]], most: int
) -> None:
    numbered = [(road, who, (str(n), b"x" * 9)) for n, (road, who) in enumerate(pieces)]
    runs = routed(numbered, most=most, sizes=SIZES)
    order = [int(name) for _, run in runs for name, _ in run]
    assert sorted(order) == list(range(len(pieces)))
    assert all(len(run) <= most for _, run in runs)
    for visitor in "xyz":
        own = [number for number in order if pieces[number][1] == visitor]
        assert own == sorted(own)
