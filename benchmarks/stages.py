"""What an event costs at each stage: CPU and bytes, from the request to the warehouse.

One process does everything, one stage after the other, with the same events: page views of a
returning visitor, each with one ``track()`` in its request. CPU is this process's own, in
microseconds an event and in floors (``cost`` says what a floor is); a destination's is what the
worker takes with it more than without any, its calls being answered at once. docs/scaling.md
reckons with these figures.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from track_middleware import cli, track
from track_middleware.delivery import handover
from track_middleware.delivery.worker import Worker
from track_middleware.destinations import Answer, Call
from track_middleware.settings import Settings

from .cost import Floor, last_event
from .faces import BESIDE, Visit, wsgi

VISITS = int(os.environ.get("BENCH_VISITS", "10000"))
TURNS = int(os.environ.get("BENCH_TURNS", "5"))

DESTINATIONS = {
    "webhook": "webhook+https://hook.example/",
    "segment": "segment://KEY",
    "postgresql": "postgresql://u:p@db.example/shop",
    "clickhouse": "clickhouse://u:p@ch.example/shop",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Microseconds of CPU, and bytes that are written or sent, an event."""

    name: str
    cpu: float
    size: float


def measured(folder: Path, visits: int = VISITS, turns: int = TURNS) -> tuple[float, list[Stage]]:
    """The floor in microseconds, and every stage. A visit is two events."""
    events = 2 * visits
    site = folder / "site"
    face = wsgi(site)
    visit = Visit.returning(face.ours)
    bare = _cpu(lambda: _times(lambda: face.bare(visit), visits)) / visits
    viewed = _cpu(lambda: _times(lambda: face.ours(visit), visits)) / visits
    said = {"order_id": "1001", "revenue": 39.5, "currency": "EUR"}
    BESIDE.append(lambda: track("Order Completed", said))
    face.ours(visit)  # what is made with the first event of its kind
    shutil.rmtree(site / "spool")
    face = wsgi(folder / "fresh")
    both = _cpu(lambda: _times(lambda: face.ours(visit), visits)) / visits
    BESIDE.clear()
    site = folder / "fresh"
    floor = Floor(folder, last_event(site, "page"))
    floors = _cpu(lambda: _times(floor, visits)) / visits
    found = [
        Stage("page request, over the bare app", viewed - bare, 0),
        Stage("track() in a request", both - viewed, 0),
        Stage("spool", 0, _size(site / "spool") / events),
    ]
    _worked(site, folder / "first", [], events)  # imports, tables of user agents
    found += _in_turns(site, folder, events, turns)
    found.append(_exported(folder / "store0", folder / "files", events))
    return floors, found


def _in_turns(site: Path, folder: Path, events: int, turns: int) -> list[Stage]:
    """The worker's stages, the least of some rounds: what else the machine does meets all."""
    urls: dict[str, list[str]] = {
        "store": [],
        **{name: [url] for name, url in DESTINATIONS.items()},
    }
    rounds = [
        [_worked(site, folder / f"{name}{turn}", each, events) for name, each in urls.items()]
        for turn in range(turns)
    ]
    least = [min(of_one, key=lambda each: each.cpu) for of_one in zip(*rounds, strict=True)]
    store, *others = least
    sent = [
        replace(each, name=f"{name}: ready to send", cpu=each.cpu - store.cpu)
        for name, each in zip(DESTINATIONS, others, strict=True)
    ]
    return [store, *sent]


def _worked(site: Path, folder: Path, urls: list[str], events: int) -> Stage:
    """A worker that stores a copy of the spool, and sends it where that is said."""
    shutil.copytree(site, folder)
    settings = Settings(data_dir=str(folder), destinations=urls, secret_key="bench")
    handover.write(settings, folder)
    sent = 0

    def transport(call: Call) -> Answer:
        nonlocal sent
        sent += len(call.body)
        return Answer(200, {}, b"{}")

    worker = Worker(settings, data_dir=folder, transport=transport)
    cpu = _cpu(worker.once)
    worker.close()
    size = sent if urls else sum(_size(each) for each in folder.glob("events.db*"))
    return Stage("store", cpu / events, size / events)


def _exported(store: Path, target: Path, events: int) -> Stage:
    argv = ["--data-dir", str(store), "export", "--parquet", str(target)]
    with contextlib.redirect_stdout(io.StringIO()):
        cpu = _cpu(lambda: cli.run(argv))
    return Stage("export --parquet", cpu / events, _size(target) / events)


def _times(step: Callable[[], object], number: int) -> None:
    for _ in range(number):
        step()


def _cpu(step: Callable[[], object]) -> float:
    """Microseconds of this process's CPU."""
    before = time.process_time_ns()
    step()
    return (time.process_time_ns() - before) / 1000


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def main() -> int:
    """Prints the table; there is no bar."""
    with tempfile.TemporaryDirectory() as folder:
        floor, stages = measured(Path(folder))
    print(f"stages of {VISITS:,} visits, two events each; the floor is {floor:.2f} µs")
    print(f"{'':<34} {'µs CPU':>9} {'floors':>8} {'CPU s/1M':>9} {'bytes':>8}")
    for each in stages:
        cpu = f"{each.cpu:9.1f} {each.cpu / floor:8.1f} {each.cpu:9.0f}" if each.cpu else " " * 28
        print(f"{each.name:<34} {cpu} {f'{each.size:8.0f}' if each.size else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
