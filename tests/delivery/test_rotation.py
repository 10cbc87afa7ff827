"""Files that are finished by size and by day: no line is lost or doubled over it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.destinations.samples import event, made
from track_middleware.delivery.lines import REMEMBERED, FileTransport, Silence
from track_middleware.delivery.rotation import Rotation, finish, finished
from track_middleware.destinations import Answer, Call
from track_middleware.event import epoch

ROUNDS = 60 if os.environ.get("TORTURE") == "full" else 5


def lines(path: Path, *ids: str, size: int = 0, day: str = "") -> Call:
    body = b"".join(json.dumps({"messageId": each}).encode() + b"\n" for each in ids)
    headers = {"rotate-size": str(size)} if size else {}
    if day:
        headers["rotate-day"] = day
    return Call(f"file://{path}", body, ids, method="APPEND", headers=headers)


def written(path: Path) -> list[list[str]]:
    """The ids of each file, in the order of their names, the unfinished one last."""
    files = [*finished(path), *([path] if path.exists() else [])]
    return [
        [json.loads(line)["messageId"] for line in each.read_text().splitlines()] for each in files
    ]


def together(path: Path) -> list[str]:
    return [each for ids in written(path) for each in ids]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def last_line_at(path: Path, time: str) -> None:
    nanoseconds = round(epoch(time) * 1000) * 10**6
    os.utime(path, ns=(nanoseconds, nanoseconds))


def test_a_file_is_finished_before_it_grows_too_large(path: Path) -> None:
    send = FileTransport()
    for pair in (("1", "2"), ("3", "4"), ("5", "6")):
        assert isinstance(send(lines(path, *pair, size=80)), Answer)
    assert written(path) == [["1", "2", "3", "4"], ["5", "6"]]


def test_a_batch_is_not_divided(path: Path) -> None:
    send = FileTransport()
    send(lines(path, "1", "2", "3", size=10))
    send(lines(path, "4", size=10))
    assert written(path) == [["1", "2", "3"], ["4"]]


def test_a_days_file_carries_the_day_of_its_last_line(path: Path) -> None:
    send = FileTransport()
    send(lines(path, "1", day="2026-11-24"))
    last_line_at(path, "2026-11-24T23:59:59.123Z")
    send(lines(path, "2", day="2026-11-24"))
    last_line_at(path, "2026-11-24T23:59:59.123Z")
    send(lines(path, "3", day="2026-11-25"))
    assert written(path) == [["1", "2"], ["3"]]
    assert [each.name for each in finished(path)] == ["events-20261124T235959.123Z.jsonl"]


def test_a_clock_that_jumps_back_finishes_nothing_and_keeps_the_names_sorted(path: Path) -> None:
    send = FileTransport()
    send(lines(path, "1", size=10))
    last_line_at(path, "2026-11-24T10:00:00Z")
    send(lines(path, "2", size=10))
    last_line_at(path, "2026-11-24T09:00:00Z")
    send(lines(path, "3", size=10))
    last_line_at(path, "2026-11-24T09:00:00Z")
    assert not Rotation(day="2026-11-23").is_due(path.stat(), 1)
    assert written(path) == [["1"], ["2"], ["3"]]
    assert finished(path)[1].name == "events-20261124T100000.001Z.jsonl"


def test_what_was_written_before_a_rotation_is_known_after_it(path: Path) -> None:
    send = FileTransport()
    send(lines(path, "1", "2"))
    send(lines(path, "2", "3", size=10))
    send(lines(path, "1", "2", "3", size=10))
    assert written(path) == [["1", "2"], ["3"]]


@pytest.mark.parametrize("files", [1, 3])
def test_a_new_process_knows_the_finished_files_ends(path: Path, files: int) -> None:
    for number in range(files):
        FileTransport()(lines(path, f"{number} a", f"{number} b", size=10))
    finish(path, path.stat())  # killed before the next file's first line
    everything = [f"{number} {half}" for number in range(files) for half in "ab"]
    FileTransport()(lines(path, *everything, "new", size=10_000))
    assert together(path) == [*everything, "new"]


def test_a_new_process_remembers_as_much_as_ever(path: Path) -> None:
    many = [f"{number}" for number in range(2 * REMEMBERED)]
    for start in range(0, len(many), 500):
        FileTransport()(lines(path, *many[start : start + 500], size=9_000))
    FileTransport()(lines(path, *many[-REMEMBERED:], "new", size=9_000))
    assert together(path) == [*many, "new"]


def test_what_a_successor_wrote_over_several_files_is_not_written_again(path: Path) -> None:
    """A worker that was stopped for a while sends the batch that it had in its hands."""
    stopped, successor = FileTransport(), FileTransport()
    stopped(lines(path, "1", size=100_000))
    many = [f"later {number}" for number in range(3 * REMEMBERED)]
    successor(lines(path, "2", "3", size=100_000))
    for start in range(0, len(many), 500):
        successor(lines(path, *many[start : start + 500], size=100_000))
    assert len(finished(path)) > 2
    stopped(lines(path, "2", "3", "4", size=100_000))
    assert together(path) == ["1", "2", "3", *many, "4"]


def test_a_torn_line_does_not_make_an_old_file_young(path: Path) -> None:
    path.write_text('{"messageId":"1"}\n{"messageId":"2","prop')
    last_line_at(path, "2026-11-24T23:00:00Z")
    FileTransport()(lines(path, "2", day="2026-11-25"))
    assert written(path) == [["1"], ["2"]]


def test_a_file_that_is_finished_between_opening_and_locking_is_left(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, other, flock = FileTransport(), FileTransport(), fcntl.flock

    def overtaken(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        other(lines(path, "2", size=10))
        flock(fd, how)

    late(lines(path, "1"))
    monkeypatch.setattr(fcntl, "flock", overtaken)
    assert isinstance(late(lines(path, "3", size=10_000)), Silence)
    late(lines(path, "3", size=10_000))
    assert written(path) == [["1"], ["2", "3"]]


#: Appends batches as a worker does, and prints each one's first number before it is sent; what was
#: not noted as done is sent again.
WRITER = """
import sys
from track_middleware.delivery.lines import FileTransport
from track_middleware.destinations import Call
path, start = sys.argv[1], int(sys.argv[2])
send = FileTransport()
while True:
    print(start, flush=True)
    ids = [str(number) for number in range(start, start + 20)]
    body = "".join('{"messageId":"%s"}\\n' % each for each in ids).encode()
    send(Call(f"file://{path}", body, tuple(ids), headers={"rotate-size": "1500"}))
    start += 20
"""


@pytest.mark.needs("linux")
def test_a_kill_at_any_moment_loses_and_doubles_nothing(path: Path) -> None:
    start = 0
    for round in range(ROUNDS):
        command = [sys.executable, "-c", WRITER, str(path), str(start)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(10):  # so many make a new file necessary
                start = int(child.stdout.readline())
            time.sleep(0.01 + 0.003 * round)
            child.send_signal(signal.SIGKILL)
            told = [int(each) for each in child.stdout.read().split("\n")[:-1]]
        start = max([start, *told])
    FileTransport()(lines(path, *map(str, range(start, start + 20)), size=1500))
    found = together(path)
    assert found == [str(number) for number in range(start + 20)]
    assert len(finished(path)) > ROUNDS


def test_the_url_says_when() -> None:
    destination = made("jsonl:///var/log/events.jsonl?rotate=day,100MB")
    (call,) = destination.calls([event()], epoch("2026-11-24T12:00:00Z")).calls
    assert call.headers == {"rotate-size": "100000000", "rotate-day": "2026-11-24"}
