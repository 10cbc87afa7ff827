"""Where a store went: a data folder's note that its store is being moved, or was.

While it is being moved nobody writes to it: the worker rests, verbs say so, and the site's
processes go on appending to the spool. Once it was moved, everybody finds it at its new place,
whatever the settings still say. A move that nobody has gone on with for a while is void.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from ...errors import StoreError
from ..files import replace_file

MOVING = "moving"
MOVED = "moved.json"

#: A move whose last sign of life is so many seconds old is void.
VOID = 600.0


class Note(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """From where a store was moved, as it was called, and to which URL."""

    from_: str
    to: str


def begin(data_dir: Path) -> bool:
    """From now on the store rests. Whether a former move had got so far not long ago. OSError as
    the system says."""
    before = is_moving(data_dir)
    touch(data_dir)
    return before


def touch(data_dir: Path) -> None:
    """A sign of life."""
    path = data_dir / MOVING
    path.touch(mode=0o600)
    os.utime(path)


def end(data_dir: Path) -> None:
    """The store is used again."""
    with suppress(FileNotFoundError):
        (data_dir / MOVING).unlink()


def is_moving(data_dir: Path) -> bool:
    """Whether the store is being moved."""
    try:
        age = time.time() - (data_dir / MOVING).stat().st_mtime
    except OSError:
        return False
    return abs(age) < VOID


def note(data_dir: Path, *, former: str, url: str) -> None:
    """From now on the store that was called ``former`` is at this URL. OSError as the system
    says."""
    replace_file(data_dir / MOVED, msgspec.json.encode(Note(former, url)))


def target(data_dir: Path, called: str) -> str:
    """The URL to which the store that is called so was moved; "" where it is. StoreError when the
    note cannot be read: whoever guesses would send everything again."""
    path = data_dir / MOVED
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Note)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} cannot be read, which says where the store is: restore it, or set store to "
            "where it is now and remove the file"
        ) from error
    return found.to if found.from_ == called else ""


class Watch:
    """Whether a store is still where somebody opened it."""

    def __init__(self, data_dir: Path, called: str) -> None:
        self._data_dir = data_dir
        self._called = called

    @property
    def is_moving(self) -> bool:
        """Whether it is being moved at this moment."""
        return is_moving(self._data_dir)

    @property
    def has_moved(self) -> bool:
        """Whether it is elsewhere by now, and may be used there."""
        return bool(target(self._data_dir, self._called)) and not self.is_moving
