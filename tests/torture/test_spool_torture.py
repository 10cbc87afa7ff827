"""The spool under threads, forks and kills: every accepted event is readable exactly once."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.waiting import until
from track_middleware.delivery import segments
from track_middleware.delivery.spool import Spool
from track_middleware.event import Entry, Event, decode_entry


def entry(name: str, *, filling: int = 0) -> Entry:
    event = Event(message_id=name, type="track", timestamp="2026-01-01T00:00:00.000Z", event="x")
    return Entry(kind="event", at=1.0, event=event, raw="-" * filling or None)


def stored(data_dir: Path) -> Counter[str]:
    names: Counter[str] = Counter()
    with segments.open_all(data_dir) as opened:
        for segment in opened:
            offset = 0
            while (reading := segment.read(offset, 1000)).offset != offset:
                offset = reading.offset
                for frame in reading.frames:
                    event = decode_entry(frame).event
                    assert event is not None
                    names[event.message_id] += 1
    return names


def spool_in(data_dir: Path, segment_bytes: int = 4 * 2**20) -> Spool:
    return Spool(data_dir, now=time.monotonic, min_free="1", segment_bytes=segment_bytes)


def test_eight_threads_across_a_thousand_rotations_write_nowhere_else(tmp_path: Path) -> None:
    """Other threads open and close files all the time, so that a number given back for a moment
    would at once be one of theirs."""
    spool = spool_in(tmp_path / "data", segment_bytes=400)
    others = tmp_path / "others"
    others.mkdir()
    enough, stop = threading.Event(), threading.Event()
    accepted: list[list[str]] = [[] for _ in range(8)]

    def append(number: int) -> None:
        count = 0
        while not enough.is_set():
            count += 1
            name = f"{number}/{count}"
            if spool.append([entry(name)]):
                accepted[number].append(name)

    def open_and_close(number: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            path = others / f"{number}-{count % 50}"
            with path.open("wb"):
                pass

    bystanders = [threading.Thread(target=open_and_close, args=(n,)) for n in range(2)]
    writers = [threading.Thread(target=append, args=(n,)) for n in range(8)]
    former = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    try:
        spool.append([entry("first")])
        for thread in bystanders + writers:
            thread.start()
        until(lambda: len(os.listdir(spool.folder)) > 1000, seconds=300)
    finally:
        enough.set()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in bystanders:
            thread.join()
        sys.setswitchinterval(former)
    spool.close()
    assert len(list((tmp_path / "data" / "spool").glob("*.sealed"))) >= 1000
    assert stored(tmp_path / "data") == Counter(
        ["first", *(name for names in accepted for name in names)]
    )
    assert [path.name for path in others.iterdir() if path.stat().st_size] == []


def test_children_go_on_when_their_parent_dies(tmp_path: Path) -> None:
    """A parent that has written forks three children and is killed; they write on."""
    seen, told = os.pipe()
    parent = os.fork()
    if parent == 0:
        os.close(seen)
        _parent_of_three(tmp_path, told)
    os.close(told)
    os.waitpid(parent, 0)
    with os.fdopen(seen) as report:
        accepted = report.read().split()
    assert len(accepted) == 1 + 3 * 400
    assert stored(tmp_path) == Counter(accepted)

    def is_over() -> bool:
        with segments.open_all(tmp_path) as opened:
            return all(segment.finished for segment in opened)

    until(is_over)  # a process that ends closes what it tells before what it has locked


def _parent_of_three(data_dir: Path, told: int) -> None:
    spool = spool_in(data_dir, segment_bytes=3000)
    _report(spool, "parent", told)
    for child in range(3):
        if os.fork() == 0:
            for count in range(400):
                _report(spool, f"{child}/{count}", told)
            os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def _report(spool: Spool, name: str, told: int, *, filling: int = 0) -> None:
    if spool.append([entry(name, filling=filling)]):
        os.write(told, f"{name}\n".encode())


@pytest.mark.parametrize("filling", [0, 20_000], ids=["small", "torn"])
def test_a_kill_at_any_moment_loses_nothing_that_was_accepted(tmp_path: Path, filling: int) -> None:
    chance = random.Random(4)
    accepted: list[str] = []
    for run in range(40):
        seen, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            spool = spool_in(tmp_path, segment_bytes=100_000)
            count = 0
            while True:
                count += 1
                _report(spool, f"{run}/{count}", told, filling=filling)
        os.close(told)
        with os.fdopen(seen, "rb", buffering=0) as report:
            first = report.read(1)  # it has begun
            threading.Timer(chance.uniform(0, 0.01), os.kill, (pid, signal.SIGKILL)).start()
            while piece := report.read(65536):
                first += piece
        os.waitpid(pid, 0)
        accepted += first.decode().split()
    found = stored(tmp_path)
    assert set(accepted) <= set(found)
    assert max(found.values()) == 1
    # At most the one event under way when the kill came is there without having been reported.
    assert len(found) - len(accepted) <= 40


def test_a_reader_beside_the_writers_sees_every_event_once(tmp_path: Path) -> None:
    """Segments are read, and removed when done, while four processes write them."""
    seen, told = os.pipe()
    pids = []
    for writer in range(4):
        if (pid := os.fork()) == 0:
            spool = spool_in(tmp_path, segment_bytes=5000)
            for count in range(1000):
                _report(spool, f"{writer}/{count}", told)
            os._exit(0)
        pids.append(pid)
    os.close(told)
    collected: list[bytes] = []
    collector = threading.Thread(target=_collect, args=(seen, collected))
    collector.start()
    offsets: dict[str, int] = {}
    found: Counter[str] = Counter()
    while collector.is_alive():
        found += _drained(tmp_path, offsets)
    for pid in pids:
        os.waitpid(pid, 0)
    found += _drained(tmp_path, offsets)
    assert found == Counter(b"".join(collected).decode().split())
    assert sum(found.values()) == 4000
    assert segments.sizes(tmp_path) == []


def _collect(seen: int, collected: list[bytes]) -> None:
    with os.fdopen(seen, "rb", buffering=0) as report:
        while piece := report.read(65536):
            collected.append(piece)


def _drained(data_dir: Path, offsets: dict[str, int]) -> Counter[str]:
    names: Counter[str] = Counter()
    with segments.open_all(data_dir) as opened:
        for segment in opened:
            offset = offsets.get(segment.name, 0)
            while (reading := segment.read(offset, 50)).offset != offset:
                offset = reading.offset
                assert reading.torn == 0
                for frame in reading.frames:
                    names[decode_entry(frame).event.message_id] += 1  # type: ignore[union-attr]
            offsets[segment.name] = offset
            if segment.done(offset):
                segment.remove()
    return names
