"""A store beside its engine's own client: the same rows in and out, and the table of both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from track_middleware.delivery.drain import AT_ONCE
from track_middleware.delivery.store import NewRow
from track_middleware.delivery.store.whole import Store
from track_middleware.stock import Stock

ROUNDS = 5

#: The least of the client's own rate.
RATE = 0.5

#: Events that a destination reads at once.
BATCH = 500

_BODY = b'{"type":"track","event":"Order Completed","properties":{"revenue":39.5},"context":{%s}}'


def made(events: int) -> list[NewRow]:
    """So many events of many visitors, with ids as our own calls have them."""
    new_id, body = Stock().new_id, _BODY % (b'"x":"%s"' % (b"y" * 500))
    return [
        NewRow(new_id(), f"visitor-{number % 997}", time.time(), "track", "Order Completed", body)
        for number in range(events)
    ]


def in_and_out(store: Store, rows: Sequence[NewRow]) -> None:
    """What the worker does with a store that is ended then: rows in as it drains them, and out as
    it serves a destination."""
    job = store.job("webhook")
    for start in range(0, len(rows), AT_ONCE):
        with store.batch():
            store.append(rows[start : start + AT_ONCE])
            store.intake.moved("v1-segment", start)
    last = job.position
    while found := store.read(last, BATCH):
        last = found[-1].position
        store.advance(job, last, [])
    store.close()


def is_missed(client: str, events: int, alone: Sequence[float], ours: Sequence[float]) -> bool:
    """Prints the table of the seconds that both took in turns; whether the bar is missed."""
    ratio = statistics.median(a / o for a, o in zip(alone, ours, strict=True))
    for name, seconds in ((f"{client} alone", alone), ("the store", ours)):
        print(f"{name:<22} {events / statistics.median(seconds):>10,.0f} events/s in and out")
    print(f"{'ratio':<22} {ratio:>10.2f}   (bar: at least {RATE})")
    return ratio < RATE
