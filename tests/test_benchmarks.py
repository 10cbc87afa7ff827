"""The benchmarks measure what they say: small ones, for what arrives and not for how fast."""

from __future__ import annotations

from benchmarks import throughput, waiting
from benchmarks.receiver import running


def test_every_event_of_ours_arrives_once_at_the_receiver() -> None:
    with running() as receiver:
        result = throughput.measured("ours", receiver, 2000)
    assert (result.lost, result.repeated) == (0, 0)


def test_the_receiver_counts_what_is_lost_and_what_comes_twice() -> None:
    with running() as receiver:
        receiver.expect(3)
        for body in ('{"order_id":"order-0000001"}', "order-0000001 order-0000009"):
            receiver._ask("POST", "/v1/batch", body)
        came = receiver.arrivals()
    assert (came.lost, came.repeated) == (2, 1)
    assert came.first == came.last > 0


def test_events_that_wait_for_a_destination_arrive_once_when_it_is_back() -> None:
    with running() as receiver:
        outage = waiting.measured(receiver, 2000)
    assert (outage.lost, outage.repeated) == (0, 0)
