"""How far a long reading has come: one small file in the data folder, replaced as a whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ..delivery.files import lock_taken, private_folder, replace_file
from ..errors import TrackError
from ..event import UNREADABLE

#: Folder of the checkpoints inside the data folder.
FOLDER = "backfills"


class BusyError(TrackError):
    """Another process does the same at this moment."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one reading. ``number``: its backfill. ``place``: where in the source to go on, in the
    source's own terms (the last row's key, a number of rows, an offset in bytes). ``read`` and
    ``kept`` count rows and events up to there."""

    number: int
    place: Any = None
    read: int = 0
    kept: int = 0


class Checkpoint:
    """The checkpoint of one call: the same ``parts`` (source, event, columns …) find it again."""

    def __init__(self, data_dir: Path, parts: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
        self.path = data_dir / FOLDER / f"{name}.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else does the same meanwhile; BusyError when somebody does already."""
        private_folder(self.path.parent)
        fd = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not lock_taken(fd):
                raise BusyError("the same call is at work already, in another process")
            yield
        finally:
            os.close(fd)

    def load(self) -> State | None:
        """Where an earlier reading was interrupted; None when none was."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=State)
        except (FileNotFoundError, *UNREADABLE):
            return None

    def save(self, state: State) -> None:
        """Everything up to ``state.place`` is kept."""
        private_folder(self.path.parent)
        replace_file(self.path, msgspec.json.encode(state))

    def over(self) -> None:
        """Nothing is left to go on with."""
        self.path.unlink(missing_ok=True)
