"""New ids: what they end with lies ready, so that making one asks the system for nothing."""

from __future__ import annotations

import os
from time import time_ns

from . import forks
from .tracking import ids

_own, _pid = forks.OWN, forks.pid

#: So many at once that few calls draw; so few that one that does is no more than twice as slow.
_MANY = 64


class Stock:
    """Makes the ids of what happens now; safe for threads, signals and forks.

    Ids of one time lie together, so that the store's index of ids grows at its end and not all over
    the disk.
    """

    __slots__ = ("_moment", "_ready")

    def __init__(self) -> None:
        self._ready: tuple[int, str, list[str]] = (0, "", [])
        self._moment = (0, ids.moment(0))

    def new_id(self, millisecond: int = 0) -> str:
        """The id of what happens now, or in a millisecond since 1970 that is known already."""
        owner, shared, endings = self._ready
        # Asked every time: of a process that forks without Python's knowledge (uWSGI) all
        # children would hand out the same ones.
        if (owner != _own[0] and owner != _pid()) or not endings:
            shared, endings = self._drawn()
        try:
            ending = endings.pop()  # no two threads get the same
        except IndexError:
            return self.new_id(millisecond)  # others were quicker
        millisecond = millisecond or time_ns() // 1_000_000
        # A page's ids, and a loop's, are mostly of the same moment as the last one.
        known, text = self._moment
        if known != millisecond:
            text = ids.moment(millisecond)
            self._moment = (millisecond, text)
        return text + shared + ending

    def _drawn(self) -> tuple[str, list[str]]:
        shared, endings = ids.endings(os.urandom(3 + 6 * _MANY))
        self._ready = (forks.pid(), shared, endings)
        return shared, endings
