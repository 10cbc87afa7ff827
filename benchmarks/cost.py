"""The cost of a tracked request and of ``track()``, against the floor.

The floor is ``msgspec.json.encode`` of the finished wire event plus one ``os.write`` to a file
opened for appending on the data folder's disk. In one process blocks alternate: bare app, floor,
ours, and the bare app doing the floor itself, amid its request. The bars are by the floor's own
block. Beside it stands the floor amid a request, and who misses a bar by that: with a framework
around them the same two calls take 5 to 25 % longer, under async Django, whose threads wait for
each ``write``, four times as long. It is timed there and not the difference of two blocks: where
a framework takes a hundred floors and a thread, that is noise. What the floor pushes out of the
caches behind it is not in it; ours has that in it.

A block's figure is its median, a ratio's the median over the rounds. No worker runs: this is what
the request pays.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import truediv
from pathlib import Path
from time import perf_counter_ns

import msgspec

from track_middleware import wiring
from track_middleware.delivery import spool
from track_middleware.event import Event, decode_entry

from .faces import BESIDE, FACES, Face, Visit

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "30"))
BLOCK = int(os.environ.get("BENCH_BLOCK", "200"))

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Bar:
    """The most that something may cost, in floors."""

    returning: float = 12.0
    first: float = 20.0
    track: float = 3.0
    track_p99: float = 10.0


def block(step: Step, times: int = BLOCK) -> list[int]:
    """The nanoseconds that each of some steps took."""
    taken = []
    for _ in range(times):
        begin = perf_counter_ns()
        step()
        taken.append(perf_counter_ns() - begin)
    return taken


class Floor:
    """Encodes one finished event and appends it to a file."""

    def __init__(self, folder: Path, event: Event) -> None:
        self._fd = os.open(folder / "floor", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._event = event
        self._encode = msgspec.json.Encoder().encode

    def __call__(self) -> None:
        os.write(self._fd, self._encode(self._event))


def last_event(folder: Path, kind: str) -> Event:
    """The last event of a kind that was spooled in a data folder."""
    events = []
    for path in (folder / spool.FOLDER).iterdir():
        for line in path.read_bytes().split(b"\n"):
            if line:
                event = decode_entry(line[9:]).event
                if event is not None and event.type == kind:
                    events.append(event)
    return max(events, key=lambda event: event.timestamp)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a visit costs more than the bare app: in floors, and in floors as the app itself does
    them amid a request, with the processor's caches as they are there. Both floors in
    microseconds."""

    floors: float
    floors_amid: float
    floor: float
    floor_amid: float


def request_cost(face: Face, visit: Visit) -> Cost:
    """The cost of one kind of visit, as medians over the rounds."""
    face.ours(visit)
    floor = Floor(face.data_dir, last_event(face.data_dir, "page"))
    rounds = [_round(face, visit, floor) for _ in range(ROUNDS)]
    added, alone, amid = (
        [nanoseconds / 1000 for nanoseconds in each] for each in zip(*rounds, strict=True)
    )
    return Cost(
        statistics.median(map(truediv, added, alone)),
        statistics.median(map(truediv, added, amid)),
        statistics.median(alone),
        statistics.median(amid),
    )


def _round(face: Face, visit: Visit, floor: Floor) -> tuple[float, float, float]:
    """What the visit adds, the floor alone, and the floor amid a request: median nanoseconds."""
    bare = statistics.median(block(lambda: face.bare(visit)))
    alone = statistics.median(block(floor))
    ours = statistics.median(block(lambda: face.ours(visit)))
    amid: list[int] = []
    BESIDE.append(lambda: amid.extend(block(floor, 1)))
    block(lambda: face.bare(visit))
    BESIDE.clear()
    return ours - bare, alone, statistics.median(amid)


def request_costs(folder: Path, faces: Sequence[str]) -> list[tuple[str, Cost, Cost]]:
    """Per face: its name, and the cost of a returning and of a first visit."""
    rows = []
    print("page request   returning visitor         first visit with a campaign")
    print("               floors    floors amid     floors    floors amid     floor    amid")
    for name in faces:
        face = FACES[name](folder / name)
        returning = request_cost(face, Visit.returning(face.ours))
        first = request_cost(face, Visit.first())
        rows.append((name, returning, first))
        print(
            f"{name:<14} {returning.floors:6.1f} {returning.floors_amid:11.1f}"
            f" {first.floors:14.1f} {first.floors_amid:11.1f}"
            f" {first.floor:14.2f} {first.floor_amid:8.2f} µs"
        )
    return rows


def track_cost(folder: Path) -> tuple[float, float, float]:
    """``track()`` alone outside a request: median and 99th percentile, and the floor's own 99th
    percentile (on a busy machine that is the neighbours'), in median floors."""
    made = wiring.configure({"data_dir": str(folder), "deliver": "worker", "secret_key": "bench"})
    properties = {"order_id": "1001", "revenue": 39.5, "currency": "EUR"}
    from track_middleware import track

    def ours() -> None:
        track("Order Completed", properties, user_id="42")

    ours()
    floor = Floor(folder, last_event(folder, "track"))
    medians, tails, floor_tails = [], [], []
    for _ in range(ROUNDS):
        low = block(floor, BLOCK * 5)
        high = block(ours, BLOCK * 5)
        medians.append(statistics.median(high) / statistics.median(low))
        tails.append(statistics.quantiles(high, n=100)[98] / statistics.median(low))
        floor_tails.append(statistics.quantiles(low, n=100)[98] / statistics.median(low))
    made.spool.close()
    return statistics.median(medians), statistics.median(tails), statistics.median(floor_tails)


def main(faces: Sequence[str] = ()) -> int:
    """Prints the table, of all faces unless some are named; 1 when a bar is missed."""
    bar = Bar()
    gc.disable()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        median, tail, floor_tail = track_cost(folder / "verbs")
        print(
            f"track()        median {median:4.2f}x (bar {bar.track:g})   p99 {tail:4.2f}x of the"
            f" median floor (bar {bar.track_p99:g}; the floor's own {floor_tail:4.2f}x)"
        )
        rows = request_costs(folder, faces or list(FACES))
    missed = [
        name for name, returning, first in rows
        if returning.floors > bar.returning or first.floors > bar.first
    ]  # fmt: skip
    amid = [
        name for name, returning, first in rows
        if returning.floors_amid > bar.returning or first.floors_amid > bar.first
    ]  # fmt: skip
    if median > bar.track or tail > bar.track_p99:
        missed.insert(0, "track()")
    print(f"bars: returning {bar.returning:g}x, first visit with a campaign {bar.first:g}x: "
          + (f"missed by {', '.join(missed)}" if missed else "met by all")
          + f"; by the floor amid a request: {', '.join(amid) or 'none'} over")  # fmt: skip
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
