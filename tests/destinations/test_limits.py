"""Runs by road: few, under their limits, and each visitor's pieces in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from track_middleware.destinations.limits import Piece, packed, routed

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


def _packed(names: str, *, most: int = 100, size: int = 1_000) -> list[str]:
    """Runs of pieces of 10 bytes each; a letter is an event's id."""
    pieces: list[Piece] = [(name, b"x" * 9) for name in names]
    return ["".join(name for name, _ in run) for run in packed(pieces, most=most, size=size)]


def test_an_events_pieces_stay_together_where_they_fit() -> None:
    assert _packed("abbcc", most=2) == ["a", "bb", "cc"]
    assert _packed("abbcc", size=20) == ["a", "bb", "cc"]
    assert _packed("abbb", most=3) == ["a", "bbb"]


def test_an_event_that_is_larger_than_a_run_fills_several() -> None:
    assert _packed("aabbbbb", most=3) == ["aa", "bbb", "bb"]
    assert _packed("abbbb", size=30) == ["a", "bbb", "b"]


@given(names=st.text("ab"), most=st.integers(1, 5), size=st.integers(10, 60))
def test_nothing_is_lost_by_packing(names: str, most: int, size: int) -> None:
    runs = _packed(names, most=most, size=size)
    assert "".join(runs) == names
    assert all(0 < len(run) <= most and 10 * len(run) <= size for run in runs)
