"""The worker as a whole: from a spool to a file, elected, replaced, ended."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.delivery.recorder import Recorder, Say
from tests.waiting import SECONDS, until
from track_middleware import doctor, facts
from track_middleware.delivery import drain, handover
from track_middleware.delivery import worker as worker_module
from track_middleware.delivery.command import FINDING, WELL, WRONG_CALL, work
from track_middleware.delivery.lease import STALE
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.worker import Worker
from track_middleware.event import Entry, Event, iso
from track_middleware.reading import load
from track_middleware.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


@pytest.fixture
def settings(data_dir, out) -> Settings:
    return load({"data_dir": str(data_dir), "destinations": [f"jsonl://{out}"]}, {})


@pytest.fixture
def spool(data_dir):
    spool = Spool(data_dir, now=time.time, min_free="1")
    yield spool
    spool.close()


def accept(spool: Spool, *names: str) -> None:
    for name in names:
        event = Event(name, "track", iso(time.time()), event=name, anonymous_id="v")
        assert spool.append([Entry("event", time.time(), event, consent={"analytics": "granted"})])


def delivered(out: Path) -> list[str]:
    if not out.exists():
        return []
    whole = out.read_bytes().rpartition(b"\n")[0]  # a line may be half there
    return [msgspec.json.decode(line)["event"] for line in whole.splitlines()]


@pytest.fixture
def worker(settings, data_dir):
    worker = Worker(settings, data_dir=data_dir)
    yield worker
    worker.close()


def test_once_drains_and_delivers(worker, spool, out):
    accept(spool, "A", "B")
    assert worker.once()
    assert delivered(out) == ["A", "B"]


def test_a_second_once_delivers_nothing_twice(worker, spool, out):
    accept(spool, "A")
    worker.once()
    accept(spool, "B")
    worker.once()
    assert delivered(out) == ["A", "B"]


def test_two_that_deliver_inline_take_turns(worker, settings, data_dir, spool, out):
    other = Worker(settings, data_dir=data_dir)
    for name, each in [("A", worker), ("B", other), ("C", worker), ("D", other)]:
        accept(spool, name)
        assert each.once()
    assert delivered(out) == ["A", "B", "C", "D"]
    other.close()


def test_once_gives_up_while_another_is_at_work(worker, settings, data_dir):
    assert worker._lease.acquire()
    other = Worker(settings, data_dir=data_dir)
    assert not other.once(patience=0.0)
    other.close()


def test_the_lease_is_renewed_amid_a_long_drain(settings, data_dir, spool, monkeypatch):
    monkeypatch.setattr(drain, "AT_ONCE", 10)
    accept(spool, *[str(number) for number in range(200)])
    seconds = itertools.count()
    slow = Worker(settings, data_dir=data_dir, monotonic=lambda: float(next(seconds)))
    slow.once()
    assert slow._store.lease.read()[1] >= 20
    slow.close()


@contextmanager
def running(worker):
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_it_delivers_while_it_runs_and_stores_what_comes_last(worker, spool, out, monkeypatch):
    monkeypatch.setattr(worker_module, "_FAREWELL", SECONDS)
    with running(worker):
        accept(spool, "A")
        until(lambda: delivered(out) == ["A"])
        accept(spool, "B")
    assert delivered(out) == ["A", "B"]


def test_whoever_was_deposed_can_lead_again(worker, data_dir, spool, out, monkeypatch):
    monkeypatch.setattr(worker_module, "STALE", 0.1)
    with running(worker), contextlib.closing(sqlite.open(data_dir / "events.db")) as store:
        accept(spool, "A")
        until(lambda: delivered(out) == ["A"])
        store.lease.take(store.lease.read()[0], "another one, which died at once")
        accept(spool, "B")
        until(lambda: delivered(out) == ["A", "B"])


def test_an_outage_of_one_destination_delays_no_other(data_dir, out, spool):
    with Recorder(lambda got: Say(503)) as vendor:
        urls = [f"webhook+{vendor.url}/hook", f"jsonl://{out}"]
        settings = load({"data_dir": str(data_dir), "destinations": urls}, {})
        worker = Worker(settings, data_dir=data_dir)
        accept(spool, "A", "B")
        worker.once()
        assert delivered(out) == ["A", "B"]
        assert vendor.got
        store = sqlite.open(data_dir / "events.db")
        assert store.job("webhook").paused_until is not None
        assert store.count(store.job("webhook")) == {"dead": 0}
        store.close()
        worker.close()


def test_a_segment_that_cannot_be_read_does_not_end_the_worker(worker, spool, out, caplog):
    """A folder in a segment's place cannot be read; it is told once, and tried again."""
    spool.folder.mkdir(parents=True)
    (spool.folder / "v1-0.open").mkdir()
    with running(worker):
        until(lambda: "cannot be read" in caplog.text)
        accept(spool, "A")
        until(lambda: delivered(out) == ["A"])
    next(spool.folder.glob("v1-0.*")).rmdir()
    assert caplog.text.count("cannot be read") == 1


# The verb.


def test_a_folder_that_nobody_has_written_to_is_refused(data_dir, capsys):
    assert work(data_dir, once=True) == WRONG_CALL
    assert "nobody has written" in capsys.readouterr().err
    assert not data_dir.exists()


def test_the_verb_reads_the_settings_that_a_web_process_left(settings, data_dir, spool, out):
    accept(spool, "A")
    handover.write(settings, data_dir)
    assert work(data_dir, once=True) == WELL
    assert delivered(out) == ["A"]


def test_the_verb_says_when_another_is_at_work(settings, data_dir, worker, monkeypatch, capsys):
    handover.write(settings, data_dir)
    assert worker._lease.acquire()
    monkeypatch.setattr(Worker.once, "__defaults__", (0.0,))
    assert work(data_dir, once=True) == FINDING
    assert "another worker" in capsys.readouterr().err


def test_settings_are_private_and_whole(data_dir):
    given = load({"data_dir": str(data_dir), "secret_key": "s", "merge_window": 2}, {})
    handover.write(given, data_dir)
    assert (data_dir / handover.FILE).stat().st_mode & 0o777 == 0o600
    read = handover.read(data_dir)
    assert read is not None
    assert read.loaded(data_dir) == given
    assert (read.cwd, read.sys_path) == (os.getcwd(), sys.path)


def test_a_hook_that_another_process_cannot_find_is_refused(data_dir):
    given = load({"data_dir": str(data_dir), "before_send": lambda event: event}, {})
    with pytest.raises(Exception, match="cannot be imported by the worker"):
        handover.write(given, data_dir)


# Real processes.


class Process:
    """A worker process that ends when ``close`` closes its pipe. It has all the time in the world
    to deliver the last; after ``stale`` seconds another's lease counts as given up."""

    def __init__(self, data_dir: Path, *, stale: float = STALE) -> None:
        reading, self._writing = os.pipe()
        code = (
            "import sys; from pathlib import Path;"
            "from track_middleware.delivery import lease, worker;"
            "from track_middleware.delivery.command import work;"
            "lease.STALE = worker.STALE = float(sys.argv[3]); worker._FAREWELL = 60.0;"
            "sys.exit(work(Path(sys.argv[1]), parent_fd=int(sys.argv[2])))"
        )
        command = [sys.executable, "-c", code, str(data_dir), str(reading), str(stale)]
        self.child = subprocess.Popen(command, pass_fds=(reading,), cwd=ROOT)
        os.close(reading)

    def close(self) -> int:
        os.close(self._writing)
        return self.child.wait(5 * SECONDS)


@pytest.fixture
def process(settings, data_dir):
    handover.write(settings, data_dir)
    started = []

    def start(**more):
        started.append(Process(data_dir, **more))
        return started[-1]

    yield start
    for each in started:
        if each.child.poll() is None:
            each.child.kill()
            each.child.wait()


def test_a_worker_ends_with_its_parents_pipe_and_delivers_the_last(process, spool, out):
    worker = process()
    accept(spool, "A")
    until(lambda: delivered(out) == ["A"])
    accept(spool, "B")
    assert worker.close() == 0
    assert delivered(out) == ["A", "B"]


def test_a_killed_worker_is_replaced(process, spool, out):
    first = process()
    accept(spool, "A")
    until(lambda: delivered(out) == ["A"])
    second = process()
    first.child.kill()
    first.child.wait()
    accept(spool, "B")
    until(lambda: delivered(out) == ["A", "B"])
    second.close()


def is_stopped(pid: int, data_dir: Path, out: Path) -> bool:
    """Stops a worker, or lets it go on where it holds a lock that its successor needs."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG) is not None)
    with contextlib.closing(sqlite3.connect(data_dir / "events.db", timeout=0)) as raw:
        try:
            raw.execute("BEGIN IMMEDIATE")
            with out.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (sqlite3.OperationalError, BlockingIOError):
            os.kill(pid, signal.SIGCONT)
            return False
    return True


def test_a_hung_worker_is_replaced_and_does_nothing_more(process, spool, out, data_dir):
    hung = process(stale=10 * SECONDS)  # it does not count its successor as hung, however slow
    accept(spool, "A")
    until(lambda: delivered(out) == ["A"])
    until(lambda: is_stopped(hung.child.pid, data_dir, out))
    process()
    accept(spool, "B")
    until(lambda: delivered(out) == ["A", "B"])
    store = sqlite.open(data_dir / "events.db", read_only=True)
    generation = store.lease.read()[0]
    os.kill(hung.child.pid, signal.SIGCONT)
    for name in ("C", "D", "E"):
        accept(spool, name)
        until(lambda name=name: name in delivered(out))
    assert store.lease.read()[0] == generation == 2
    assert delivered(out) == ["A", "B", "C", "D", "E"]
    store.close()


def test_a_worker_that_cannot_start_says_why_to_whoever_asks(data_dir, settings, spool):
    """A child's standard error may go nowhere; the next one that starts takes it back."""
    accept(spool, "a")
    handover.write(settings, data_dir)
    path = data_dir / handover.FILE
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"jsonl://", b"jsnol://"))
    assert work(data_dir, once=True) == WRONG_CALL
    assert "did you mean 'jsonl'" in facts.state(settings, data_dir)["worker"]["error"]
    path.write_bytes(sound)
    assert work(data_dir, once=True) == WELL
    assert facts.state(settings, data_dir)["worker"]["error"] == ""


def test_a_running_worker_with_other_settings_is_told(data_dir, settings, spool):
    accept(spool, "a")
    stop = threading.Event()
    worker = Worker(settings, data_dir=data_dir)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        changed = replace(settings, keep_days=7)
        until(lambda: facts.state(changed, data_dir)["worker"]["otherSettings"])
        assert not facts.state(settings, data_dir)["worker"]["otherSettings"]
        assert "restart" in {each.id for each in doctor.examined(changed, data_dir)}
    finally:
        stop.set()
        thread.join()
        worker.close()
