"""kill -9 at random moments: of the web process, of the worker, of both, in each ``deliver`` mode.

``make torture`` (``TORTURE=full``) runs 200 rounds a mode, the suite a few. What a round's web
process said it had accepted must lie in the store once, and at the destination once: in a file as
often as it is there, at a vendor by its id, as vendors count.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.torture import vendor
from tests.waiting import until
from track_middleware.delivery.command import FINDING, WELL
from track_middleware.delivery.store import sqlite

ROUNDS = 200 if os.environ.get("TORTURE") == "full" else 3

#: Seconds that a process which has to end by itself is given; a busy machine needs few of them.
PATIENCE = 300.0


@contextmanager
def running(*command: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process in a group of its own; what is left of the group is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], start_new_session=True, text=True, **options
    )  # type: ignore[call-overload]
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def children(pid: int) -> list[int]:
    """The direct children of a process."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        threads = Path(f"/proc/{pid}/task").iterdir()
        return [int(each) for each in text.split()] + [
            int(each)
            for thread in threads
            if thread.name != str(pid)
            for each in (thread / "children").read_text().split()
        ]
    except OSError:
        return []


def killed(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def one_round(
    data_dir: Path, mode: str, to: Sequence[str], chance: random.Random, victims: str
) -> list[str]:
    """The ids that a web process had accepted when it was killed, two at least; its worker may die
    first, and has been started then."""
    command = ["tests.torture.producer", str(data_dir), mode, *to]
    with running(*command, stdout=subprocess.PIPE) as web:
        assert web.stdout is not None
        accepted = [web.stdout.readline().strip() for _ in range(2)]
        if mode == "process":
            until(lambda: children(web.pid), "no worker was started")
        time.sleep(chance.uniform(0.0, 0.9))
        workers = children(web.pid) if mode == "process" else []
        if victims != "web":
            killed(workers)
        if victims == "worker":
            time.sleep(chance.uniform(0.0, 0.4))
        killed([web.pid])
        lines = web.stdout.read().split("\n")
        web.stdout.close()
    return [*accepted, *lines[:-1]]  # the last line may be torn, or is empty


def round_with_own_worker(data_dir: Path, to: Sequence[str], chance: random.Random) -> list[str]:
    """A round in which a worker of the command line runs beside the web process and is killed at
    another moment than it."""
    with running("track_middleware", "worker", "--wait", "--data-dir", str(data_dir)) as worker:
        accepted = one_round(data_dir, "worker", to, chance, "web")
        time.sleep(chance.uniform(0.0, 0.3))
        killed([worker.pid])
    return accepted


def tortured(data_dir: Path, mode: str, *to: str) -> list[str]:
    """The ids accepted over all rounds of a mode; afterwards everything is delivered."""
    chance = random.Random(mode)
    accepted: list[str] = []
    for _, victims in zip(range(ROUNDS), itertools.cycle(("web", "worker", "both"))):
        if mode == "worker":
            accepted += round_with_own_worker(data_dir, to, chance)
        else:
            accepted += one_round(data_dir, mode, to, chance, victims)
    drained(data_dir)
    assert len(accepted) == len(set(accepted)) > ROUNDS
    return accepted


def drained(data_dir: Path) -> None:
    """A last, whole worker; others after it while one that was about to end still had the folder,
    or while a destination that did not answer in time is left alone."""
    command = [sys.executable, "-m", "track_middleware", "worker", "--once"]

    def has_all() -> bool:
        ended = subprocess.run([*command, "--data-dir", str(data_dir)], check=False)
        assert ended.returncode in (WELL, FINDING)
        return ended.returncode == WELL and _is_served(data_dir)

    until(has_all, "not everything could be delivered", seconds=PATIENCE, pause=0.2)


def _is_served(data_dir: Path) -> bool:
    """Whether every destination has got everything."""
    with closing(sqlite.open(data_dir / "events.db", read_only=True)) as store:
        live = [job for job in store.jobs() if job.end is None]
        end = store.end()
        return all(job.position >= end and store.next_due(job) is None for job in live)


def stored(data_dir: Path) -> Counter[str]:
    with closing(sqlite3.connect(data_dir / "events.db")) as database:
        return Counter(each for (each,) in database.execute("SELECT event_id FROM log"))


def delivered(path: Path) -> Counter[str]:
    return Counter(json.loads(line)["messageId"] for line in path.read_text().splitlines())


MODES = ["process", "thread", "worker", "inline"]


@pytest.mark.parametrize("mode", MODES)
def test_what_was_accepted_is_stored_delivered_and_counted_once(
    mode: str, tmp_path: Path, free_port: int
) -> None:
    """In a file, and over real sockets at a vendor, whose events a kill may tear from a call."""
    data_dir, file, taken = tmp_path / "track", tmp_path / "delivered.jsonl", tmp_path / "taken"
    with vendor.up(taken, free_port):
        accepted = tortured(
            data_dir, mode, f"jsonl://{file}", f"webhook+http://127.0.0.1:{free_port}/"
        )
    in_store, in_file, sent = stored(data_dir), delivered(file), vendor.counted(taken)
    print(f"{mode}: {ROUNDS} rounds, {len(accepted)} accepted, {in_store.total()} stored, "
          f"{in_file.total()} delivered, {len(sent)} counted, "
          f"{sent.total() - len(sent)} sent again with their id")  # fmt: skip
    assert max(in_store.values()) == max(in_file.values()) == 1
    assert set(accepted) <= set(in_store)
    assert set(in_file) == set(sent) == set(in_store)
