"""A child that is forked while its parent's streams are open."""

from __future__ import annotations

import subprocess
import sys

FORKED = """
import os, sys
from track_middleware.console import live

with live._lock:
    live._open.add(object())
    child = os.fork()
    if child == 0:
        free = live._lock.acquire(timeout=5)
        os._exit(0 if free and not live._open else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_has_neither_its_parents_streams_nor_a_lock_that_nobody_opens() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True)
