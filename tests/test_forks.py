"""Which process this is."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

import pytest

from track_middleware import forks

#: As the operating system forks, unknown to Python (the GIL is held meanwhile).
_fork: Callable[[], int] = ctypes.PyDLL(None).fork


@pytest.mark.parametrize("fork", [os.fork, _fork])
def test_a_child_knows_that_it_is_another_process(fork: Callable[[], int]) -> None:
    ours = forks.pid()
    child = fork()
    if child == 0:
        os._exit(0 if forks.pid() == forks.pid() == os.getpid() != ours else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert forks.pid() == os.getpid() == ours


def test_a_system_that_empties_no_page_is_asked_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forks, "_page", bytes(1))
    monkeypatch.setattr(forks, "_known", [1])
    assert forks.pid() == os.getpid()
    forks._known[0] = 1
    assert forks.pid() == os.getpid()
