"""Waiting for what another process or thread does, and ports for what is to listen."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

#: More than the slowest machine needs; whoever waits goes on as soon as it holds.
SECONDS = 60.0


def until(
    holds: Callable[[], object],
    why: str | Callable[[], object] = "it never happened",
    *,
    seconds: float = SECONDS,
    pause: float = 0.02,
) -> None:
    """Returns when it holds; AssertionError, with the reason, when it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, why if isinstance(why, str) else why()
        time.sleep(pause)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """So many of them, each another."""
    with ExitStack() as open_now:
        probes = [open_now.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def listens(port: int) -> bool:
    """Whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def runs(pid: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
