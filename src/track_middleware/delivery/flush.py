"""Waiting until what was accepted is delivered, or in the store's retries.

The web process only looks: at the spool's sizes, the store's offsets and the jobs' positions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..destinations import registry
from ..destinations.registry import Route
from ..errors import StoreError
from ..settings import Settings
from . import segments
from .files import private_folder
from .segments import FLUSH
from .store import Job, opening
from .store.claims import claimed
from .store.whole import Store

_LOOK = 0.02


def flush(
    settings: Settings,
    data_dir: Path,
    timeout: float,
    *,
    waits: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """True when all that is in the spool and the outbox now has reached the store, its merge
    windows are over, and every destination has it, or holds it as a retry, or is paused by an
    outage.

    Another process's events are waited for too. ``waits`` says whether anything still lies in an
    outbox. False after ``timeout`` seconds.
    """
    accepted = {size.name: size.length for size in segments.sizes(data_dir)}
    nothing = not any(accepted.values()) and not waits()
    if nothing and not opening.is_there(settings.store, data_dir):
        return True
    before = _ask(private_folder(data_dir) / FLUSH) + settings.merge_window
    routes = registry.routes(settings.destinations)
    deadline = monotonic() + timeout
    store: Store | None = None
    end: int | None = None  # what comes behind it while this waits was accepted later
    try:
        while True:
            store = store or _opened(settings, data_dir)
            moved = not waits()
            stored = store is not None and _is_stored(store, data_dir, accepted, before)
            if store is not None and moved and stored:
                end = store.end() if end is None else end
                if _is_served(store, routes, end, now()):
                    return True
            if monotonic() >= deadline:
                return False
            sleep(_LOOK)
    finally:
        if store is not None:
            store.close()


def _ask(path: Path) -> float:
    """Asks the worker to end the windows of what was accepted up to now; that moment.

    The moment is set, because the file system's own clock may be behind.
    """
    path.touch(mode=0o600)
    os.utime(path, ns=(time.time_ns(),) * 2)
    return path.stat().st_mtime


def _opened(settings: Settings, data_dir: Path) -> Store | None:
    """The store, once a worker has made it."""
    try:
        return opening.to_read(settings.store, data_dir)
    except StoreError:
        return None


def _is_stored(store: Store, data_dir: Path, accepted: dict[str, int], before: float) -> bool:
    offsets = store.intake.offsets()
    drained = all(
        offsets.get(name, 0) >= length or not segments.is_there(data_dir, name)
        for name, length in accepted.items()
    )
    waits = drained and (store.intake.pages_due(before, 1) or store.intake.is_ready(before))
    return drained and not waits


def _is_served(store: Store, routes: Sequence[Route], end: int, now: float) -> bool:
    jobs = claimed(routes, store.jobs())
    return len(jobs) == len(routes) and all(_is_done(job, end, now) for job in jobs.values())


def _is_done(job: Job, end: int, now: float) -> bool:
    """Whether a job has all, or waits."""
    return job.position >= end or job.is_paused(now)
