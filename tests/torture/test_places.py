"""A data folder that cannot be written, a clock that jumps back, ends of every kind: what was
accepted arrives once, what was not is told and counted exactly."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture import vendor
from tests.torture.test_kills import PATIENCE, drained, stored
from tests.waiting import until
from track_middleware.delivery import counters, lease

#: A process without a superuser's rights, whose folder may be closed while it runs.
CLOSED_FOLDER = """
import os, sys
from pathlib import Path
from track_middleware import track, wiring
os.setgid(65534); os.setuid(65534)
folder, moment, calls = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def closed(yes):
    for place in (folder, folder / "spool", folder / "counters"):
        if place.exists():
            place.chmod(0o500 if yes else 0o700)

wiring.configure({"data_dir": str(folder), "deliver": "worker", "secret_key": "t",
                  "min_free": "1"})
said = []
if moment == "while it runs":
    said += [track("Counted", user_id="42") for _ in range(calls)]
closed(True)
said += [track("Counted", user_id="42") for _ in range(calls)]
closed(False)
said += [track("Counted", user_id="42") for _ in range(calls)]
print("\\n".join(map(str, said)))
"""


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A folder that every user may enter; pytest closes its own to others whenever one begins."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.needs("root")
@pytest.mark.parametrize("moment", ["from the start", "while it runs"])
def test_a_folder_that_cannot_be_written_refuses_visibly_and_loses_nothing(
    moment: str, anybodys: Path
) -> None:
    data_dir = anybodys / "track"
    data_dir.mkdir()
    os.chown(data_dir, 65534, 65534)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLOSED_FOLDER, str(data_dir), moment, "50"],
        stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    said = done.stdout.split()
    accepted, refused = set(said) - {"None"}, said.count("None")
    assert len(accepted) + refused == len(said)
    assert refused == (50 if moment == "from the start" else 0)  # what is open stays open
    counted = counters.totals(data_dir / counters.FOLDER)
    assert counted == ({"spool_error": refused} if refused else {})
    drained(data_dir)
    assert stored(data_dir) == dict.fromkeys(accepted, 1)


#: A process, or a worker, whose clock jumps back an hour every so often, as after a wrong start.
JUMPY = """
import sys, time
real, began = time.time, time.time()
time.time = lambda: real() - 3600.0 * int((real() - began) / 0.2)
"""
PRODUCER = (
    JUMPY
    + """
from track_middleware import track, wiring
wiring.configure({"data_dir": sys.argv[1], "deliver": "worker", "secret_key": "t",
                  "min_free": "1", "destinations": [sys.argv[2]]})
end, count = real() + 1.5, 0
while real() < end or count < 200:  # on a busy machine few a second
    count += 1
    print(track("Counted", user_id=str(int(real() * 1e6) % 20)), flush=True)
    time.sleep(0.001)
"""
)
WORKER = (
    JUMPY
    + """
from pathlib import Path
from track_middleware.delivery import command
sys.exit(command.work(Path(sys.argv[1]), wait=True))
"""
)


def test_a_clock_that_jumps_back_loses_and_doubles_nothing(tmp_path: Path, free_port: int) -> None:
    data_dir, taken = tmp_path / "track", tmp_path / "taken"
    to = f"webhook+http://127.0.0.1:{free_port}/"
    with (
        vendor.up(taken, free_port),
        subprocess.Popen([sys.executable, "-c", WORKER, str(data_dir)]) as worker,
    ):
        try:
            done = subprocess.run(
                [sys.executable, "-c", PRODUCER, str(data_dir), to],
                stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE,
            )  # fmt: skip
            until(lambda: lease.sign_of_life(data_dir), "the worker never came to work")
        finally:
            worker.terminate()
        assert worker.wait(60) == 0
        drained(data_dir)
    accepted = done.stdout.split()
    assert len(set(accepted)) == len(accepted) >= 200
    assert stored(data_dir) == dict.fromkeys(accepted, 1)
    assert set(vendor.counted(taken)) == set(accepted)


ENDS = {
    "sys.exit": "sys.exit(3)",
    "os._exit": "os._exit(3)",
    "SIGTERM": "os.kill(os.getpid(), 15)",
    "an exception": "raise RuntimeError",
}
ENDING = """
import os, sys
from track_middleware import track, wiring
wiring.configure({"data_dir": sys.argv[1], "deliver": sys.argv[2], "secret_key": "t",
                  "min_free": "1", "destinations": [sys.argv[3]]})
for _ in range(300):
    print(track("Last", user_id="42"), flush=True)
"""


@pytest.mark.parametrize(
    ("mode", "end"), [*(("process", end) for end in ENDS), ("thread", "SIGTERM")]
)
def test_however_a_process_ends_its_events_are_delivered_once(
    mode: str, end: str, tmp_path: Path, free_port: int
) -> None:
    data_dir, taken = tmp_path / "track", tmp_path / "taken"
    to = f"webhook+http://127.0.0.1:{free_port}/"
    with vendor.up(taken, free_port):
        done = subprocess.run(
            [sys.executable, "-c", ENDING + ENDS[end], str(data_dir), mode, to],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=PATIENCE,
        )  # fmt: skip
        drained(data_dir)
    accepted = done.stdout.split()
    assert done.returncode != 0
    assert len(set(accepted)) == 300
    assert stored(data_dir) == dict.fromkeys(accepted, 1)
    assert set(vendor.counted(taken)) == set(accepted)
