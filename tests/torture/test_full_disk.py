"""A full disk: what is refused is told and counted exactly, and what was accepted is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.test_kills import PATIENCE, drained, stored
from track_middleware.delivery import counters

FILLER = """
import sys
from track_middleware import track, wiring
wiring.configure({"data_dir": sys.argv[1], "deliver": sys.argv[2], "secret_key": "t",
                  "min_free": "0"})
for number in range(int(sys.argv[3])):
    print(track("Counted", {"filling": "x" * 300, "n": number}, user_id="42"), flush=True)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def filled(data_dir: Path, mode: str, number: int) -> tuple[set[str], int]:
    """The ids that were accepted of so many calls, and how many were refused."""
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(data_dir), mode, str(number)],
        stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    answers = done.stdout.split()
    assert len(answers) == number
    return set(answers) - {"None"}, answers.count("None")


@pytest.mark.needs("root")
def test_a_full_disk_refuses_visibly_and_loses_nothing_that_it_took(small_disk: Path) -> None:
    data_dir = small_disk / "track"
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 400_000)
    accepted, refused = filled(data_dir, "worker", 3000)
    assert accepted
    assert refused
    assert counters.totals(data_dir / counters.FOLDER) == {"spool_full": refused}
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    more, refused_then = filled(data_dir, "worker", 100)
    assert refused_then == 0
    drained(data_dir)
    assert stored(data_dir) == dict.fromkeys(accepted | more, 1)


@pytest.mark.needs("root")
@pytest.mark.parametrize("mode", ["process", "thread"])
def test_a_disk_that_fills_up_under_the_store_loses_nothing(small_disk: Path, mode: str) -> None:
    data_dir = small_disk / "track"
    accepted, refused = filled(data_dir, mode, 3000)
    assert accepted
    assert refused
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    drained(data_dir)
    in_store = stored(data_dir)
    assert max(in_store.values()) == 1
    assert accepted <= set(in_store)
    assert counters.totals(data_dir / counters.FOLDER)["spool_full"] == refused
