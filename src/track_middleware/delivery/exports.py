"""Where this store's events were exported to: a small file for each target in the data folder.

Whoever erases a person is told of them; whoever exports holds the file's lock meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..errors import TrackError
from ..event import UNREADABLE
from .files import lock_taken, private_folder, replace_file

#: Their folder inside the data folder.
FOLDER = "exports"

_USER = re.compile(r"(?<=://)[^/@]*@")


class BusyError(TrackError):
    """Another process exports to the same place at this moment."""


class _Known(msgspec.Struct):
    target: str


def shown(target: str) -> str:
    """A target as people are shown it: without a password."""
    return _USER.sub("", target.partition("?")[0])


def system(target: str) -> str:
    """What an erasure's receipt calls a target."""
    return f"parquet {shown(target)}"


def words(target: str) -> str:
    """What somebody who erases has to do about it."""
    return f"its files may hold the person until: export --parquet {shown(target)} --rewrite"


def systems(data_dir: Path) -> dict[str, str]:
    """Every target's name in a receipt, and what has to be done there."""
    return {system(each): words(each) for each in targets(data_dir)}


def targets(data_dir: Path) -> Sequence[str]:
    """Every folder and URL that was exported to from here."""
    found = []
    for path in sorted((data_dir / FOLDER).glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=_Known).target)
        except (OSError, *UNREADABLE):
            continue
    return found


@contextmanager
def held(data_dir: Path, target: str) -> Iterator[None]:
    """The target is known from now on, and nobody else exports to it meanwhile; BusyError when
    somebody does already."""
    name = hashlib.sha256(target.encode()).hexdigest()[:20]
    folder = private_folder(data_dir / FOLDER)
    fd = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not lock_taken(fd):
            raise BusyError("another process exports to the same place at this moment")
        replace_file(folder / f"{name}.json", msgspec.json.encode(_Known(target)))
        yield
    finally:
        os.close(fd)
