"""The ids of persons whom systems have still to be told of, in a file each.

They lie in no database, so that nothing of them is left once the file is gone.
"""

from __future__ import annotations

import time
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

import msgspec

from ..event import UNREADABLE
from .files import private_folder, replace_file
from .persons import Kind, Subject

#: Their folder inside the data folder.
FOLDER = "erasing"

#: A file that no erasure knows and that is so old, in seconds, was left by a killed caller.
_LEFT = 60.0


class _Ids(msgspec.Struct):
    given: str
    kind: Kind
    users: list[str]
    visitors: list[str]
    known: dict[str, list[str]]


def keep(data_dir: Path, name: str, subject: Subject) -> None:
    """Writes the ids that systems have to be told (mode 0600), until all have answered."""
    known = {cookie: list(each) for cookie, each in subject.known.items()}
    held = _Ids(subject.given, subject.kind, sorted(subject.users), sorted(subject.visitors), known)
    replace_file(private_folder(data_dir / FOLDER) / name, msgspec.json.encode(held))


def read(data_dir: Path, name: str) -> Subject | None:
    """The ids of an erasure; None when they are gone."""
    try:
        held = msgspec.json.decode((data_dir / FOLDER / name).read_bytes(), type=_Ids)
    except (OSError, *UNREADABLE):
        return None
    users, visitors = frozenset(held.users), frozenset(held.visitors)
    return Subject(held.given, held.kind, users, visitors, known=held.known)


def forget(data_dir: Path, name: str) -> None:
    """Removes the ids of an erasure that every system has answered."""
    (data_dir / FOLDER / name).unlink(missing_ok=True)


def sweep(data_dir: Path, known: Container[str]) -> None:
    """Removes ids whose erasure was never asked for: its caller was killed before."""
    with suppress(FileNotFoundError):
        for path in (data_dir / FOLDER).iterdir():
            if path.name not in known and time.time() - path.stat().st_mtime > _LEFT:
                path.unlink(missing_ok=True)
