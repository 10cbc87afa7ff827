"""What is wrong in a set-up, found without running it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .address import address
from .delivery import handover, plans, startup
from .delivery.handover import Origin
from .errors import SettingsError, StoreError
from .facts import state
from .proxy import slots
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
    settings: Settings,
    data_dir: Path,
    *,
    face: Sequence[tuple[str, str]] = (),
    outbox: Origin | None = None,
) -> list[Finding]:
    """Everything that is wrong. ``face`` is what a framework's own checks say (id, message),
    ``outbox`` where its outbox is found; None: as was handed over."""
    found = [Finding(name, "error", message) for name, message in face]
    if not settings.enabled:
        found.append(Finding("enabled", "warning", "enabled is off: nothing is tracked"))
    found += _secret(settings)
    found += _folder(settings, data_dir)
    found += _unusable(settings)
    found += _consent(settings)
    found += _apps(settings)
    found += _neighbours(settings, data_dir)
    found += _outbox(settings, data_dir, outbox)
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
    for problem in (*startup.problems(settings), *slots.problems(settings.proxies)):
        yield Finding(problem.setting, "error", str(problem))
    for each in map(address, settings.destinations):
        if each.scheme == "jsonl" and Path(each.path).is_dir():
            yield Finding(
                "file", "error", f"{each.path} is a folder: no event can be written there"
            )
        elif each.scheme == "jsonl" and not Path(each.path).parent.is_dir():
            yield Finding("file", "error", f"the folder of {each.path} is not there")
    if not settings.destinations:
        yield Finding("destinations", "note", "no destinations: events are only stored")
    yield from _planned(settings)
    for name in reserved(settings):
        message = f"{name} is set, and this release does not act on it"
        yield Finding("reserved", "warning", message)


def _planned(settings: Settings) -> Iterator[Finding]:
    try:
        found = plans.strangers(settings)
        known = ", ".join(sorted(route.name for route in plans.routes(settings))) or "none"
    except SettingsError:
        return  # told as what cannot be used
    for each in found:
        yield Finding("plan", "warning", f"{each}; there are: {known}")


def _consent(settings: Settings) -> Iterator[Finding]:
    if settings.consent == "opt_in":
        yield Finding(
            "consent",
            "warning",
            "consent is opt_in: nothing is let through until the page calls track.consent(…)",
        )
    elif settings.cookieless:
        message = "cookieless counts before a choice, and with consent=opt_out nobody has to choose"
        yield Finding("cookieless", "warning", message)


def _apps(settings: Settings) -> Iterator[Finding]:
    if not settings.path and {"ios", "android"} & set(settings.write_keys.values()):
        message = "apps have write keys and path is not pinned: another secret key moves their door"
        yield Finding("path", "warning", message)


def _neighbours(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    """Linked hosts, and vendors' scripts on the same pages."""
    if settings.linked_domains and settings.secret_key in ("", _made(data_dir)):
        message = "secret_key is this data folder's own, and linked_domains need the same one each"
        yield Finding("linked", "error", message)
    # Segment's cookie has one name for all sources.
    named = {"segment", *(address(url).scheme for url in settings.destinations)}
    for vendor in settings.bridge:
        if vendor not in named:
            message = f"bridge names {vendor}, and no {vendor}:// destination names its cookie"
            yield Finding("bridge", "warning", message)


def _made(data_dir: Path) -> str:
    """The secret key that the data folder has made for itself; "" where there is none."""
    try:
        return (data_dir / "secret").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _outbox(settings: Settings, data_dir: Path, origin: Origin | None) -> Iterator[Finding]:
    if not settings.outbox:
        return
    try:
        handed = handover.read(data_dir)
    except (OSError, SettingsError):
        handed = None  # what else is asked says so
    if origin is None and handed is not None:
        origin = handed.outbox
    if origin is not None and not origin.path:
        message = "outbox is on, and this app has none: only Django keeps one"
        yield Finding("outbox", "warning", message)


def _flow(settings: Settings, facts: dict[str, Any]) -> Iterator[Finding]:
    waits = facts["spool"]["bytesWaiting"]
    if waits and not facts["worker"]["alive"] and settings.deliver != "inline":
        yield Finding("worker", "error", f"no worker is alive, and {waits} bytes wait in the spool")
    if facts["worker"]["error"]:
        message = f"the last worker could not start: {facts['worker']['error']}"
        yield Finding("worker", "error", message)
    if facts["worker"]["otherSettings"]:
        message = "the worker runs with other settings than the app's now: start it again"
        yield Finding("restart", "warning", message)
    for name in facts["spool"]["unknown"]:
        yield Finding("spool", "warning", f"{name} was written by a release that this is not")
    for each in facts["destinations"]:
        if each["pause"] == "needs you":
            yield Finding("paused", "error", f"{each['name']} needs you: {each['pauseReason']}")
        elif each["pause"]:
            message = f"{each['name']} is paused and tried again: {each['pauseReason']}"
            yield Finding("paused", "warning", message)
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
