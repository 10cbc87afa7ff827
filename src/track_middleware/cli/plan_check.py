"""``plan check``: what a project's code sends, against its tracking plan, before it is merged."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..plan.code.findings import File, Finding, Level, findings
from ..plan.code.languages import language
from ..settings import PLATFORMS
from . import plan_file, plan_files
from .place import FINDING, WELL, Place, plain, say

LEVELS: tuple[Level, ...] = ("error", "warning", "notice")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of ``plan check``."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and folders; else this one, as a whole"
    )
    plan_file.argument(parser)
    parser.add_argument(
        "--platform", action="append", default=[], type=_platform, metavar="NAME=GLOB",
        help="whose files these are, for example web=frontend/** (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="files to pass over"
    )
    parser.add_argument("--tests", action="store_true", help="read tests, too")
    parser.add_argument(
        "--format", choices=("text", "github", "json"), default="text",
        help="github: annotations of a workflow",
    )  # fmt: skip


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Prints what is wrong; 1 when something is. A notice is nothing wrong."""
    path, plan = plan_file.found(arguments.plan, where)
    excluded = [*arguments.exclude, *(() if arguments.tests else plan_files.TESTS)]
    paths = arguments.paths or ["."]
    whole = all(Path(each).is_dir() for each in paths)
    name = where.settings.client_global
    read = list(_read(paths, excluded, arguments.platform, name, plan=path))
    files = [each for each in read if isinstance(each, File)]
    found = [each for each in read if isinstance(each, Finding)]
    found += _placed(findings(plan, files, whole=whole), path)
    _told(found, len(files), "json" if arguments.json else arguments.format)
    return FINDING if any(each.level != "notice" for each in found) else WELL


def _read(
    paths: Sequence[str],
    excluded: Sequence[str],
    platforms: Sequence[tuple[str, re.Pattern[str]]],
    name: str,
    *,
    plan: str,
) -> Iterator[File | Finding]:
    for file in plan_files.files(paths, excluded=excluded):
        kind, told = language(file.name), plan_files.shown(file)
        if kind is None or told == plan_files.shown(Path(plan)):
            continue
        try:
            source = kind.read(plan_files.text_of(file), name)
        except plan_files.Skipped as reason:
            yield Finding("notice", "skipped", f"this is not read: {reason}", told)
            continue
        platform = next((each for each, glob in platforms if glob.fullmatch(told)), None)
        yield File(told, kind, source, platform)


def _placed(found: Sequence[Finding], path: str) -> Iterator[Finding]:
    """Findings with what belongs to the plan placed in its file."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:  # the plan is a module
        text = ""
    for each in found:
        if each.path:
            yield each
            continue
        line = plan_file.line_of(text, each.event or "")
        told = plan_files.shown(Path(path)) if text else path
        yield Finding(each.level, each.code, each.message, told, line, event=each.event)


def _told(found: Sequence[Finding], files: int, how: str) -> None:
    counted = Counter(each.level for each in found)
    if how == "json":
        numbers: dict[str, Any] = {f"{level}s": counted[level] for level in LEVELS}
        say({"files": files, **numbers, "findings": [asdict(each) for each in found]}, (),
            as_json=True)  # fmt: skip
        return
    lines = map(_annotation if how == "github" else _line, found)
    say(None, lines, as_json=False)
    numbers_told = ", ".join(_number(counted[level], level) for level in LEVELS)
    print(f"{_number(files, 'file')}: {numbers_told}", file=sys.stderr)


def _line(found: Finding) -> str:
    where = f"{found.path}:{found.line}:{found.column}"
    return f"{where}: {found.level}: {found.message} [{found.code}]"


def _annotation(found: Finding) -> str:
    """A workflow command of GitHub's.

    (docs.github.com/actions/reference/workflow-commands-for-github-actions)
    """
    about = {
        "file": found.path, "line": found.line, "col": found.column, "title": f"plan {found.code}",
    }  # fmt: skip
    said = ",".join(f"{key}={_escaped(str(each), ':,')}" for key, each in about.items())
    return f"::{found.level} {said}::{_escaped(found.message)}"


def _escaped(text: str, further: str = "") -> str:
    """What a workflow command would take for its own signs, as it wants them written."""
    shown = "".join(
        f"%{ord(each):02X}" if each in "%\r\n" + further else each for each in text
    )  # fmt: skip
    return plain(shown)


def _number(count: int, of: str) -> str:
    return f"{count} {of}{'' if count == 1 else 's'}"


def _platform(text: str) -> tuple[str, re.Pattern[str]]:
    name, equals, glob = text.partition("=")
    if name not in PLATFORMS or not equals or not glob:
        names = ", ".join(PLATFORMS)
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=GLOB with one of {names}")
    return name, plan_files.pattern(glob)
