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

from track_middleware.delivery.keeper import Keeper
from track_middleware.delivery.lease import sign_of_life
from track_middleware.settings import load

ROOT = Path(__file__).resolve().parents[2]


def until(true, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Host:
    """A real process that tracks what it is told to."""

    def __init__(self, data_dir: Path, mode: str, out: Path) -> None:
        command = [sys.executable, "-m", "tests.delivery.host", str(data_dir), mode, str(out)]
        self.child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def says(self, word: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{word}\n")
        self.child.stdin.flush()

    def tracks(self, name: str) -> None:
        self.says(name)
        assert self.child.stdout is not None
        assert self.child.stdout.readline() == f"{name}\n"

    def close(self) -> None:
        self.child.kill()
        self.child.communicate()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


@pytest.fixture
def host(data_dir, out):
    hosts = []

    def start(mode):
        hosts.append(Host(data_dir, mode, out))
        return hosts[-1]

    yield start
    for each in hosts:
        each.close()


def delivered(out: Path) -> list[str]:
    if not out.exists():
        return []
    return [msgspec.json.decode(line)["event"] for line in out.read_bytes().splitlines()]


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
    assert time.monotonic() - began < 5.0


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


def kept(data_dir: Path, out: Path, program: Path, **given) -> Keeper:
    """The keeper of a site whose worker is a program of the test's."""
    settings = load({"data_dir": str(data_dir), "destinations": [f"jsonl://{out}"]}, {})
    keeper = Keeper(settings, data_dir=data_dir, command=(str(program),), **given)
    keeper.first_event()
    return keeper


def written(path: Path, text: str) -> None:
    """A program, there as a whole or not at all."""
    hidden = path.with_suffix(".new")
    hidden.write_text(text)
    hidden.chmod(0o700)
    hidden.rename(path)


def test_a_worker_that_cannot_be_started_is_tried_again(data_dir, out, tmp_path, caplog):
    program, started = tmp_path / "worker", tmp_path / "started"
    keeper = kept(data_dir, out, program)
    until(lambda: "tries again" in caplog.text)
    written(program, f"#!/bin/sh\ntouch {started}\nexec cat >&- <&$4\n")
    until(started.exists)
    keeper._begin_anew()


def test_a_worker_without_a_sign_of_life_is_replaced(data_dir, out, tmp_path, caplog):
    program, started = tmp_path / "worker", tmp_path / "started"
    written(program, f"#!/bin/sh\necho $$ >> {started}\nexec sleep 60\n")
    keeper = kept(data_dir, out, program, silent=0.5)
    until(lambda: started.exists() and len(started.read_text().split()) >= 2)
    assert "no sign of life" in caplog.text
    keeper._begin_anew()
    for pid in started.read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def test_a_worker_that_shows_signs_of_life_is_left_alone(host, out, data_dir):
    web = host("process")
    web.tracks("A")
    until(lambda: delivered(out) == ["A"])
    first = sign_of_life(data_dir)
    until(lambda: sign_of_life(data_dir) > first)


def test_a_folder_that_cannot_be_written_yet_is_tried_again(data_dir, out, tmp_path, caplog):
    """The settings that the worker needs are handed over as soon as they can be."""
    data_dir.write_text("in the way")
    started = tmp_path / "started"
    written(tmp_path / "worker", f"#!/bin/sh\ntouch {started}\nexec sleep 1\n")
    keeper = kept(data_dir, out, tmp_path / "worker")
    assert "cannot learn this site's settings" in caplog.text
    data_dir.unlink()
    until(started.exists)
    assert (data_dir / "settings.json").exists()
    keeper._begin_anew()
