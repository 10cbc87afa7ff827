"""Kills a worker between any two of its steps: ``eraser_kills.py DATA_DIR``; prints how many kills.

Each of ``killed-0``, ``killed-1`` … beside the folder is a copy of it, in which a worker was killed
by SIGKILL before or after its Nth step (a transaction, the store written anew, the WAL emptied, the
spool overwritten, the ids removed, a call to a vendor), and another one then did what was left.
"""

import functools
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from track_middleware.delivery import handover, ids, segments
from track_middleware.delivery.store.connection import Connection
from track_middleware.delivery.transport import Deliver
from track_middleware.delivery.worker import Worker

data_dir = Path(sys.argv[1])
left = 0


def boundary() -> None:
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def between(owner: Any, name: str) -> None:
    function: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(function)
    def step(*given: Any, **more: Any) -> Any:
        boundary()
        answer = function(*given, **more)
        boundary()
        return answer

    setattr(owner, name, step)


for owner, name in (
    (Connection, "rewrite"), (Connection, "empty_wal"), (segments, "blank"), (ids, "forget"),
    (Deliver, "__call__"),
):  # fmt: skip
    between(owner, name)

whole = Connection.batch


@contextmanager
def batch(self: Connection) -> Iterator[None]:
    inner = self._raw.in_transaction
    with whole(self):
        yield
    if not inner:
        boundary()


Connection.batch = batch  # type: ignore[method-assign]

given = handover.read(data_dir)
assert given is not None


def worked(folder: Path, steps: int) -> bool:
    """Whether a worker came to its end before so many steps."""
    global left
    child = os.fork()
    if child == 0:
        left = steps
        worker = Worker(given.loaded(folder), data_dir=folder)
        worker.once()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status == 0


kills = 0
while True:
    folder = data_dir.with_name(f"killed-{kills}")
    shutil.copytree(data_dir, folder)
    if worked(folder, 1 + kills):
        break
    assert worked(folder, 0)
    kills += 1
print(kills)
