"""Outages over real sockets: a vendor that is gone, that accepts and says nothing, for seconds and,
by a worker's faster clock, for ten minutes. What was accepted is counted once, and nobody waits.

``make torture`` (``TORTURE=full``) runs 20 s and 10 min at 800 events/s, the suite a short form.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.torture import vendor
from tests.torture.test_kills import PATIENCE, running

FULL = os.environ.get("TORTURE") == "full"
RATE = 800
OUTAGE = 20.0 if FULL else 2.0

#: Ten minutes of outage, in seconds of this machine's clock.
TEN_MINUTES, FACTOR = 600.0, 20.0 if FULL else 300.0


@contextmanager
def pacing(
    data_dir: Path, mode: str, port: int, *, rate: float, events: int
) -> Iterator[subprocess.Popen[str]]:
    destination = f"webhook+http://127.0.0.1:{port}/"
    command = ["tests.torture.pacer", str(data_dir), mode, destination, str(rate), str(events)]
    with running(*command, stdout=subprocess.PIPE) as web:
        yield web


@contextmanager
def working(data_dir: Path) -> Iterator[None]:
    """A worker, should the web process have taken its own along."""
    with running("track_middleware", "worker", "--data-dir", str(data_dir)):
        yield


def ids(web: subprocess.Popen[str]) -> list[str]:
    """What a web process had accepted, once it has ended."""
    output, _ = web.communicate(timeout=900)
    return output.split()


def until(taken: Path, number: int, seconds: float = PATIENCE) -> None:
    """Waits until a vendor has counted so many."""
    deadline = time.monotonic() + seconds
    while len(vendor.counted(taken)) < number:
        assert time.monotonic() < deadline, f"{len(vendor.counted(taken))} of {number} came"
        time.sleep(0.05)


@pytest.mark.parametrize("mode", ["process", "thread"])
def test_an_outage_loses_nothing(mode: str, tmp_path: Path, free_port: int) -> None:
    data_dir, taken = tmp_path / "track", tmp_path / "taken"
    events = int(RATE * (OUTAGE + 2))
    with pacing(data_dir, mode, free_port, rate=RATE, events=events) as web:
        with vendor.up(taken, free_port):
            until(taken, 1)
        time.sleep(OUTAGE)
        with vendor.up(taken, free_port):
            accepted = ids(web)
            with working(data_dir):
                until(taken, events)
    sent = vendor.counted(taken)
    print(f"{mode}: {len(accepted)} accepted, {len(sent)} counted, "
          f"{sent.total() - len(sent)} sent again with their id")  # fmt: skip
    assert len(set(accepted)) == events
    assert set(sent) == set(accepted)


def test_a_vendor_that_accepts_and_never_answers_holds_nobody_up(
    tmp_path: Path, free_port: int
) -> None:
    data_dir, taken = tmp_path / "track", tmp_path / "taken"
    events = int(RATE * OUTAGE)
    with vendor.up(taken, free_port) as silent:
        os.kill(silent.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pacing(data_dir, "process", free_port, rate=RATE, events=events) as web:
            accepted = ids(web)
        took = time.monotonic() - began
        os.kill(silent.pid, signal.SIGCONT)
        with working(data_dir):
            until(taken, events)
    print(f"{events} events in {took:.1f} s beside a vendor that never answers")
    assert set(vendor.counted(taken)) == set(accepted)
    assert len(set(accepted)) == events


def test_ten_minutes_of_outage_lose_nothing(tmp_path: Path, free_port: int) -> None:
    """The worker's clock is as much faster as the web process's pace."""
    data_dir, taken = tmp_path / "track", tmp_path / "taken"
    rate = RATE * FACTOR if FULL else RATE
    seconds = TEN_MINUTES / FACTOR
    events = int(rate * seconds)
    with (
        running("tests.torture.scaled", str(data_dir), str(FACTOR)),
        pacing(data_dir, "worker", free_port, rate=rate, events=events) as web,
    ):
        with vendor.up(taken, free_port):
            until(taken, 1)
        gone = time.monotonic()
        accepted = ids(web)
        time.sleep(max(0.0, gone + seconds - time.monotonic()))
        with vendor.up(taken, free_port):
            until(taken, events)
    print(f"ten minutes at {FACTOR:g} times the pace: {len(accepted)} accepted, "
          f"{len(vendor.counted(taken))} counted")  # fmt: skip
    assert len(set(accepted)) == events
    assert set(vendor.counted(taken)) == set(accepted)
