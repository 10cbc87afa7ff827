"""``worker.json``: what the last worker ran with, or why none could start."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from ..errors import SettingsError
from ..event import UNREADABLE
from ..settings import Settings
from .files import replace_file
from .handover import digest

FILE = "worker.json"


class Note(msgspec.Struct, frozen=True):
    """``settings`` is the digest of those that the worker acts on; ``error`` says why the last one
    that was to start could not, "" when it did."""

    settings: str = ""
    error: str = ""


def read(data_dir: Path) -> Note:
    """The note of a folder; an empty one where none can be read."""
    try:
        return msgspec.json.decode((data_dir / FILE).read_bytes(), type=Note)
    except (OSError, *UNREADABLE):
        return Note()


def started(data_dir: Path, settings: Settings) -> None:
    """A worker begins with these settings. What cannot be noted costs nothing but the note."""
    with suppress(OSError, SettingsError):
        replace_file(data_dir / FILE, msgspec.json.encode(Note(digest(settings))))


def failed(data_dir: Path, error: Exception) -> None:
    """A worker could not start; only told in a folder that is there."""
    note = msgspec.structs.replace(read(data_dir), error=str(error))
    if data_dir.is_dir():
        with suppress(OSError):
            replace_file(data_dir / FILE, msgspec.json.encode(note))
