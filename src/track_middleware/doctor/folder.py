"""Where the data folder lies: who may write there, on what file system, with how much room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..serving import can_keep, nearest
from ..settings import Settings, free_bytes
from .finding import Finding

#: File systems that are gone with their container or at the next start.
THROW_AWAY = frozenset({"tmpfs", "ramfs", "overlay", "aufs"})

#: File systems whose files lie on another machine. SQLite's locks do not hold there for sure
#: (sqlite.org/faq.html, question 5), and its write-ahead log needs memory that all share
#: (sqlite.org/wal.html).
NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "9p",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.mount-s3",
    "fuse.rclone", "fuse.juicefs", "beegfs", "gpfs", "ocfs2", "gfs2",
})  # fmt: skip

#: With less than so many times what must stay free, the disk is nearly full.
_NEARLY = 2

_MOUNTS = Path("/proc/self/mountinfo")


def location(settings: Settings, data_dir: Path, *, mounts: str | None = None) -> Iterator[Finding]:
    """What is wrong with the place. ``mounts``: what ``mountinfo`` holds; None: this machine's."""
    there = nearest(data_dir)
    if not can_keep(data_dir):
        yield Finding(
            "folder", "error", f"{data_dir} cannot be written: no event can be kept",
            "give the folder to the user that the app runs as, or set data_dir to one that is his",
        )  # fmt: skip
        return
    if mounts is None:
        mounts = _MOUNTS.read_text() if _MOUNTS.exists() else ""
    yield from _lies_on(file_system(there, mounts), data_dir)
    disk = os.statvfs(there)
    free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    yield from _room(free, free_bytes(settings.min_free, total=total))


def _lies_on(kind: str, data_dir: Path) -> Iterator[Finding]:
    if kind in THROW_AWAY:
        yield Finding(
            "layer", "warning", f"{data_dir} is on {kind}: events are gone with the container",
            "give it a volume, and set data_dir to a folder there",
        )  # fmt: skip
    if kind in NETWORK:
        yield Finding(
            "network", "error",
            f"{data_dir} is on {kind}, a network file system: SQLite's locks do not hold there",
            "set data_dir to a folder on a disk of this host",
        )  # fmt: skip


def _room(free: int, needed: int) -> Iterator[Finding]:
    fix = "make room, or give data_dir a larger disk"
    if free < needed:
        message = "the disk has less room than min_free: events are refused"
        yield Finding("disk", "error", message, fix)
    elif free < _NEARLY * needed:
        message = (
            f"the disk is nearly full: {free >> 20} MiB are free, and below {needed >> 20} MiB "
            "events are refused"
        )
        yield Finding("disk", "warning", message, fix)


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
