"""What the tracking plan costs the worker: the drain's CPU per event with a plan and without.

Both drain the same frames into a store of their own, in turns, so that what else the machine does
meets both. Every event keeps to the plan, as nearly all do; the plan knows 100 events, and each has
a text with a pattern, numbers, a choice and a list of products.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from track_middleware.delivery import parts
from track_middleware.delivery.drain import Drain
from track_middleware.delivery.plans import PlanStage
from track_middleware.delivery.store import sqlite
from track_middleware.event import Entry, Event, iso, lenient_encoder
from track_middleware.plan import document
from track_middleware.settings import Settings
from track_middleware.stock import Stock

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))

#: Frames of one drain, as many as a transaction takes.
FRAMES = 4000

#: So many times the drain's CPU without a plan.
BAR = 1.5

_START = 1_800_000_000.0

_new_id = Stock().new_id

_PLAN = document.read({
    "mode": "quarantine", "unknown": "quarantine",
    "events": {f"Event {number}": {"properties": {
        "order_id": {"type": "string", "required": True, "pattern": "^[0-9]+$"},
        "revenue": {"type": "number", "required": True, "keywords": {"minimum": 0}},
        "currency": {"type": "string", "enum": ["EUR", "USD"]},
        "coupon": {"type": ["string", "null"]},
        "products": {"type": "array", "items": {"type": "object", "properties": {
            "sku": {"type": "string", "required": True}, "price": {"type": "number"}}}},
    }} for number in range(100)},
}, name="bench")  # fmt: skip


def frames(number: int = FRAMES) -> list[bytes]:
    """Events from outside requests, all of which keep to the plan."""
    return [
        lenient_encoder.encode(Entry("event", _START, Event(
            _new_id(), "track", iso(_START), event=f"Event {each % 100}", user_id=str(each),
            properties={
                "order_id": str(each), "revenue": 39.5, "currency": "EUR", "coupon": None,
                "products": [{"sku": "A-1", "price": 19.5}, {"sku": "B-2", "price": 20.0}],
            },
            context={"platform": "server"},
        )))
        for each in range(number)
    ]  # fmt: skip


def drained(raws: list[bytes], stage: PlanStage | None) -> tuple[float, int]:
    """Seconds of CPU that draining these frames into a new store takes, and how many it keeps."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with closing(sqlite.open(data_dir / "events.db")) as store:
            drain = Drain(
                store, data_dir, finisher=parts.finisher(Settings()),
                rules=parts.rules(Settings()), plan=stage, count=lambda reason, number: None,
            )  # fmt: skip
            before = time.process_time()
            drain.take(raws, _START)
            return time.process_time() - before, store.end()


def measured(rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Microseconds of CPU per event without a plan and with it, and the ratio (medians)."""
    stage = PlanStage(_PLAN)
    pairs = []
    for _ in range(rounds):
        raws = frames()
        (bare, kept), (planned, passed) = drained(raws, None), drained(raws, stage)
        assert kept == passed == len(raws), "every event keeps to the plan"
        pairs.append((bare, planned))
    each = 1e6 / FRAMES
    return (
        statistics.median(bare for bare, _ in pairs) * each,
        statistics.median(planned for _, planned in pairs) * each,
        statistics.median(planned / bare for bare, planned in pairs),
    )


def main() -> int:
    """Prints the figures; 1 when the bar is missed."""
    bare, planned, ratio = measured()
    print(f"drained without a plan: {bare:.1f} us of CPU per event")
    print(f"checked by a plan of 100 events: {planned:.1f} us, {planned - bare:.1f} us more "
          f"({ratio:.2f}x; bar {BAR}x)")  # fmt: skip
    return int(ratio > BAR)
