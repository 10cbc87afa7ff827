"""The facts of a data folder, by the names of ``status --json``; looking changes nothing."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from .delivery import counters, handover, notes, segments
from .delivery.lease import STALE
from .delivery.pace import allowed, per_minute
from .delivery.store import Job, opening
from .delivery.store.claims import COUNTED, claimed, former
from .delivery.store.persons import UNANSWERED, Erasure
from .delivery.store.replays import Replay
from .delivery.store.whole import Store
from .destinations import registry
from .destinations.registry import Route
from .errors import SettingsError, StoreError
from .event import iso
from .settings import Settings, free_bytes


def state(settings: Settings, data_dir: Path, *, counted: int = COUNTED) -> dict[str, Any]:
    """What a data folder holds, by the names of ``status --json``. Reading it changes nothing.
    ``counted``: of so many events before a destination it is looked which ones it takes.

    StoreError when the store cannot be read.
    """
    facts: dict[str, Any] = {
        "dataDir": str(data_dir),
        "store": opening.shown(settings.store, data_dir),
        "events": 0,
        "broker": _broker(settings, data_dir),
        "worker": _worker(settings, data_dir),
        "spool": _spool(data_dir, {}),
        "disk": _disk(settings, data_dir),
        "destinations": [],
        "former": [],
        "replays": [],
        "erasures": [],
        "counters": counters.totals(data_dir / counters.FOLDER),
    }
    store = opening.to_read(settings.store, data_dir)
    if store is not None:
        try:
            _add_stored(facts, store, settings, data_dir, counted)
        finally:
            store.close()
    return facts


def _add_stored(
    facts: dict[str, Any], store: Store, settings: Settings, data_dir: Path, counted: int
) -> None:
    facts["events"] = store.end()
    facts["spool"] = _spool(data_dir, dict(store.intake.offsets()))
    routes, all_jobs = registry.routes(settings.destinations), store.jobs()
    jobs = claimed(routes, all_jobs)
    for route in routes:
        facts["destinations"].append(_destination(store, route, jobs.get(route.name), counted))
    left = [
        (job.destination, store.claims.waiting(job, counted=counted))
        for job in former(routes, all_jobs)
    ]
    facts["former"] = [{"name": name, "waiting": number} for name, number in left if number]
    facts["replays"] = [_replay(store, each) for each in store.replays.all()]
    facts["erasures"] = [_erasure(store, each) for each in store.persons.open_erasures()]
    for reason, number in store.counters().items():
        facts["counters"][reason] = facts["counters"].get(reason, 0) + number


def _broker(settings: Settings, data_dir: Path) -> dict[str, Any] | None:
    """What a broker keeps of the events, None where none does; ``bytes`` None: it does not say;
    ``maxAge`` is in seconds, None: for ever."""
    try:
        held = opening.at_broker(settings.store, data_dir)
    except StoreError as error:
        return {"error": str(error)}
    if held is None:
        return None
    return {
        "error": "",
        "messages": held.messages,
        "bytes": held.size,
        "oldest": None if held.oldest is None else iso(held.oldest),
        "maxAge": held.max_age,
        "copies": held.copies,
        "replicas": held.replicas,
        "faults": [msgspec.structs.asdict(each) for each in held.faults],
    }


def _erasure(store: Store, each: Erasure) -> dict[str, Any]:
    """An erasure that some system has not answered, and which those are."""
    waits = [said for said in store.persons.answers(each.id) if said.state in UNANSWERED]
    systems = [{"system": e.system, "state": e.state, "answer": e.words} for e in waits]
    return {"erasure": each.id, "askedAt": iso(each.asked), "waitsFor": systems}


def _destination(store: Store, route: Route, job: Job | None, counted: int) -> dict[str, Any]:
    counts = store.count(job) if job else {}
    lag, since = store.claims.ahead(job, route, counted=counted) if job else (0, None)
    seconds = max(0.0, time.time() - since) if since is not None else 0.0
    return {
        "name": route.name,
        "lag": lag,
        "lagSeconds": round(seconds, 1),
        **_learnt(job),
        "retry": counts.get("retry", 0),
        "held": counts.get("held", 0),
        "dead": counts.get("dead", 0),
        **_pause(job),
    }


def _pause(job: Job | None) -> dict[str, Any]:
    """``pause``: "tries again" or "needs you" while a job is paused, else ""."""
    word = "needs you" if job and job.needs_you else "tries again"
    return {
        "pause": word if job and (job.paused_until or job.pause_reason) else "",
        "pausedUntil": job.paused_until if job else None,
        "pauseReason": job.pause_reason if job else "",
    }


def _learnt(job: Job | None) -> dict[str, Any]:
    """What a job knows of its destination; rates are events a minute."""
    now = time.time()
    pace = allowed(job, now) if job else None
    return {
        "delivered": job.delivered if job else 0,
        "doubtful": job.doubtful if job else 0,
        "cut": job.cut if job else 0,
        "rate": round(per_minute(job, now), 1) if job else 0.0,
        "pace": None if pace is None else round(pace * 60, 1),
        "answer": job.answer if job else "",
        "answeredAt": job.answered_at if job else None,
    }


def _replay(store: Store, replay: Replay) -> dict[str, Any]:
    counts = store.count(replay.job)
    return {
        "id": replay.job.id,
        "destination": replay.job.destination,
        "backfill": replay.backfill,
        "events": replay.total,
        "progress": round(replay.progress, 4),
        "retry": counts.get("retry", 0),
        "held": counts.get("held", 0),
        "began": iso(replay.made),
        "ended": None if replay.ended is None else iso(replay.ended),
        **_pause(replay.job),
    }


def _spool(data_dir: Path, offsets: dict[str, int]) -> dict[str, Any]:
    sizes = segments.sizes(data_dir)
    waiting = sum(max(0, size.length - offsets.get(size.name, 0)) for size in sizes)
    return {
        "segments": len(sizes),
        "bytesWaiting": waiting,
        "unknown": segments.strangers(data_dir),
    }


def _disk(settings: Settings, data_dir: Path) -> dict[str, Any]:
    """Bytes: what the store's files and the spool's take, what is free, and what must stay free;
    {} before there is a data folder."""
    if not data_dir.is_dir():
        return {}
    disk = os.statvfs(data_dir)
    kept = map(_seen, opening.touched(settings.store, data_dir))
    return {
        "storeBytes": sum(each.st_size for each in kept if each is not None),
        "spoolBytes": sum(size.length for size in segments.sizes(data_dir)),
        "freeBytes": disk.f_bavail * disk.f_frsize,
        "minFreeBytes": free_bytes(settings.min_free, total=disk.f_blocks * disk.f_frsize),
    }


def _seen(path: Path) -> os.stat_result | None:
    """A file as it is; None where it is not there: a WAL comes and goes."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _worker(settings: Settings, data_dir: Path) -> dict[str, Any]:
    """The worker renews its lease every second, and nobody else touches these files."""
    seen = map(_seen, opening.touched(settings.store, data_dir))
    written = [each.st_mtime for each in seen if each is not None]
    age = max(0.0, time.time() - max(written)) if written else None
    alive = age is not None and age < STALE and _is_held(data_dir / "worker.lock")
    note = notes.read(data_dir)
    return {
        "alive": alive,
        "leaseAge": None if age is None else round(age, 2),
        "error": "" if alive else note.error,
        "otherSettings": alive and bool(note.settings) and note.settings != _digest(settings),
    }


def _digest(settings: Settings) -> str:
    try:
        return handover.digest(settings)
    except SettingsError:
        return ""


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
