"""A worker beside a verb that fills the spool: where none runs, this one drains and delivers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from .. import places
from ..delivery import handover
from .place import Place, hand_over

#: How long a worker that was told to end may go on, in seconds.
_FAREWELL = 20.0


@contextmanager
def worker(where: Place) -> Iterator[None]:
    """A worker of this site while the block lasts. Where another one is at work it only waits. It
    ends with its pipe, and so with this process, however that ends."""
    hand_over(where)
    if handover.read(where.data_dir) is None:
        secret = where.settings.secret_key or places.secret(where.data_dir)
        handover.write(replace(where.settings, secret_key=secret), where.data_dir)
    theirs, ours = os.pipe()
    command = [sys.executable, "-m", "track_middleware", "worker", "--data-dir"]
    child = subprocess.Popen(
        [*command, str(where.data_dir), "--parent-fd", str(theirs)],
        stdin=subprocess.DEVNULL,
        pass_fds=(theirs,),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield
    finally:
        os.close(ours)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_FAREWELL)
        if child.poll() is None:
            child.kill()
            child.wait()
