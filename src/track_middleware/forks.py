"""Which process this is, also after a fork that Python knows nothing of (uWSGI), without asking the
system each time.

Linux empties a page in every child (``MADV_WIPEONFORK``, madvise(2), since 4.14): as long as
something stands in it, this is the process that wrote it there.
"""

from __future__ import annotations

import mmap
import os
import sys

#: linux/mman-common.h; Python has no name for it.
_WIPE_ON_FORK = 18

#: The bytes of an id as it stands in that page.
_WIDTH = 4


def pid() -> int:
    """This process's id. As ``os.getpid``, which takes as long as encoding a small event."""
    return OWN[0] or _asked()


def _asked() -> int:
    number = os.getpid()
    if not OWN.readonly:
        OWN[0] = number
    return number


def _emptied_in_children() -> mmap.mmap | bytes:
    """Such a page; where the system has none, what is always empty."""
    if sys.platform != "linux":
        return bytes(_WIDTH)
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        page.madvise(_WIPE_ON_FORK)
    except OSError:
        return bytes(_WIDTH)
    return page


#: ``OWN[0]`` is this process's id, or 0 where it was not asked for yet: then ``pid`` tells it. What
#: a request waits for looks here first, by a call less.
OWN = memoryview(_emptied_in_children()).cast("I")

# Emulators take the advice and do not follow it: the forks that Python knows of are told besides.
os.register_at_fork(after_in_child=_asked)
