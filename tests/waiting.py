"""Waiting for what another process or thread does, and ports for what is to listen."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

#: More than the slowest machine needs; whoever waits goes on as soon as it holds.
SECONDS = 60.0

#: Ports that nobody gets who does not name one: those that Linux hands out by itself, to whoever
#: binds port 0 or connects, begin at 32768. One that is found free stays so until it is bound.
_PORTS = range(20_000, 32_000)


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
    """A port of 127.0.0.1 that nobody listens on, and that nobody else is given for long."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """So many of them. They are given out in turn, to all processes of a user."""
    with Path(tempfile.gettempdir(), f"track-ports-{os.getuid()}").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last, found = int(file.read() or 0), list[int]()
        while len(found) < number:
            last = (last + 1) % len(_PORTS)
            if _is_free(_PORTS[last]):
                found.append(_PORTS[last])
        file.truncate(0)
        file.write(str(last))
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


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
