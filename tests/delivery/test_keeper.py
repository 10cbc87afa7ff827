"""Web processes that keep a worker: elected, inherited by nobody, replaced when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from tests.waiting import until
from track_middleware.delivery import keeper
from track_middleware.delivery.lease import sign_of_life

ROOT = Path(__file__).resolve().parents[2]


class Host:
    """A real process that tracks what it is told to."""

    def __init__(self, data_dir: Path, mode: str, out: Path, *more: str) -> None:
        command = [sys.executable, "-m", "tests.delivery.host", str(data_dir), mode, str(out)]
        self.log = out.with_name(f"log-{os.urandom(4).hex()}")
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [*command, *more], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, text=True, start_new_session=True,
            )  # fmt: skip

    def says(self, word: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{word}\n")
        self.child.stdin.flush()

    def tracks(self, name: str) -> None:
        self.says(name)
        assert self.child.stdout is not None
        assert self.child.stdout.readline() == f"{name}\n"

    def close(self) -> None:
        """Ends it and its forks; their workers, in groups of their own, follow."""
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.communicate()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


@pytest.fixture
def host(data_dir, out):
    hosts = []

    def start(mode, *more):
        hosts.append(Host(data_dir, mode, out, *map(str, more)))
        return hosts[-1]

    yield start
    for each in hosts:
        each.close()


def children(pid: int) -> list[int]:
    """Of a process, whichever of its threads started them."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for task in tasks for each in (task / "children").read_text().split()]


def delivered(out: Path) -> list[str]:
    if not out.exists():
        return []
    whole = out.read_bytes().rpartition(b"\n")[0]  # a line may be half there
    return [msgspec.json.decode(line)["event"] for line in whole.splitlines()]


@pytest.mark.parametrize("mode", ["process", "thread", "inline"])
def test_what_a_process_tracks_is_delivered(host, out, mode):
    web = host(mode)
    web.tracks("A")
    until(lambda: delivered(out) == ["A"])


def test_nothing_starts_before_the_first_event(host, data_dir):
    web = host("process")
    web.says("flush")
    assert not (data_dir / "settings.json").exists()


def test_flush_has_nothing_to_wait_for_where_nothing_was_accepted(host):
    web = host("process")
    web.says("flush")
    began = time.monotonic()
    assert web.child.stdout.readline() == "flushed True\n"
    assert time.monotonic() - began < 300, "it would wait for ten minutes"


def test_only_the_command_line_delivers_in_worker_mode(host, out, data_dir):
    web = host("worker")
    web.tracks("A")
    assert (data_dir / "settings.json").exists()
    assert not (data_dir / "keeper.lock").exists()
    assert delivered(out) == []


def test_flush_waits_until_it_is_delivered(host, out):
    web = host("process")
    web.tracks("A")
    web.says("flush")
    assert web.child.stdout.readline() == "flushed True\n"
    assert delivered(out) == ["A"]


@pytest.mark.needs("linux")
def test_a_kept_worker_lets_requests_go_first(host, out):
    web = host("process")
    web.tracks("A")
    until(lambda: delivered(out) == ["A"])
    (worker,) = children(web.child.pid)
    assert os.getpriority(os.PRIO_PROCESS, worker) > os.getpriority(os.PRIO_PROCESS, web.child.pid)
    assert os.sched_getscheduler(worker) == os.SCHED_BATCH


def priority_of_session(pid):
    return int(Path(f"/proc/{pid}/autogroup").read_text().rpartition(" ")[2])


@pytest.mark.needs("linux", "autogroup")
def test_a_kept_worker_lets_requests_go_first_from_a_session_of_its_own(host, out):
    web = host("process")
    web.tracks("A")
    until(lambda: delivered(out) == ["A"])
    (worker,) = children(web.child.pid)
    assert os.getsid(worker) == worker
    assert priority_of_session(worker) > priority_of_session(web.child.pid)


def test_another_process_takes_over_when_the_elected_one_dies(host, out):
    first, second = host("process"), host("process")
    first.tracks("A")
    until(lambda: delivered(out) == ["A"])
    second.tracks("B")
    first.close()
    second.tracks("C")
    until(lambda: sorted(delivered(out)) == ["A", "B", "C"])


def test_a_forked_child_keeps_its_own_worker_when_its_parent_dies(host, out):
    parent = host("process")
    parent.tracks("A")
    until(lambda: delivered(out) == ["A"])
    parent.says("fork")
    assert parent.child.stdout.readline() == "forked\n"
    parent.child.kill()
    until(lambda: sorted(delivered(out)) == ["A", "forked"])


def written(path: Path, text: str) -> None:
    """A program, there as a whole or not at all."""
    hidden = path.with_suffix(".new")
    hidden.write_text(text)
    hidden.chmod(0o700)
    hidden.rename(path)


def test_a_worker_that_cannot_be_started_is_tried_again(host, tmp_path):
    program, begun = tmp_path / "worker", tmp_path / "begun"
    web = host("process", program, 60)
    web.tracks("A")
    until(lambda: "tries again" in web.log.read_text())
    written(program, f"#!/bin/sh\ntouch {begun}\nexec sleep 1 >&-\n")
    until(begun.exists)


def test_a_worker_without_a_sign_of_life_is_replaced(host, tmp_path):
    program, begun = tmp_path / "worker", tmp_path / "begun"
    written(program, f"#!/bin/sh\necho $$ >> {begun}\nexec sleep 60 >&-\n")
    web = host("process", program, 2)
    web.tracks("A")
    until(lambda: begun.exists() and len(begun.read_text().split()) >= 2)
    assert "no sign of life" in web.log.read_text()
    web.close()
    for pid in begun.read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def test_a_worker_that_shows_signs_of_life_is_left_alone(host, out, data_dir):
    web = host("process")
    web.tracks("A")
    until(lambda: delivered(out) == ["A"])
    first = sign_of_life(data_dir)
    until(lambda: sign_of_life(data_dir) > first)


def test_settings_that_could_not_be_handed_over_are_handed_over_later(host, data_dir, out):
    """The worker cannot start without them."""
    (data_dir / "settings.json").mkdir(parents=True)
    web = host("process")
    web.tracks("A")
    until(lambda: "cannot learn this site's settings" in web.log.read_text())
    (data_dir / "settings.json").rmdir()
    until(lambda: delivered(out) == ["A"])


def test_a_server_that_embeds_python_starts_the_worker_in_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = str(Path(sys.prefix) / "bin" / "python3")
    assert keeper._python() == sys.executable
    monkeypatch.setattr(sys, "base_prefix", "/somewhere/else")
    for named in ("/usr/bin/uwsgi", "/somewhere/else/bin/python3.11", "", None):
        monkeypatch.setattr(sys, "executable", named)
        assert keeper._python() == own, named
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3.11")
    assert keeper._python() == "/usr/bin/python3.11"
