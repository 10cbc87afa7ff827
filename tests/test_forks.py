"""Which process this is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from track_middleware import forks

#: In a process without other threads: a fork that Python does not know of (as uWSGI's) may not be
#: made beside any. The GIL is held meanwhile.
SCRIPT = """
import ctypes, os
from track_middleware import forks
fork = {fork}
ours = forks.pid()
child = fork()
if child == 0:
    os._exit(0 if forks.pid() == forks.pid() == os.getpid() != ours else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert forks.pid() == os.getpid() == ours
"""


@pytest.mark.parametrize("fork", ["os.fork", "ctypes.PyDLL(None).fork"])
def test_a_child_knows_that_it_is_another_process(fork: str) -> None:
    command = [sys.executable, "-W", "error", "-c", SCRIPT.format(fork=fork)]
    subprocess.run(command, check=True, timeout=300)


def test_a_system_that_empties_no_page_is_asked_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forks, "OWN", memoryview(bytes(4)).cast("I"))
    assert [forks.pid(), forks.pid()] == [os.getpid()] * 2
    assert forks.OWN[0] == 0
