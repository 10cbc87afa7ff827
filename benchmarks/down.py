"""What a page request costs while the store's server is down, beside one with no worker at all.

The web process appends to its spool and asks no server for anything: its worker does, which waits
and tries again. Two tracked apps take turns in one process: one without a worker, one whose worker,
a process of its own, finds nobody at its store's address.
"""

from __future__ import annotations

import gc
import socket
import statistics
import tempfile
import time
from pathlib import Path

from .cost import ROUNDS, Floor, block, last_event
from .faces import Face, Visit, wsgi

#: The most of so many times that a page may cost more than without a worker.
RATIO = 1.25

#: Stores that several hosts share; the port is nobody's.
STORES = {
    "postgresql": "postgresql://track:pw@127.0.0.1:{port}/track",
    "jetstream": "nats://127.0.0.1:{port}?ledger=postgresql://track:pw@127.0.0.1:{port}/track",
    "kafka": "kafka://127.0.0.1:{port}?ledger=postgresql://track:pw@127.0.0.1:{port}/track",
}

_PATIENCE = 30.0


def _nobodys_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measured(alone: Face, down: Face) -> tuple[float, float, float]:
    """What a returning visitor's page costs more than the bare app without a worker, in floors; how
    many times that with a store that is down; and its 99th percentile in floors."""
    visits = [Visit.returning(face.ours) for face in (alone, down)]
    _until_worker(down.data_dir)
    floor = Floor(alone.data_dir, last_event(alone.data_dir, "page"))
    costs, ratios, tails = [], [], []
    for _ in range(ROUNDS):
        bare = statistics.median(block(lambda: alone.bare(visits[0])))
        low = statistics.median(block(floor))
        one = statistics.median(block(lambda: alone.ours(visits[0]))) - bare
        times = block(lambda: down.ours(visits[1]))
        costs.append(one / low)
        ratios.append((statistics.median(times) - bare) / one)
        tails.append((statistics.quantiles(times, n=100)[98] - bare) / low)
    return statistics.median(costs), statistics.median(ratios), statistics.median(tails)


def _until_worker(folder: Path) -> None:
    """Returns once the worker has looked for its store, under the name of its folder."""
    end = time.monotonic() + _PATIENCE
    while not (folder / "folder").exists():
        assert time.monotonic() < end, "no worker started"
        time.sleep(0.1)


def main() -> int:
    """Prints a row for each kind of store; 1 when a bar is missed."""
    gc.disable()
    missed = False
    for name, url in STORES.items():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            alone = wsgi(Path(temporary) / "alone")
            store = url.format(port=_nobodys_port())
            down = wsgi(Path(temporary) / "down", store=store, deliver="process")
            cost, ratio, tail = measured(alone, down)
        missed |= ratio > RATIO
        print(f"{name:<11} {cost:5.1f} floors without a worker, {ratio:5.2f} times that with a "
              f"store that is down (bar {RATIO}), its p99 {tail:5.1f} floors")  # fmt: skip
    return int(missed)
