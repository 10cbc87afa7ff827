"""Two delays: ``track()`` while a worker delivers at full speed, and from the call to the arrival.

- Busy: a process calls ``track()`` as fast as it can, so that the worker never rests. Its calls are
  compared with the floor (the encoding of one finished event and one write), with
  ``deliver="process"`` and with ``deliver="thread"``. As in every ratio here, both are measured
  alternately, so that both meet the same machine: the floor's median is of the floors between the
  calls, while the worker delivers. What it was before the worker was started is printed too, with
  the calls' percentile in it, and so is the floor's own percentile.
- Timely: 1,000 calls a second; for each event the time from before the call to its arrival at a
  local receiver.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns

from . import contenders, cost
from .receiver import Receiver, running

CALLS = int(os.environ.get("BENCH_CALLS", "50000"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))

#: Runs with a busy worker, of which the middle one counts.
RUNS = 3

#: Calls a second.
PACE = 1000

#: After so many calls the floor is measured once.
_BETWEEN = 5

#: The 99th percentile of a call in floors; the median and 99th percentile of a delay in seconds.
CALL_P99, DELAY_P50, DELAY_P99 = 10.0, 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Busy:
    """A call's cost while a worker is at work, and the floor's own percentile, in floors of
    meanwhile; that floor, and the one before the worker was started, in microseconds."""

    median: float
    p99: float
    worst: float
    floor: float
    floor_p99: float
    floor_before: float


def busy(receiver: Receiver, deliver: str, number: int = CALLS) -> Busy:
    """Calls without a pause, delivered by a child or by a thread."""
    receiver.expect(number)
    told = _child(receiver, "busy", deliver, str(number))
    floor = statistics.median(told["floors"])
    calls, floors = ([each / floor for each in told[name]] for name in ("calls", "floors"))
    return Busy(
        statistics.median(calls), _p99(calls), max(calls), floor / 1000, _p99(floors),
        told["floor"][0] / 1000,
    )  # fmt: skip


def middle(receiver: Receiver, deliver: str) -> Busy:
    """The run whose percentile is the median of some: each is over in less than a second."""
    return sorted((busy(receiver, deliver) for _ in range(RUNS)), key=lambda it: it.p99)[RUNS // 2]


def delays(receiver: Receiver, seconds: int = SECONDS) -> list[float]:
    """Per event, seconds from its call to its arrival; infinite for one that did not come."""
    receiver.expect(seconds * PACE)
    called = _child(receiver, "timely", "process", str(seconds * PACE))["called"]
    times = receiver.arrivals().times
    return [there - at if there else float("inf") for at, there in zip(called, times, strict=True)]


def main() -> int:
    """Prints the figures; 1 when a bar is missed."""
    with running() as receiver:
        found = {deliver: middle(receiver, deliver) for deliver in ("process", "thread")}
        waits = delays(receiver)
    for deliver, it in found.items():
        print(f"track() while its {deliver} delivers: median {it.median:.2f}x, "
              f"p99 {it.p99:.2f}x, worst {it.worst:.0f}x of {it.floor:.2f} µs, whose own p99 is "
              f"{it.floor_p99:.2f}x; p99 {it.p99 * it.floor / it.floor_before:.2f}x of "
              f"{it.floor_before:.2f} µs before")  # fmt: skip
    p50, p99 = statistics.median(waits), _p99(waits)
    print(f"from the call to the destination at {PACE:,} events/s: p50 {p50 * 1000:.0f} ms "
          f"(bar {DELAY_P50 * 1000:.0f}), p99 {p99 * 1000:.0f} ms (bar {DELAY_P99 * 1000:.0f}), "
          f"worst {max(waits) * 1000:.0f} ms")  # fmt: skip
    print(f"bar of track() with its process: p99 {CALL_P99:g}x")
    return int(found["process"].p99 > CALL_P99 or p50 > DELAY_P50 or p99 > DELAY_P99)


def _child(receiver: Receiver, what: str, deliver: str, number: str) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "benchmarks.latency", what, deliver, receiver.url, number]
        ended = subprocess.run([*command, folder], stdout=subprocess.PIPE, check=True)
    told: dict[str, list[float]] = json.loads(ended.stdout)
    return told


def _calls(deliver: str, url: str, number: int, folder: str) -> dict[str, object]:
    """Nanoseconds of each call, of the floor before them, and of the floor between them."""
    floor = _floor(Path(folder))
    before = statistics.median(statistics.median(cost.block(floor)) for _ in range(50))
    taken: list[int] = []
    between: list[int] = []
    with contenders.ours(url, number, folder, deliver) as send:
        for place, (user, said) in enumerate(contenders.orders(number)):
            begin = perf_counter_ns()
            send(user, said)
            taken.append(perf_counter_ns() - begin)
            if place % _BETWEEN == 0:
                between += cost.block(floor, 1)
    return {"calls": taken, "floor": [before], "floors": between}


def _floor(folder: Path) -> cost.Floor:
    """The floor of such an event."""
    from track_middleware import wiring

    made = wiring.build({"data_dir": str(folder / "alone"), "deliver": "worker"})
    user, said = next(contenders.orders(1))
    made.tracker.track("Order Completed", said, user_id=user)
    floor = cost.Floor(folder, cost.last_event(folder / "alone", "track"))
    made.spool.close()
    return floor


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _paced(deliver: str, url: str, number: int, folder: str) -> dict[str, object]:
    """When each call was made, by the monotonic clock."""
    called = []
    with contenders.ours(url, number, folder, deliver) as send:
        begin = time.monotonic()
        for place, (user, said) in enumerate(contenders.orders(number)):
            time.sleep(max(0.0, begin + place / PACE - time.monotonic()))
            called.append(time.monotonic())
            send(user, said)
    return {"called": called}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run = _calls if sys.argv[1] == "busy" else _paced
        print(json.dumps(run(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])))
    else:
        sys.exit(main())
