"""What is wrong in a set-up, found without running it; and the facts that ``status`` shows."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .delivery import counters, handover, segments, startup
from .delivery.lease import STALE
from .delivery.pace import allowed, per_minute
from .delivery.store import Job, sqlite
from .delivery.store.claims import claimed, former
from .delivery.store.replays import Replay
from .delivery.store.sqlite import SqliteStore
from .destinations import registry
from .errors import SettingsError, StoreError
from .event import iso
from .settings import Settings, free_bytes, reserved

#: A destination that is so many seconds behind, or a worker so silent, is a finding.
LATE = 60.0

#: A shorter secret key can be guessed.
SHORTEST_SECRET = 16

#: File systems that are gone with their container or at the next start.
THROW_AWAY = frozenset({"tmpfs", "ramfs", "overlay", "aufs"})

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend; a ``note`` is only worth knowing. ``id`` stays the same over releases."""

    id: str
    level: Literal["error", "warning", "note"]
    message: str


def examined(
    settings: Settings, data_dir: Path, *, face: Sequence[tuple[str, str]] = ()
) -> list[Finding]:
    """Everything that is wrong. ``face`` is what a framework's own checks say (id, message)."""
    found = [Finding(name, "error", message) for name, message in face]
    if not settings.enabled:
        found.append(Finding("enabled", "warning", "enabled is off: nothing is tracked"))
    found += _secret(settings)
    found += _folder(settings, data_dir)
    found += _unusable(settings)
    found += _consent(settings)
    found += _outbox(settings, data_dir)
    try:
        found += _flow(settings, state(settings, data_dir))
    except OSError as error:
        found.append(Finding("folder", "error", f"{data_dir} cannot be read: {error.strerror}"))
    except SettingsError as error:
        if error.setting not in {each.id for each in found}:
            found.append(Finding(error.setting, "error", str(error)))
    except StoreError as error:
        if "store" not in {each.id for each in found}:
            found.append(Finding("store", "error", str(error)))
    return found


def _secret(settings: Settings) -> Iterator[Finding]:
    secret = settings.secret_key
    if not secret:
        message = "no secret_key is given: the data folder makes its own, which other hosts lack"
        yield Finding("secret", "note", message)
    elif len(secret) < SHORTEST_SECRET:
        message = f"secret_key has fewer than {SHORTEST_SECRET} characters and can be guessed"
        yield Finding("secret", "error", message)
    elif secret.startswith("django-insecure-") and not settings.debug:
        yield Finding("secret", "warning", "secret_key is the one that startproject made")


def _folder(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    there = _nearest(data_dir)
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        yield Finding("folder", "error", f"{data_dir} cannot be written: no event can be kept")
        return
    kind = file_system(there, _MOUNTS.read_text() if _MOUNTS.exists() else "")
    if kind in THROW_AWAY:
        message = f"{data_dir} is on {kind}: events are gone with the container; give it a volume"
        yield Finding("layer", "warning", message)
    disk = os.statvfs(there)
    if disk.f_bavail * disk.f_frsize < free_bytes(
        settings.min_free, total=disk.f_blocks * disk.f_frsize
    ):
        yield Finding("disk", "error", "the disk has less room than min_free: events are refused")


def _nearest(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def file_system(folder: Path, mounts: str) -> str:
    """The kind of file system that holds a folder, from ``mountinfo`` (proc(5)); "" if unknown."""
    place, best, kind = str(folder.resolve()), "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def _unusable(settings: Settings) -> Iterator[Finding]:
    for problem in startup.problems(settings):
        yield Finding(problem.setting, "error", str(problem))
    if not settings.destinations:
        yield Finding("destinations", "note", "no destinations: events are only stored")
    for name in reserved(settings):
        message = f"{name} is set, and this release does not act on it"
        yield Finding("reserved", "warning", message)


def _consent(settings: Settings) -> Iterator[Finding]:
    if settings.consent == "opt_in":
        yield Finding(
            "consent",
            "warning",
            "consent is opt_in: nothing is let through until the page calls track.consent(…)",
        )


def _outbox(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    if not settings.outbox:
        return
    try:
        handed = handover.read(data_dir)
    except (OSError, SettingsError):
        return  # what else is asked says so
    if handed is not None and not handed.outbox.path:
        message = "outbox is on, and this app has none: only Django keeps one"
        yield Finding("outbox", "warning", message)


def _flow(settings: Settings, facts: dict[str, Any]) -> Iterator[Finding]:
    waits = facts["spool"]["bytesWaiting"]
    if waits and not facts["worker"]["alive"] and settings.deliver != "inline":
        yield Finding("worker", "error", f"no worker is alive, and {waits} bytes wait in the spool")
    for name in facts["spool"]["unknown"]:
        yield Finding("spool", "warning", f"{name} was written by a release that this is not")
    for each in facts["destinations"]:
        if each["pauseReason"]:
            yield Finding("paused", "error", f"{each['name']} is paused: {each['pauseReason']}")
        elif each["lagSeconds"] > LATE:
            message = f"{each['name']} is {each['lag']} events, {each['lagSeconds']:.0f} s behind"
            yield Finding("lag", "warning", message)
    for each in facts["former"]:
        message = (
            f"{each['waiting']} events wait for {each['name']}, and no destination points there "
            f"any more: put its URL back, or say ?name={each['name']} in what takes its place"
        )
        yield Finding("former", "warning", message)
    if facts["counters"].get("consent") and not facts["events"]:
        message = "not one event was let through by consent yet, and some were held back"
        yield Finding("consent", "warning", message)


# The facts.


def state(settings: Settings, data_dir: Path) -> dict[str, Any]:
    """What a data folder holds, by the names of ``status --json``. Reading it changes nothing.

    StoreError when the store cannot be read.
    """
    path = sqlite.path_of(settings.store, data_dir)
    facts: dict[str, Any] = {
        "dataDir": str(data_dir),
        "store": str(path),
        "events": 0,
        "worker": _worker(data_dir, path),
        "spool": _spool(data_dir, {}),
        "destinations": [],
        "former": [],
        "replays": [],
        "counters": counters.totals(data_dir / counters.FOLDER),
    }
    store = sqlite.to_read(path)
    if store is not None:
        try:
            _add_stored(facts, store, settings, data_dir)
        finally:
            store.close()
    return facts


def _add_stored(
    facts: dict[str, Any], store: SqliteStore, settings: Settings, data_dir: Path
) -> None:
    facts["events"] = store.end()
    facts["spool"] = _spool(data_dir, dict(store.intake.offsets()))
    routes, all_jobs = registry.routes(settings.destinations), store.jobs()
    jobs = claimed(routes, all_jobs)
    for route in routes:
        facts["destinations"].append(_destination(store, route.name, jobs.get(route.name)))
    left = [(job.destination, store.claims.waiting(job)) for job in former(routes, all_jobs)]
    facts["former"] = [{"name": name, "waiting": number} for name, number in left if number]
    facts["replays"] = [_replay(store, each) for each in store.replays.all()]
    for reason, number in store.counters().items():
        facts["counters"][reason] = facts["counters"].get(reason, 0) + number


def _destination(store: SqliteStore, name: str, job: Job | None) -> dict[str, Any]:
    if job is None:
        counts, lag, seconds = {}, 0, 0.0
    else:
        counts, lag = store.count(job), store.end() - job.position
        ahead = store.read(job.position, 1)
        seconds = max(0.0, time.time() - ahead[0].accepted_at) if ahead else 0.0
    return {
        "name": name,
        "lag": lag,
        "lagSeconds": round(seconds, 1),
        **_learnt(job),
        "retry": counts.get("retry", 0),
        "held": counts.get("held", 0),
        "dead": counts.get("dead", 0),
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


def _replay(store: SqliteStore, replay: Replay) -> dict[str, Any]:
    counts = store.count(replay.job)
    return {
        "id": replay.job.id,
        "destination": replay.job.destination,
        "events": replay.total,
        "progress": round(replay.progress, 4),
        "retry": counts.get("retry", 0),
        "held": counts.get("held", 0),
        "began": iso(replay.made),
        "ended": None if replay.ended is None else iso(replay.ended),
        "pausedUntil": replay.job.paused_until,
        "pauseReason": replay.job.pause_reason,
    }


def _spool(data_dir: Path, offsets: dict[str, int]) -> dict[str, Any]:
    sizes = segments.sizes(data_dir)
    waiting = sum(max(0, size.length - offsets.get(size.name, 0)) for size in sizes)
    return {
        "segments": len(sizes),
        "bytesWaiting": waiting,
        "unknown": segments.strangers(data_dir),
    }


def _worker(data_dir: Path, store: Path) -> dict[str, Any]:
    """The worker renews its lease every second, and nobody else writes to the store."""
    written = [
        path.stat().st_mtime
        for path in (store, store.with_name(store.name + "-wal"))
        if path.exists()
    ]
    age = max(0.0, time.time() - max(written)) if written else None
    alive = age is not None and age < STALE and _is_held(data_dir / "worker.lock")
    return {"alive": alive, "leaseAge": None if age is None else round(age, 2)}


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
