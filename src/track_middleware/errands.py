"""Errands: who runs which, and the threads on which a face with an event loop has them run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .http import Caller, Errand, Running

#: Threads of one process that wait for errands.
_THREADS = 32

#: Begins the errand that an order asks for, for somebody; it does not wait yet.
Begin = Callable[[Any, Caller], Running]


class Errands:
    """One site's errands, by name.

    They have threads of their own: those of an event loop look up host names for the app, and a
    vendor that hangs must not keep the app from it.
    """

    def __init__(self, runners: Mapping[str, Begin]) -> None:
        self._runners = runners
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0

    def begin(self, errand: Errand, caller: Caller) -> Running:
        """The errand, ready to be started by somebody who may wait."""
        return self._runners[errand.name](errand.order, caller)

    @property
    def pool(self) -> ThreadPoolExecutor:
        """This process's threads, made when they are first wanted."""
        if self._pool is None or self._pid != os.getpid():
            self._pool, self._pid = ThreadPoolExecutor(_THREADS, "track-errand"), os.getpid()
        return self._pool
