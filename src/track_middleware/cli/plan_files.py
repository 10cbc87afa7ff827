"""The source files of a project: which are read, and what is told of those that cannot be."""

from __future__ import annotations

import io
import os
import re
import stat
import tokenize
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePath

from ..errors import PlanError
from ..plan.code.languages import language

#: Larger files are told and skipped: bundles and data, which nobody wrote by hand.
LARGEST = 2**20

#: Folders that hold others' code, or what was built of one's own.
OTHERS = frozenset((
    "node_modules", "site-packages", "__pycache__", "bower_components", "vendor", "dist", "build",
    "DerivedData", "Pods", "venv", "env", "target",
))  # fmt: skip

#: What is tested is not what is sent.
TESTS = (
    "test/**", "tests/**", "**/test/**", "**/tests/**", "**/__tests__/**", "test_*.py",
    "*_test.py", "conftest.py", "*.test.*", "*.spec.*", "**/androidTest/**", "*Tests.swift",
)  # fmt: skip


class Skipped(Exception):
    """A file that is not read, and why."""


def files(paths: Sequence[str], *, excluded: Collection[str]) -> Iterator[Path]:
    """The files of a known language at or below paths, each once, in their order; hidden folders
    and ``OTHERS`` are passed over, links to folders are not followed. PlanError for a path that is
    not there."""
    known = set[Path]()
    patterns = [pattern(each) for each in excluded]
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise PlanError(f"{name}: there is no such file or folder")
        for file in _below(path) if path.is_dir() else [path]:
            told = shown(file)
            if language(file.name) is None or any(each.fullmatch(told) for each in patterns):
                continue
            if file not in known:
                known.add(file)
                yield file


def _below(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in OTHERS
            and not os.path.exists(os.path.join(at, name, "pyvenv.cfg"))
        )
        yield from (Path(at, name) for name in sorted(names))


def text_of(file: Path) -> str:
    """What a file says; Skipped when it is too large, no regular file, binary, or unreadable."""
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode):
            raise Skipped("it is no regular file")
        if about.st_size > LARGEST:
            raise Skipped(f"it is larger than {LARGEST // 2**20} MiB")
        raw = file.read_bytes()
    except OSError as error:
        raise Skipped(f"it cannot be read: {error.strerror}") from error
    if b"\0" in raw:
        raise Skipped("it is binary")
    try:
        encoding = _python(raw) if file.suffix == ".py" else "utf-8-sig"
        return raw.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise Skipped("it is not text in UTF-8, nor in the encoding that it names") from error


def _python(raw: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return encoding


def shown(file: PurePath) -> str:
    """A file's name as people and patterns write it: from the working directory on."""
    try:
        return Path(os.path.abspath(file)).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.as_posix()


def pattern(glob: str) -> re.Pattern[str]:
    """A glob as gitignore has it: ``**`` stands for any folders, a glob without ``/`` for a name
    in any folder, one that ends in ``/`` for all below."""
    if glob.endswith("/"):
        glob += "**"
    bare = glob.removeprefix("./")
    if "/" not in bare:
        bare = f"**/{bare}"
    made = ""
    for part in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", bare):
        made += _PARTS.get(part) or re.escape(part)
    return re.compile(made, re.DOTALL)


_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
