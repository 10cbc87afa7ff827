"""The suite's own promises: nothing is left out silently, nothing leaves this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEEDY = """
import pytest

@pytest.mark.needs("{name}")
def test_needy():
    assert True

def test_modest():
    assert True
"""
TALKATIVE = """
import socket

def test_calls_home():
    try:
        socket.socket().connect(("192.0.2.1", 9))
    except OSError:
        pass
"""
HANGING = """
import threading
import pytest

{mark}
def test_hangs():
    threading.Event().wait()

@pytest.mark.timeout(0)
def test_modest():
    assert True
"""


@pytest.fixture
def run(tmp_path: Path):
    """Runs pytest over one module under this suite's conftest; gives its exit code and output."""

    def running(module: str, *options: str, **env: str) -> tuple[int, str]:
        programs = (ROOT / "tests" / "programs.py").read_text()
        absent = '\n    "absent": lambda: False,\n    "linux"'
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "programs.py").write_text(programs.replace('\n    "linux"', absent))
        (tmp_path / "tests" / "conftest.py").write_bytes((ROOT / "tests/conftest.py").read_bytes())
        (tmp_path / "tests" / "test_it.py").write_text(module)
        (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "tests", "-p", "no:cacheprovider", *options],
            cwd=tmp_path, env={"PATH": "/usr/bin:/bin", **env}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return ended.returncode, ended.stdout + ended.stderr

    return running


@pytest.fixture(params=[(), ("-n", "2")], ids=["one process", "two workers"])
def options(request: pytest.FixtureRequest) -> tuple[str, ...]:
    given: tuple[str, ...] = request.param
    return given


def test_a_test_whose_program_is_missing_is_left_out_and_counted(run, options):
    code, output = run(NEEDY.format(name="absent"), *options)
    assert code == 0
    assert "left out: 1 (absent: 1)" in output
    assert "1 passed" in output


def test_a_left_out_test_fails_where_everything_must_run(run, options):
    code, output = run(NEEDY.format(name="absent"), *options, TRACK_TEST_ALL="1")
    assert code == 1
    assert "left out: 0" in output


def test_an_unknown_program_is_an_error(run):
    code, output = run(NEEDY.format(name="crhomium"))
    assert code != 0
    assert "crhomium" in output


def test_a_test_that_hangs_fails_and_the_others_go_on(run):
    code, output = run(HANGING.format(mark=""), "--timeout", "1")
    assert code == 1
    assert "Timeout" in output
    assert "1 failed, 1 passed" in output


@pytest.mark.needs("chromium")
def test_a_test_that_hangs_in_a_browsers_driver_takes_its_process_along(run):
    code, output = run(HANGING.format(mark='@pytest.mark.needs("chromium")'), "-n", "1",
                       "--timeout", "1")  # fmt: skip
    assert code == 1
    assert "crashed while running" in output
    assert "1 failed, 1 passed" in output


def test_reaching_another_machine_fails_a_test_that_swallows_the_error(run):
    code, output = run(TALKATIVE)
    assert code == 1
    assert "192.0.2.1" in output


def test_loopback_is_open(free_port):
    with socket.create_server(("127.0.0.1", free_port)) as server:
        socket.create_connection(server.getsockname()).close()
