"""Where exported files lie: a folder of this machine, or an object store that fsspec knows.

Names are relative, with ``/`` between their parts. A file appears under a name as a whole: it is
written under another one, then moved.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from ..delivery.files import HIDDEN
from ..errors import TrackError


class ShelfError(TrackError):
    """A folder or object store that cannot be used; says why."""


class Shelf(Protocol):
    """The files of one target. Every method raises OSError as the system or the store says."""

    def open(self, name: str) -> BinaryIO:
        """A new file to write; ``close`` it by the method of that name."""
        ...

    def close(self, file: BinaryIO) -> None:
        """What was written is kept from now on, whatever happens to this machine."""
        ...

    def read(self, name: str) -> BinaryIO:
        """A file, from its beginning. FileNotFoundError where there is none."""
        ...

    def move(self, name: str, other: str) -> None:
        """Gives a file another name; one that had it is gone."""
        ...

    def remove(self, name: str) -> None:
        """Removes a file."""
        ...

    def names(self, folder: str = "") -> Sequence[str]:
        """The files in a folder and below it, in order; none where it is not there."""
        ...


class Folder:
    """``Shelf`` on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, name: str) -> BinaryIO:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")

    def close(self, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())
        file.close()

    def read(self, name: str) -> BinaryIO:
        return (self._root / name).open("rb")

    def move(self, name: str, other: str) -> None:
        target = self._root / other
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._root / name).replace(target)

    def remove(self, name: str) -> None:
        (self._root / name).unlink()

    def names(self, folder: str = "") -> Sequence[str]:
        found = sorted((self._root / folder).rglob("*"))
        return [each.relative_to(self._root).as_posix() for each in found if each.is_file()]


class Bucket:
    """``Shelf`` in an object store: its moves are copies, each of which appears as a whole."""

    def __init__(self, system: Any, root: str) -> None:
        self._system = system
        self._root = root.rstrip("/")

    def open(self, name: str) -> BinaryIO:
        path = self._path(name)
        self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        return cast(BinaryIO, self._system.open(path, "wb"))

    def close(self, file: BinaryIO) -> None:
        file.close()

    def read(self, name: str) -> BinaryIO:
        return cast(BinaryIO, self._system.open(self._path(name), "rb"))

    def move(self, name: str, other: str) -> None:
        target = self._path(other)
        self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._system.cp_file(self._path(name), target)
        self._system.rm_file(self._path(name))

    def remove(self, name: str) -> None:
        self._system.rm_file(self._path(name))

    def names(self, folder: str = "") -> Sequence[str]:
        self._system.invalidate_cache()
        top = self._path(folder) if folder else self._root
        length = len(self._system._strip_protocol(self._root)) + 1
        return [str(each)[length:] for each in sorted(self._system.find(top))]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def shelf(target: str) -> tuple[str, Shelf]:
    """The shelf of a folder or URL, and what the target is called from wherever it is used next.

    ShelfError where nothing knows such a URL, or its package is missing.
    """
    scheme, separator, rest = target.partition("://")
    if not separator or scheme == "file":
        root = Path(rest if separator else target).absolute()
        if root.exists() and not root.is_dir():
            raise ShelfError(f"{root} is no folder")
        return str(root), Folder(root)
    try:
        import fsspec
    except ImportError as error:
        raise ShelfError(f"{scheme}:// needs fsspec: {_INSTALL}") from error
    try:
        system, root_path = fsspec.core.url_to_fs(target)
    except (ImportError, ValueError) as error:
        raise ShelfError(f"{scheme}:// cannot be used: {error}") from error
    return target.rstrip("/"), Bucket(system, root_path)


_INSTALL = "pip install 'track-middleware[parquet]'"


def load(shelf: Shelf, name: str) -> bytes | None:
    """The content of a file; None where it is not there."""
    try:
        with shelf.read(name) as file:
            return file.read()
    except FileNotFoundError:
        return None


def save(shelf: Shelf, name: str, content: bytes) -> None:
    """Puts a whole content under a name: a kill leaves the former one or this."""
    folder, _, last = name.rpartition("/")
    beside = f"{folder}/{HIDDEN}{last}"
    file = shelf.open(beside)
    file.write(content)
    shelf.close(file)
    shelf.move(beside, name)


@contextmanager
def told(target: str) -> Iterator[None]:
    """What a folder or an object store refuses is a ShelfError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ShelfError(f"{target}: {reason}") from error
