"""The web process's side of delivery: of all processes one keeps a worker running.

Nothing starts before a process's first event. A forked child forgets its parent's keeper: it closes
(never unlocks) what it inherited, and begins anew at its own first event.
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import TrackError
from ..settings import Settings
from . import flush, handover, lease, logs, notes
from .files import private_folder
from .handover import NO_OUTBOX, Origin

if TYPE_CHECKING:
    from .worker import Worker

logger = logging.getLogger("track_middleware")

#: How often a process that is not elected tries again, in seconds.
_TRY = 1.0

#: A worker that dies is started again after so many seconds, longer each time.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0

#: A worker that lived so long died of something new.
_LONG_LIFE = 60.0

#: While nobody has renewed the lease for so long, a living worker is a hung one.
_SILENT = 60.0


class Keeper:
    """One process's keeper. ``command`` starts a worker; its folder and pipe are added to it.

    A worker that dies is replaced, and so is one that lives but shows no sign of it for ``silent``
    seconds. Whatever keeps a worker from being started is tried again.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        data_dir: Path,
        command: tuple[str, ...] = (),
        silent: float = _SILENT,
        outbox: Origin = NO_OUTBOX,
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._outbox = outbox
        self._command = command or (_python(), "-m", "track_middleware", "worker")
        self._silent = silent
        self._inline: Worker | None = None
        self._fds: set[int] = set()
        self._started = False
        self._begin_anew()
        _remember(self)

    def first_event(self) -> None:
        """Called before this process's first event is written; never raises, never waits."""
        if self._pid != os.getpid():
            self._begin_anew()
        if self._started:
            return
        self._started = True
        told = self._hand_over()
        tend = {"process": self._keep_child, "thread": self._run_worker}.get(self._settings.deliver)
        if tend is not None:
            logger.info("events are kept in %s", self._data_dir)
        elif told:
            return
        target, name = self._tend, "track-middleware-keeper"
        threading.Thread(target=target, args=(tend,), name=name, daemon=True).start()

    def drain_inline(self) -> bool:
        """Drains and delivers in the caller's thread; False when another worker is at it, or the
        store is being moved."""
        if self._pid != os.getpid():
            self._begin_anew()
        with self._lock:
            worker = self._inline
            if worker is not None and worker.place.has_moved:
                worker.close()
                worker = None
            self._inline = worker = worker or self._worker()
            return not worker.place.is_moving and worker.once()

    def flush(self, timeout: float, *, waits: Callable[[], bool] = lambda: False) -> bool:
        """Waits until what was accepted is delivered or in the store's retries; ``waits`` says
        whether anything still lies in an outbox."""
        if self._settings.deliver == "inline":
            return self.drain_inline()
        return flush.flush(self._settings, self._data_dir, timeout, waits=waits)

    def _worker(self) -> Worker:
        from .worker import Worker  # a web process that keeps a child never needs all of it

        return Worker(self._settings, data_dir=self._data_dir, outbox=self._outbox)

    def _begin_anew(self) -> None:
        """A process that has started nothing yet. What a parent had open is closed."""
        for fd in self._fds:
            with suppress(OSError):
                os.close(fd)
        self._fds = set()
        self._pid = os.getpid()
        self._started = self._told = False
        self._theirs = 0
        self._lock = threading.Lock()
        # A parent's database connection must not be closed in its child (sqlite.org/howtocorrupt).
        if self._inline is not None:
            _abandoned.append(self._inline)
        self._inline = None

    # In the keeper's thread.

    def _tend(self, work: Callable[[], None] | None) -> None:
        """Hands over the settings, waits to be elected, then does the elected one's work for the
        rest of its life."""
        pause, waited = threading.Event(), _FIRST_PAUSE
        while not self._hand_over():
            pause.wait(waited)
            waited = min(waited * 2, _LONGEST_PAUSE)
        if work is None:
            return
        self._insist(self._wait_for_election)
        self._insist(work)

    def _insist(self, step: Callable[[], None]) -> None:
        """Takes a step until it succeeds: a full disk or table of processes is not for ever."""
        pause, waited, told = threading.Event(), _FIRST_PAUSE, ""
        while True:
            try:
                step()
                return
            except (OSError, TrackError) as error:
                if told != str(error):
                    told = str(error)
                    notes.failed(self._data_dir, error)
                    logger.error("this process cannot keep a worker, and tries again: %s", error)
            pause.wait(waited)
            waited = min(waited * 2, _LONGEST_PAUSE)

    def _hand_over(self) -> bool:
        """Whether the worker can learn this site's settings; told once when it cannot."""
        try:
            handover.write(self._settings, self._data_dir, self._outbox)
        except (OSError, TrackError) as error:
            if not self._told:
                logger.error("the worker cannot learn this site's settings: %s", error)
            self._told = True
            return False
        return True

    def _wait_for_election(self) -> None:
        path = private_folder(self._data_dir) / "keeper.lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._fds.add(fd)
        pause = threading.Event()
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                pause.wait(_TRY)
            except OSError:
                self._fds.discard(fd)
                os.close(fd)
                raise

    def _run_worker(self) -> None:
        while True:  # again where the store was moved
            with closing(self._worker()) as worker:
                worker.run(threading.Event())

    def _keep_child(self) -> None:
        """Keeps one worker running. The pipe tells it when this process is gone."""
        theirs = self._theirs = self._theirs or self._pipe()
        pause, waited = threading.Event(), _FIRST_PAUSE
        while True:
            began = time.monotonic()
            child = subprocess.Popen(
                [
                    *self._command,
                    "--data-dir",
                    str(self._data_dir),
                    "--parent-fd",
                    str(theirs),
                    *_log_level(),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs,),
                start_new_session=True,
            )
            status = self._watched(child)
            waited = _FIRST_PAUSE if time.monotonic() - began > _LONG_LIFE else waited
            logger.warning("the worker ended with status %s; starting another", status)
            pause.wait(waited)
            waited = min(waited * 2, _LONGEST_PAUSE)

    def _watched(self, child: subprocess.Popen[bytes]) -> int:
        """How a worker ended; a hung one is killed. While it waits for another's lease to become
        stale, that other's signs of life count."""
        seen, since = lease.sign_of_life(self._data_dir), time.monotonic()
        while True:
            try:
                return child.wait(_TRY)
            except subprocess.TimeoutExpired:
                sign = lease.sign_of_life(self._data_dir)
            if sign != seen:
                seen, since = sign, time.monotonic()
            elif time.monotonic() - since > self._silent:
                logger.error("the worker has shown no sign of life; it is killed")
                child.kill()

    def _pipe(self) -> int:
        """The reading end for the child; only this process holds the other, and never uses it."""
        reading, writing = os.pipe()
        self._fds |= {reading, writing}
        return reading


def _log_level() -> list[str]:
    """The child says what this process would say, on the same standard error."""
    level = logs.level_of_app()
    return ["--log-level", level] if level else []


def _python() -> str:
    """This interpreter with its environment. A server that embeds Python names itself, or (uWSGI)
    the interpreter that the environment was made of, which has none of its packages."""
    named, own = Path(sys.executable or ""), Path(sys.prefix) / "bin" / "python3"
    is_own = sys.prefix == sys.base_prefix or named.parent == own.parent
    return str(named if named.name.startswith("python") and is_own else own)


#: Workers of parents: kept unused, because closing them would end the parent's locks.
_abandoned: list[Worker] = []

_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()
_hooked: list[bool] = []


def _remember(keeper: Keeper) -> None:
    if not _hooked:
        _hooked.append(True)
        os.register_at_fork(after_in_child=_forget_parents)
    _keepers.add(keeper)


def _forget_parents() -> None:
    for keeper in list(_keepers):
        keeper._begin_anew()
