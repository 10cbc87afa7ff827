"""Forks: ``gunicorn --preload``, a parent that dies at once, a fork amid other threads' appends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.torture.test_kills import PATIENCE, delivered, drained, running, stored
from tests.waiting import until

FORKER = """
import os, sys, threading
from track_middleware import track, wiring
wiring.configure({"data_dir": sys.argv[1], "deliver": sys.argv[2], "secret_key": "t"})
say = lambda event_id: os.write(1, f"{event_id}\\n".encode())

def work(n):
    for _ in range(n):
        say(track("Counted", user_id="42"))

say(track("First", user_id="42"))
threads = [threading.Thread(target=work, args=(400,)) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        work(100)
        os._exit(0)
    children.append(child)
if sys.argv[3] == "dies":
    os.kill(os.getpid(), 9)
for thread in threads:
    thread.join()
for child in children:
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("parent", ["lives", "dies"])
@pytest.mark.parametrize("mode", ["process", "thread", "worker"])
def test_children_forked_amid_appends_keep_their_own(
    mode: str, parent: str, tmp_path: Path
) -> None:
    data_dir = tmp_path / "track"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", FORKER, str(data_dir), mode, parent],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    output, _ = process.communicate(timeout=PATIENCE)  # ends when the last child has closed its end
    accepted = output.split()
    assert process.returncode == (-signal.SIGKILL if parent == "dies" else 0)
    drained(data_dir)
    in_store = stored(data_dir)
    assert len(accepted) >= 400 + (1201 if parent == "lives" else 1)
    assert set(accepted) <= set(in_store)
    assert max(in_store.values()) == 1


def get(port: int) -> tuple[str, str, str]:
    """The worker's process, the master's event and the request's own, of whoever answers."""
    found: list[str] = []

    def answers() -> bool:
        with (
            suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer,
        ):
            found.extend(answer.read().decode().split())
        return bool(found)

    until(answers, "nobody answers", seconds=PATIENCE)
    pid, first, own = found
    return pid, first, own


@pytest.mark.needs("gunicorn")
def test_a_preloaded_gunicorn_keeps_the_masters_and_every_workers_events(
    tmp_path: Path, free_port: int
) -> None:
    data_dir = tmp_path / "track"
    command = ["gunicorn", "--preload", "-w", "3", "-b", f"127.0.0.1:{free_port}"]
    environment = {**os.environ, "TORTURE_DIR": str(data_dir), "HOME": str(tmp_path)}
    with running(*command, "tests.torture.preloaded:app", env=environment):
        accepted = set[str]()
        for number in range(60):
            pid, first, own = get(free_port)
            accepted |= {first, own}
            if number % 20 == 10:
                os.kill(int(pid), signal.SIGKILL)
    drained(data_dir)
    in_store = stored(data_dir)
    assert len(accepted) == 1 + 60
    assert accepted <= set(in_store)
    assert max(in_store.values()) == 1
    assert max(delivered(Path(f"{data_dir}.jsonl")).values()) == 1


@pytest.mark.parametrize("end", ["sys.exit(3)", "os.kill(os.getpid(), 15)", "os._exit(3)"])
def test_an_end_right_after_the_call_loses_nothing(end: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "track"
    script = (
        "import os, sys; from track_middleware import track, wiring\n"
        f"wiring.configure({{'data_dir': {str(data_dir)!r}, 'secret_key': 't'}})\n"
        f"print(track('Last', user_id='42'), flush=True); {end}"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=PATIENCE
    )
    assert done.returncode != 0
    drained(data_dir)
    assert stored(data_dir) == {done.stdout.strip(): 1}
