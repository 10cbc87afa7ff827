"""What processes use, as Linux tells it: CPU and memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """A process's seconds of CPU, its MiB of memory now, and the most it ever had."""

    cpu: float
    memory: float
    peak: float


def usage(pid: int) -> Usage:
    """What a running process uses; its threads are counted, its children are not."""
    place = Path("/proc", str(pid))
    ticks = (place / "stat").read_text().rpartition(")")[2].split()[11:13]
    status = dict(
        line.split(":", 1) for line in (place / "status").read_text().splitlines() if ":" in line
    )
    cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return Usage(cpu, _mib(status["VmRSS"]), _mib(status["VmHWM"]))


def children(pid: int) -> list[int]:
    """The children of a process, whichever of its threads started them."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for task in tasks for each in (task / "children").read_text().split()]


def family() -> list[Usage]:
    """This process and its children: a producer and its worker."""
    return [usage(pid) for pid in (os.getpid(), *children(os.getpid()))]


def _mib(text: str) -> float:
    return int(text.split()[0]) / 1024
