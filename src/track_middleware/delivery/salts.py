"""The salts of days that are counted without cookies: a file each, gone at the second midnight.

A file is made by whichever process comes first. The worker makes tomorrow's ahead and agrees on it
with other hosts through the store; a web process that finds another day than it knew takes away
what is past, though no worker may run.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from .files import HIDDEN, private_folder, replace_file
from .store.whole import Store

FOLDER = "salts"

#: Seconds after which a process looks again whether the day's salt is still the one that it knows.
AGAIN = 60.0

_DAY = 86400
_LENGTH = 32


class Salts:
    """The salts as a web process asks for them: with a file's reading once a minute, and no wait
    for anybody."""

    __slots__ = ("_folder", "_held")

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        #: Day, until when it is not read again, salt.
        self._held: tuple[int, float, bytes | None] = (-1, 0.0, None)

    def __call__(self, at: float) -> bytes | None:
        """The salt of a moment's day; None while none can be kept."""
        day, until, salt = self._held
        today = int(at // _DAY)
        if day == today and at < until:
            return salt
        try:
            salt = made(self._folder, today)
            if day != today:
                sweep(self._folder, today)
        except OSError:
            salt = None
        self._held = (today, at + AGAIN, salt)
        return salt


def made(folder: Path, day: int) -> bytes:
    """The salt of a day (days since 1970), made here if nobody has. OSError as the system says."""
    path = folder / name(day)
    with suppress(FileNotFoundError):
        found = path.read_bytes()
        if len(found) == _LENGTH:
            return found
        # The machine went down before its content was on the disk; an empty key would hide nobody.
        path.unlink()
    private_folder(folder)
    hidden = folder / f"{HIDDEN}{os.urandom(4).hex()}"
    fd = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(os.urandom(_LENGTH))
        with suppress(FileExistsError):  # somebody was quicker: theirs it is
            os.link(hidden, path)
    finally:
        hidden.unlink()
    return path.read_bytes()


def sweep(folder: Path, today: int) -> None:
    """Removes the salts whose second midnight has come, and what a kill left of making one. OSError
    as the system says."""
    oldest, since = name(today - 1), (today - 1) * _DAY
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process was quicker
                hidden = entry.name.startswith(HIDDEN)
                if entry.stat().st_mtime < since if hidden else entry.name < oldest:
                    os.unlink(entry)


def name(day: int) -> str:
    """A day as files and rows are called by it: 2026-05-04."""
    return datetime.fromtimestamp(day * _DAY, UTC).strftime("%Y-%m-%d")


class Agreement:
    """The worker's part: today's and tomorrow's salt are the same at every host of the store, and
    those of past days are nowhere. ``wanted``: something is counted without cookies."""

    def __init__(self, store: Store, data_dir: Path, *, wanted: bool) -> None:
        self._store = store
        self._folder = data_dir / FOLDER
        self._wanted = wanted
        self._next = 0.0
        self._is_clean = True

    def tend(self, now: float) -> None:
        """What is due, at most once a minute. StoreError, or OSError as the system says."""
        if now < self._next or not (self._wanted or self._folder.exists()):
            return
        self._next, today = now + AGAIN, int(now // _DAY)
        sweep(self._folder, today)
        with self._store.batch():
            gone = self._store.intake.forget_salts(name(today - 1), (today - 1) * _DAY)
            for day in (today, today + 1) if self._wanted else ():
                self._agree(day)
        self._is_clean = (self._is_clean and not gone) or self._store.intake.cleaned()

    def _agree(self, day: int) -> None:
        mine = made(self._folder, day)
        ours = self._store.intake.salt(name(day), mine)
        if ours != mine:
            replace_file(self._folder / name(day), ours)
