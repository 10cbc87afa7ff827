"""What a forked child must leave alone: its parent's clients of librdkafka.

Their threads are not there in a child, so that asking one waits for ever, and ending one aborts the
process. A child has none of them, and makes its own when it needs any.

What cannot be helped here: a fork amid a lookup of theirs takes glibc's lock of ``getaddrinfo``
along (its ``check_pf.c``), and whatever the child looks up waits for ever. They look a broker up as
often as they connect to it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import weakref
from collections.abc import Iterable
from typing import Protocol


class Holds(Protocol):
    """Who has clients."""

    def abandon(self) -> Iterable[object]:
        """Forgets all clients, and everything that another thread may have locked; what there
        was."""
        ...


_all: weakref.WeakSet[Holds] = weakref.WeakSet()


def watch(holder: Holds) -> None:
    """From now on a forked child of this process has nothing of its clients."""
    _all.add(holder)


def _in_child() -> None:
    # What the parent had thrown away but not collected may hold clients: an error's frames do.
    gc.freeze()
    for holder in list(_all):
        for client in holder.abandon():
            # One reference more than there are: not even the interpreter's end ends it.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))


os.register_at_fork(after_in_child=_in_child)
