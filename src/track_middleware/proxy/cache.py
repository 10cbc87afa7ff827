"""Vendors' scripts on disk, as the vendor sent them: whole files, bounded in number and size."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import msgspec

from ..delivery.files import HIDDEN, private_folder, replace_file
from ..settings import free_bytes

_MOST_FILES = 200
_MOST_BYTES = 64 * 2**20


class Kept(msgspec.Struct, frozen=True):
    """One script: its validators, how many seconds it is fresh, its body."""

    kind: str
    etag: str
    modified: str
    fresh: int
    body: bytes = b""


class Cache:
    """Files of one folder. What cannot be written is not kept, and costs a fetch the next time."""

    def __init__(self, folder: Path, *, min_free: str) -> None:
        self._folder = folder
        self._min_free = min_free

    def checked(self, key: str) -> float | None:
        """When a script was last known to be the vendor's own (epoch seconds); None without it."""
        try:
            return self._path(key).stat().st_mtime
        except OSError:
            return None

    def read(self, key: str) -> Kept | None:
        """A script; None where there is none, or none that can be read."""
        try:
            head, _, body = self._path(key).read_bytes().partition(b"\n")
            return msgspec.structs.replace(msgspec.json.decode(head, type=Kept), body=body)
        except (OSError, msgspec.DecodeError):
            return None

    def keep(self, key: str, kept: Kept, *, now: float) -> None:
        """Puts a script in its place, whole or not at all."""
        head = msgspec.json.encode(msgspec.structs.replace(kept, body=b""))
        try:
            if not self._has_room(len(kept.body)):
                return
            private_folder(self._folder)
            replace_file(self._path(key), head + b"\n" + kept.body)
            self._swept()
        except OSError:
            return
        self.touch(key, now=now)

    def touch(self, key: str, *, now: float) -> None:
        """The vendor has said that a script is still its own."""
        try:
            os.utime(self._path(key), (now, now))
        except OSError:
            return

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()[:32]

    def _has_room(self, size: int) -> bool:
        near = next(each for each in (self._folder, *self._folder.parents) if each.exists())
        usage = shutil.disk_usage(near)
        return usage.free - size > free_bytes(self._min_free, total=usage.total)

    def _swept(self) -> None:
        """Takes the longest unconfirmed away where there are too many, or too large ones."""
        there = []
        for path in self._folder.iterdir():
            if not path.name.startswith(HIDDEN):
                status = path.stat()
                there.append((status.st_mtime, status.st_size, path))
        there.sort(reverse=True)
        total = 0
        for count, (_, size, path) in enumerate(there):
            total += size
            if count >= _MOST_FILES or total > _MOST_BYTES:
                path.unlink(missing_ok=True)
