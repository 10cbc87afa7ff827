"""Delivery against the six official SDKs: events per second, CPU, memory, lost.

Each contender sends the same events as fast as it can to one receiver on loopback, one after the
other in one run. The rate is from the first call to the last event's arrival; CPU and memory are
the producer's and, of ours, its worker's. Ours runs before and after each of the others, and each
is compared with the mean of these two, so that a machine that slows down slows both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from . import contenders
from .contenders import Told
from .receiver import Receiver, running

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))

OTHERS = ("posthog", "segment", "rudder", "mixpanel", "amplitude", "snowplow")

#: The least of the best SDK's rate, and the most of its CPU.
RATE, CPU = 2.3, 0.55


@dataclass(frozen=True, slots=True)
class Result:
    """What one contender did. ``cpu`` is in seconds per 100,000 events, ``memory`` in MiB."""

    name: str
    rate: float
    calling: float
    cpu: float
    memory: float
    lost: int
    repeated: int
    start: float


def measured(name: str, receiver: Receiver, number: int = EVENTS) -> Result:
    """One contender's run, in a process of its own."""
    receiver.expect(number)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", contenders.__name__, name, receiver.url, str(number)]
        ended = subprocess.run([*command, folder], stdout=subprocess.PIPE, check=True)
    told, came = Told(**json.loads(ended.stdout)), receiver.arrivals()
    return Result(
        name, (number - came.lost) / (came.last - told.began), told.calling,
        told.cpu * 100_000 / number, told.memory, came.lost, came.repeated, told.start,
    )  # fmt: skip


def main() -> int:
    """Prints the table; 1 when a bar is missed."""
    print(f"delivery of {EVENTS:,} events, one receiver on loopback")
    print("              events/s  calls took   CPU s/100k   peak MiB   lost   repeated")
    with running() as receiver:
        runs = [_shown(measured("ours", receiver))]
        for name in OTHERS:
            runs += [_shown(measured(name, receiver)), _shown(measured("ours", receiver))]
    ours = runs[::2]
    rates = {}
    print("ours against           rate     CPU")
    for before, other, after in zip(runs[::2], runs[1::2], runs[2::2], strict=False):
        rates[other.name] = (before.rate + after.rate) / 2 / other.rate
        print(f"{other.name:<18} {rates[other.name]:7.2f}x {_cpu(before, other, after):6.2f}x")
    best = min(rates, key=lambda name: rates[name])
    place = 1 + 2 * OTHERS.index(best)
    rate, cpu = rates[best], _cpu(*runs[place - 1 : place + 2])
    print(f"the fastest, {best}: {rate:.2f}x its rate (bar {RATE}), {cpu:.2f}x its CPU (bar {CPU})")
    start = statistics.median(each.start for each in ours)
    print(f"ours: median {statistics.median(each.rate for each in ours):,.0f} events/s, "
          f"{statistics.median(each.cpu for each in ours):.2f} CPU s/100k; "
          f"its worker took {start:.1f} s to start")  # fmt: skip
    lost = sum(each.lost + each.repeated for each in ours)
    return int(rate < RATE or cpu > CPU or lost > 0)


def _cpu(before: Result, other: Result, after: Result) -> float:
    return (before.cpu + after.cpu) / 2 / other.cpu


def _shown(result: Result) -> Result:
    print(_line(result), flush=True)
    return result


def _line(each: Result) -> str:
    return (
        f"{each.name:<12} {each.rate:9,.0f} {each.calling:9.2f} s {each.cpu:12.2f}"
        f" {each.memory:10.0f} {each.lost:6} {each.repeated:10}"
    )


if __name__ == "__main__":
    sys.exit(main())
