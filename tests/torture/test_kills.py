"""kill -9 at random moments: of the web process, of the worker, of both, in each ``deliver`` mode.

``make torture`` (``TORTURE=full``) runs 100 rounds a mode, the suite a few. What a round's web
process said it had accepted must lie in the store once, and in the destination's file once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

ROUNDS = 100 if os.environ.get("TORTURE") == "full" else 4


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


def one_round(data_dir: Path, mode: str, chance: random.Random) -> list[str]:
    """The ids that a web process had accepted when it was killed; its worker may die first."""
    victims = chance.choice(["web", "worker", "both"])
    with running("tests.torture.producer", str(data_dir), mode, stdout=subprocess.PIPE) as web:
        assert web.stdout is not None
        accepted = [web.stdout.readline().strip()]
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


def rounds_with_own_worker(data_dir: Path, chance: random.Random) -> Iterator[list[str]]:
    """Rounds in which a worker of the command line runs beside the web process and is killed at
    other moments than it."""
    for _ in range(ROUNDS):
        with running("track_middleware", "worker", "--wait", "--data-dir", str(data_dir)) as worker:
            accepted = one_round(data_dir, "worker", chance)
            time.sleep(chance.uniform(0.0, 0.3))
            killed([worker.pid])
        yield accepted


def drained(data_dir: Path) -> None:
    """A last, whole worker."""
    command = [sys.executable, "-m", "track_middleware", "worker", "--once"]
    subprocess.run([*command, "--data-dir", str(data_dir)], check=True, timeout=120)


def stored(data_dir: Path) -> Counter[str]:
    with closing(sqlite3.connect(data_dir / "events.db")) as database:
        return Counter(each for (each,) in database.execute("SELECT event_id FROM log"))


def delivered(path: Path) -> Counter[str]:
    return Counter(json.loads(line)["messageId"] for line in path.read_text().splitlines())


@pytest.mark.parametrize("mode", ["process", "thread", "worker", "inline"])
def test_what_was_accepted_is_stored_and_delivered_once(mode: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "track"
    chance = random.Random(mode)
    accepted: list[str] = []
    if mode == "worker":
        for ids in rounds_with_own_worker(data_dir, chance):
            accepted += ids
    else:
        for _ in range(ROUNDS):
            accepted += one_round(data_dir, mode, chance)
    drained(data_dir)
    in_store, in_file = stored(data_dir), delivered(tmp_path / "delivered.jsonl")
    print(f"{mode}: {ROUNDS} rounds, {len(accepted)} accepted, {in_store.total()} stored, "
          f"{in_file.total()} delivered")  # fmt: skip
    assert len(accepted) == len(set(accepted)) > ROUNDS
    assert max(in_store.values()) == max(in_file.values()) == 1
    assert set(accepted) <= set(in_store)
    assert set(in_file) == set(in_store)
