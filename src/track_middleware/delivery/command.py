"""The ``worker`` verb: a worker as a process of its own."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..errors import StoreError, TrackError
from . import handover, notes
from .handover import Handover
from .worker import Worker

logger = logging.getLogger("track_middleware")

WELL, FINDING, WRONG_CALL = 0, 1, 2

#: How often a waiting worker looks for a folder's first event, in seconds.
_LOOK = 0.5

#: So much lower than the web process's is the priority of a worker that it keeps (nice(2)).
_NICE = 5

#: So many containers more than before are what the collector of a worker looks through at once: a
#: batch has thousands, and hardly ever a cycle.
_GARBAGE = 10_000


def work(
    data_dir: Path, *, once: bool = False, wait: bool = False, parent_fd: int | None = None
) -> int:
    """Runs a worker of this data folder; the exit status of its verb.

    Until SIGTERM, SIGINT or, with ``parent_fd``, the end of the pipe whose other end the parent
    holds. ``once``: drains, ends the merge windows, serves what is due, and is done; a finding
    when a destination is paused by then. A folder that nobody has written to is refused, unless
    ``wait``.
    """
    stop = _stopping(parent_fd)
    try:
        given = _settings(data_dir, stop if wait else None)
        if given is None:
            return WELL if stop.is_set() else _refused(data_dir)
        given.enter()
        make = partial(Worker, given.loaded(data_dir), data_dir=data_dir, outbox=given.outbox)
        worker = make()
    except (TrackError, OSError) as error:
        return _unusable(data_dir, error)
    try:
        if once:
            return _left(worker.paused()) if worker.once() else _busy(data_dir)
        logger.info("worker %s drains %s", os.getpid(), data_dir)
        if parent_fd is not None:
            _step_back()
        _collect_seldom()
        worker.run(stop)
        while not stop.is_set():  # the store was moved
            worker.close()
            worker = make()
            worker.run(stop)
        return WELL
    except OSError as error:
        return _unusable(data_dir, error)
    finally:
        worker.close()


def _settings(data_dir: Path, waiting: threading.Event | None) -> Handover | None:
    given = handover.read(data_dir)
    while given is None and waiting is not None and not waiting.wait(_LOOK):
        given = handover.read(data_dir)
    return given


def _stopping(parent_fd: int | None) -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if parent_fd is not None:
        watcher = threading.Thread(target=_watch, args=(parent_fd, stop), daemon=True)
        watcher.start()
    return stop


def _watch(parent_fd: int, stop: threading.Event) -> None:
    """Ends the worker when its parent, which alone holds the pipe's other end, is gone."""
    while os.read(parent_fd, 1):
        time.sleep(0)
    stop.set()


def _step_back() -> None:
    """Where processors are short, requests come before deliveries. What the system does not allow
    stays as it is; Linux alone can be told not to interrupt others for us (sched(7)). There a
    session may be a group with a priority of its own, within which alone ``nice`` counts (sched(7),
    "The autogroup feature"): its leader speaks for it."""
    with suppress(OSError):
        os.nice(_NICE)
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        if os.getsid(0) == os.getpid():
            with suppress(OSError):
                Path("/proc/self/autogroup").write_text(str(os.nice(0)))


def _collect_seldom() -> None:
    """The collector of the worker's own process leaves alone what the start made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE, 20, 20)


def _unusable(data_dir: Path, error: TrackError | OSError) -> int:
    """Says why no worker works here, also to whoever asks later."""
    if isinstance(error, OSError):
        error = StoreError(f"{data_dir} cannot be used: {error}")
    notes.failed(data_dir, error)
    print(f"track-middleware worker: {error}", file=sys.stderr)
    return WRONG_CALL


def _refused(data_dir: Path) -> int:
    print(
        f"track-middleware worker: nobody has written to {data_dir} yet; "
        "is it the app's data folder? (--wait waits for its first event)",
        file=sys.stderr,
    )
    return WRONG_CALL


def _left(paused: dict[str, str]) -> int:
    """Says which destinations could not be served: whoever asks by the clock sees no log."""
    for name, reason in paused.items():
        print(f"track-middleware worker: {name} is paused: {reason}", file=sys.stderr)
    return FINDING if paused else WELL


def _busy(data_dir: Path) -> int:
    print(f"track-middleware worker: another worker is at work on {data_dir}", file=sys.stderr)
    return FINDING
