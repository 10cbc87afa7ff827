"""Hosts that fork in their own way: uWSGI, with threads and without, and a Celery worker's pool."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.torture import vendor
from tests.torture.producer import AGENT
from tests.torture.test_kills import PATIENCE, drained, running, stored
from tests.waiting import until


@pytest.fixture
def taken(tmp_path: Path, vendor_port: int) -> Iterator[Path]:
    """Where a vendor, that is up during the test, writes what it counts."""
    with vendor.up(tmp_path / "taken", vendor_port):
        yield tmp_path / "taken"


@pytest.fixture
def environment(tmp_path: Path, vendor_port: int) -> dict[str, str]:
    """What the hosted app is told: its data folder, and where its events go."""
    return {
        **os.environ,
        "TORTURE_DIR": str(tmp_path / "track"),
        "TORTURE_TO": f"webhook+http://127.0.0.1:{vendor_port}/",
    }


@contextmanager
def program(*command: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program of this interpreter's folder, in a group of its own."""
    path = str(Path(sys.executable).parent / command[0])
    process = subprocess.Popen(
        [path, *command[1:]], env=env, start_new_session=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answer(port: int) -> tuple[int, str]:
    """A worker's process and the event of one request, of whoever answers."""
    # By another name it would be a bot, whose events no destination gets.
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"User-Agent": AGENT})
    found: list[str] = []

    def answers() -> bool:
        with (
            suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(request, timeout=60) as got,
        ):
            found.extend(got.read().decode().split())
        return bool(found)

    until(answers, "uWSGI does not answer", seconds=PATIENCE)
    pid, event_id = found
    return int(pid), event_id


def assert_counted_once(data_dir: Path, taken: Path, accepted: set[str]) -> None:
    in_store = stored(data_dir)
    assert accepted <= set(in_store)
    assert max(in_store.values()) == 1
    assert set(vendor.counted(taken)) == set(in_store)


@pytest.mark.needs("uwsgi")
@pytest.mark.parametrize("threads", [(), ("--enable-threads",)], ids=["without", "with"])
def test_uwsgi_loses_nothing_without_threads_and_with_them(
    threads: tuple[str, ...],
    taken: Path,
    environment: dict[str, str],
    tmp_path: Path,
    free_port: int,
) -> None:
    command = [
        "uwsgi", "--http-socket", f"127.0.0.1:{free_port}", "--module", "tests.torture.uwsgi_app",
        "--master", "--processes", "2", "--home", sys.prefix, *threads,
    ]  # fmt: skip
    accepted: set[str] = set()
    with program(*command, env=environment):
        while len(accepted) < 80:
            pid, event_id = answer(free_port)
            accepted.add(event_id)
            if len(accepted) % 30 == 10:
                os.kill(pid, signal.SIGKILL)
    drained(tmp_path / "track")
    assert_counted_once(tmp_path / "track", taken, accepted)


@pytest.mark.needs("celery")
def test_a_celery_workers_pool_loses_nothing(
    taken: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Its processes are replaced after seven tasks each, and three are killed; a task that Celery
    itself lost in a kill is not in the file."""
    for name in ("broker", "control", "processed"):
        (tmp_path / f"track-{name}").mkdir()
    send = "from tests.torture.tasks import pay; [pay.delay(n) for n in range(120)]"
    subprocess.run([sys.executable, "-c", send], env=environment, check=True, timeout=PATIENCE)
    written = tmp_path / "track-accepted"

    def done() -> int:
        return written.read_text().count("\n") if written.exists() else 0

    command = ["-A", "tests.torture.tasks", "worker", "--pool", "prefork", "--concurrency", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with running("celery", *command, env=environment, **quiet):
        until(lambda: done() >= 100, lambda: f"{done()} tasks are done", seconds=PATIENCE)
    accepted = written.read_text().split()
    drained(tmp_path / "track")
    assert len(set(accepted)) == len(accepted)
    assert_counted_once(tmp_path / "track", taken, set(accepted))
