"""A long outage of the destination: memory while events wait, and the rate when they are sent then.

A producer sends one event, the receiver goes down, the producer sends all the others as fast as it
can. When they are in the store the receiver comes back, and the worker tries again when its pause
is over. The rate is from the first arrival to the last, and is compared with the fastest official
SDK's in the same run, before the outage and after it: the bar is the one of ``throughput``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from track_middleware.delivery.store import sqlite
from track_middleware.errors import StoreError

from . import contenders, throughput
from .receiver import Arrivals, Receiver, running
from .usage import Usage, children, usage

EVENTS = int(os.environ.get("BENCH_WAITING", "1000000"))

#: The most that the worker may grow, and the web process, in MiB.
WORKER_GROWS, WEB_GROWS = 60.0, 5.0

#: Events of each run of an SDK.
_SDK_EVENTS = min(EVENTS, 20_000)

#: So many seconds a step may take.
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Outage:
    """What an outage did. Memory is in MiB: the web process's at its first event and at its last,
    the worker's at its start and at its highest. ``resumed``: seconds from the receiver's return to
    the first arrival."""

    web: tuple[float, float]
    worker: tuple[float, float]
    stored: float
    resumed: float
    rate: float
    lost: int
    repeated: int


def measured(receiver: Receiver, number: int = EVENTS) -> Outage:
    """One outage, with a producer of its own."""
    receiver.expect(number)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "benchmarks.waiting", receiver.url, str(number), folder]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as producer:
            assert producer.stdin
            assert producer.stdout
            try:
                producer.stdout.readline()
                (worker,) = children(producer.pid)
                web, started = usage(producer.pid), usage(worker)
                receiver.down()
                producer.stdin.write("\n")
                producer.stdin.flush()
                producer.stdout.readline()
                filled = usage(producer.pid)
                stored = _until(lambda: _stored(folder) > number)
                came, resumed = _back(receiver, number)
                ended = usage(worker)
            finally:
                producer.terminate()
    return _outage(web, filled, started, ended, stored, resumed, came)


def _back(receiver: Receiver, number: int) -> tuple[Arrivals, float]:
    receiver.up()
    began = time.monotonic()
    _until(lambda: receiver.arrivals().first > 0)
    _until(lambda: receiver.arrivals().lost == 0)
    came = receiver.arrivals()
    return came, came.first - began


def _outage(
    web: Usage, filled: Usage, started: Usage, ended: Usage, stored: float, resumed: float,
    came: Arrivals,
) -> Outage:  # fmt: skip
    rate = (len(came.times) - came.lost) / (came.last - came.first)
    return Outage(
        (web.memory, filled.peak), (started.memory, ended.peak), stored, resumed, rate, came.lost,
        came.repeated,
    )  # fmt: skip


def _stored(folder: str) -> int:
    """How many events are in the store."""
    try:
        store = sqlite.open(Path(folder) / "events.db", read_only=True)
    except StoreError:
        return 0
    try:
        return store.end()
    finally:
        store.close()


def _until(holds: Callable[[], bool]) -> float:
    """Waits; how many seconds it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > _PATIENCE:
            break
        time.sleep(0.5)
    return time.monotonic() - began


def main() -> int:
    """Prints the figures; 1 when a bar is missed."""
    with running() as receiver:
        rates = {name: _rate(name, receiver) for name in throughput.OTHERS}
        best = max(rates, key=lambda name: rates[name])
        it = measured(receiver)
        fastest = (rates[best] + _rate(best, receiver)) / 2
    web, worker = it.web[1] - it.web[0], it.worker[1] - it.worker[0]
    print(f"{EVENTS:,} events waiting while the destination was down")
    print(f"web process  {it.web[0]:.0f} MiB, at most {it.web[1]:.0f}: +{web:.1f} "
          f"(bar {WEB_GROWS:g})")  # fmt: skip
    print(f"worker       {it.worker[0]:.0f} MiB, at most {it.worker[1]:.0f}: +{worker:.1f} "
          f"(bar {WORKER_GROWS:g}), until all of them were delivered")  # fmt: skip
    print(
        f"in the store {it.stored:.1f} s after the last call; sent again {it.resumed:.1f} s after"
    )
    print(f"             the destination's return, at {it.rate:,.0f} events/s; lost {it.lost}, "
          f"repeated {it.repeated}")  # fmt: skip
    times = it.rate / fastest
    print(f"             {times:.2f}x the rate of the fastest SDK, {best}, at {fastest:,.0f} "
          f"events/s (bar {throughput.RATE})")  # fmt: skip
    grew = web > WEB_GROWS or worker > WORKER_GROWS
    return int(grew or times < throughput.RATE or it.lost > 0 or it.repeated > 0)


def _rate(name: str, receiver: Receiver) -> float:
    """An SDK's events/s when nothing is in its way."""
    return throughput.measured(name, receiver, _SDK_EVENTS).rate


def produce(url: str, number: str, folder: str) -> None:
    """The producer: tells when its worker runs, waits for a line, sends all, waits for the end."""
    with contenders.ours(url, 0, folder) as send:
        print("started", flush=True)
        sys.stdin.readline()
        for user, said in contenders.orders(int(number)):
            send(user, said)
        print("sent", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        produce(*sys.argv[1:])
    else:
        sys.exit(main())
