"""What more workers give where a destination is slow: one, two and four with one PostgreSQL store.

The destination answers after 20 ms and gets 100 events a call, in order and one call at a time, as
RudderStack does: it allows each worker 5,000 events a second, and a worker mostly waits. The
workers are processes of their own, each with a data folder of its own; once they have spread the
destination's shards, the events are put into the log at once. The rate is that of arriving, from
the first event to the last; the CPU is the workers' own in that time.

Database and receiver run on the same machine: "cores busy" are all of it, strangers too. Where
nearly all are, it is the cores that end the growth and not the workers, and the table says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.delivery.cluster import Cluster, cluster, emptied
from tests.processes import started
from tests.programs import there
from track_middleware.delivery import handover
from track_middleware.delivery.servers import piece
from track_middleware.delivery.store import NewRow
from track_middleware.delivery.store.postgresql import opening
from track_middleware.delivery.store.shards import SHARDS
from track_middleware.destinations import registry, rudderstack
from track_middleware.event import Event, encode_event, iso
from track_middleware.reading import load

from .receiver import Receiver, running

EVENTS = int(os.environ.get("BENCH_GROWTH", "40000"))
WORKERS = (1, 2, 4)
LATENCY = 0.02

#: So many events the destination gets in one call.
CALL = rudderstack.LIMITS.most

#: The least of so many times one worker's rate, and the most of its CPU for each event.
GROWTH = 0.75
CPU = 1.2

_CORES = os.cpu_count() or 1

#: Seconds until something must have happened.
_PATIENCE = 600.0

#: Of all cores' time, the share from which on nothing else can be told of growth.
_BUSY = 0.8

#: More visitors than that make the shards more alike.
_VISITORS = 9_973

_NOTE = "y" * 400

_PIECE = piece(registry.routes(["rudderstack://KEY@localhost"])[0])


@dataclass(frozen=True, slots=True)
class Grown:
    """What so many workers did: events a second, their CPU in seconds for 100,000 events, and how
    many cores were busy meanwhile."""

    workers: int
    rate: float
    cpu: float
    busy: float
    lost: int

    @property
    def share(self) -> float:
        """The rate as a share of what the destination allows so many workers."""
        return self.rate * LATENCY / (CALL * self.workers)


def main() -> int:
    """Prints the table; 1 when a bar is missed. Without PostgreSQL's programs it says so."""
    if not there("postgresql"):
        print("no PostgreSQL is installed here")
        return 0
    with cluster() as server, running() as receiver:
        receiver.slow(LATENCY)
        found = [measured(server, receiver, workers, EVENTS) for workers in WORKERS]
    one, missed = found[0], False
    for each in found:
        growth, cpu = each.rate / one.rate, each.cpu / one.cpu
        missed |= growth < GROWTH * each.workers or cpu > CPU or bool(each.lost)
        print(f"{each.workers} workers  {each.rate:>8,.0f} events/s, {each.share:.0%} of what the "
              f"destination allows  {growth:>5.2f} times  {each.cpu:>5.1f} s of CPU for 100,000  "
              f"{cpu:>5.2f} times  {each.busy:.1f} of {_CORES} cores busy")  # fmt: skip
    print(f"bars: at least {GROWTH} of as many times the rate, at most {CPU} times the CPU")
    if missed and max(each.busy for each in found) > _BUSY * _CORES:
        print("the machine was busy: what it says of growth is what the cores allowed")
    return missed


def measured(server: Cluster, receiver: Receiver, workers: int, events: int) -> Grown:
    """A run with so many workers."""
    emptied(server)
    receiver.expect(events)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places = [Path(folder) / str(number) for number in range(workers)]
        processes = [stack.enter_context(_worker(each, server, receiver)) for each in places]
        _until(lambda: _spread(server) == sorted(_even(workers)))
        store = opening.opened(server.url, places[0])
        rows = [_row(each) for each in range(events)]
        with store.batch():  # seen as a whole: storing keeps those waiting who note what was sent
            for start in range(0, events, 4_000):
                store.append(rows[start : start + 4_000])
            before = sum(map(_cpu, processes))
        began, idle = time.monotonic(), _idle()
        store.close()
        _until(lambda: not receiver.arrivals().lost)
        came = receiver.arrivals()
        cpu = sum(map(_cpu, processes)) - before
        busy = _CORES - (_idle() - idle) / (time.monotonic() - began)
    rate = events / (came.last - came.first)
    return Grown(workers, rate, cpu * 100_000 / events, busy, came.lost)


def _worker(
    place: Path, server: Cluster, receiver: Receiver
) -> AbstractContextManager[subprocess.Popen[Any]]:
    """A running worker with a data folder of its own."""
    place.mkdir()
    given = {
        "data_dir": str(place), "store": server.url, "destinations": [_destination(receiver)]
    }  # fmt: skip
    handover.write(load(given, {}), place)
    return started([sys.executable, "-m", "track_middleware", "worker", "--data-dir", str(place)])


def _destination(receiver: Receiver) -> str:
    return f"rudderstack://KEY@localhost?endpoint={receiver.url}"


def _row(number: int) -> NewRow:
    """An event of one of many visitors, which the receiver knows by its number."""
    who = f"visitor-{number % _VISITORS}"
    event = Event(
        str(uuid.uuid4()), "track", iso(time.time()), event="Order Completed", anonymous_id=who,
        properties={"order_id": f"order-{number:07d}", "note": _NOTE},
    )  # fmt: skip
    return NewRow(
        event.message_id, who, time.time(), "track", "Order Completed", encode_event(event)
    )


def _even(workers: int) -> list[int]:
    each, more = divmod(SHARDS, workers)
    return [each + (place < more) for place in range(workers)]


def _spread(server: Cluster) -> list[int]:
    """How many shards of the destination the workers have."""
    if not server.do("SELECT 1 FROM pg_tables WHERE tablename = 'lease'"):
        return []
    rows = server.do(
        "SELECT count(*)::integer FROM track_middleware.lease"
        f" WHERE name ~ '^{_PIECE}/[0-9]+$' AND owner <> '' GROUP BY owner"
    )
    return sorted(int(str(number)) for (number,) in rows)


def _idle() -> float:
    """Seconds for which all cores together had nothing to do."""
    values = Path("/proc/stat").read_text().partition("\n")[0].split()
    return (int(values[4]) + int(values[5])) / os.sysconf("SC_CLK_TCK")


def _cpu(process: subprocess.Popen[Any]) -> float:
    """Seconds of CPU that a process has used."""
    values = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
