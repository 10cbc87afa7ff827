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


def pid() -> int:
    """This process's id. As ``os.getpid``, which takes as long as encoding a small event."""
    return _known[0] if _page[0] else _asked()


def _asked() -> int:
    _known[0] = os.getpid()
    if isinstance(_page, mmap.mmap):
        _page[0] = 1
    return _known[0]


def _emptied_in_children() -> mmap.mmap | bytes:
    """Such a page; where the system has none, what is always empty."""
    if sys.platform != "linux":
        return bytes(1)
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        page.madvise(_WIPE_ON_FORK)
    except OSError:
        return bytes(1)
    return page


_page = _emptied_in_children()
_known = [0]

# Emulators take the advice and do not follow it: the forks that Python knows of are told besides.
os.register_at_fork(after_in_child=_asked)
