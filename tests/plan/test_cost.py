"""What would halve a cost, over plain numbers."""

from __future__ import annotations

import msgspec
import pytest

from track_middleware.plan.cost import Cost, Sizes, halving


def costs(**events: int) -> dict[str, Cost]:
    """So many events of each name, of one row and ten bytes each."""
    return {name.replace("_", " "): Cost(count, 10, 10, 100) for name, count in events.items()}


def test_what_was_not_measured_costs_as_what_was():
    cost = Cost()
    cost.add(100)
    cost.measure(10, 20, 500)
    assert (cost.of("rows"), cost.of("bytes")) == (200, 5000)
    assert Cost(events=5).of("rows") == 0


@pytest.mark.parametrize(
    ("events", "drop", "leaves", "share"),
    [
        ({"A": 80, "B": 10, "C": 10}, ["A"], 0.2, 0.37),
        ({"A": 60, "B": 50, "C": 10}, ["A"], 0.5, 0.0),
        ({"A": 40, "B": 30, "C": 20, "D": 10}, ["A", "D"], 0.5, 0.0),
        ({"A": 40, "B": 35, "C": 25}, ["A", "C"], 0.35, 0.23),
    ],
)
def test_the_fewest_events_that_make_half_go(events, drop, leaves, share):
    found = halving(costs(**events), by="rows")
    assert (list(found.drop), found.drop_leaves) == (drop, pytest.approx(leaves))
    assert found.sample == dict.fromkeys(drop, share)


def test_sampling_as_advised_leaves_half_at_most():
    every = costs(A=77, B=31, C=13, D=5)
    found = halving(every, by="bytes")
    assert found.sample
    left = sum(cost.of("bytes") * found.sample.get(name, 1) for name, cost in every.items())
    total = sum(cost.of("bytes") for cost in every.values())
    assert 0.45 * total < left <= 0.5 * total


def test_what_must_stay_is_never_advised_to_go():
    found = halving(costs(Order=80, Identify=5, Click=15), by="rows", kept={"Order"})
    assert (list(found.drop), found.sample) == (["Click"], None)
    assert found.drop_leaves == pytest.approx(0.85)


def test_bytes_and_rows_may_say_otherwise():
    every = {"Small": Cost(90, 10, 10, 10), "Large": Cost(10, 10, 10, 1000)}
    assert list(halving(every, by="rows").drop) == ["Small"]
    assert list(halving(every, by="bytes").drop) == ["Large"]


def test_nothing_costs_nothing():
    found = halving({}, by="rows")
    assert (list(found.drop), found.sample) == ([], None)


def test_the_largest_properties_are_told_by_their_bytes_in_an_event():
    sizes = Sizes()
    for _ in range(2):
        sizes.add({"a": msgspec.Raw(b'"' + b"x" * 93 + b'"'), "b": msgspec.Raw(b"1")})
    for number in range(300):
        sizes.add({f"p{number}": msgspec.Raw(b"1")})
    assert next(iter(sizes.largest())) != "b"
    assert len(sizes.bytes) == 201
    alone = Sizes()
    alone.add({"a": msgspec.Raw(b'"' + b"x" * 93 + b'"'), "b": msgspec.Raw(b"1")})
    assert alone.largest() == {"a": 100.0, "b": 6.0}
