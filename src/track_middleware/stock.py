"""New ids: what they end with lies ready, so that making one asks the system for nothing."""

from __future__ import annotations

import os
from time import time_ns

from . import forks
from .tracking import ids

_pid, _of_moment = forks.pid, ids.of_moment

#: So many at once: drawing them takes no longer than writing an event.
_MANY = 32


class Stock:
    """Makes the ids of what happens now; safe for threads, signals and forks.

    Ids of one time lie together, so that the store's index of ids grows at its end and not all over
    the disk.
    """

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        self._ready: tuple[int, list[str]] = (0, [])

    def new_id(self) -> str:
        """The id of something that happens now."""
        owner, endings = self._ready
        try:
            # Asked every time: of a process that forks without Python's knowledge (uWSGI) all
            # children would hand out the same ones.
            ending = endings.pop() if owner == _pid() else self._more()
        except IndexError:
            ending = self._more()
        return _of_moment(time_ns() // 1_000_000, ending)

    def _more(self) -> str:
        endings = ids.endings(os.urandom(3 + 6 * _MANY))
        ending = endings.pop()
        self._ready = (forks.pid(), endings)
        return ending
