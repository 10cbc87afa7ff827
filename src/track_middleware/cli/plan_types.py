"""``plan types``: typed calls of a tracking plan, as source code for one language."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from ..errors import PlanError
from ..plan.model import Plan
from ..plan.types import kotlin, python, swift, typescript
from ..settings import PLATFORMS
from . import plan_file
from .place import WELL, Place

#: Language -> the platform whose events it sends unless somebody says otherwise.
LANGUAGES = {"python": "server", "typescript": "web", "swift": "ios", "kotlin": "android"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of ``plan types``."""
    which = parser.add_mutually_exclusive_group(required=True)
    for name, platform in LANGUAGES.items():
        which.add_argument(
            f"--{name}", dest="language", action="store_const", const=name,
            help=f"for the platform {platform}",
        )  # fmt: skip
    parser.add_argument(
        "--platform", choices=(*PLATFORMS, "all"), help="the events that this one may send"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="else they are printed")
    plan_file.argument(parser)


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Writes the file, or prints it."""
    _, plan = plan_file.found(arguments.plan, where)
    platform = arguments.platform or LANGUAGES[arguments.language]
    source = _written(
        plan,
        arguments.language,
        platform=None if platform == "all" else platform,
        name=where.settings.client_global,
    )
    if arguments.output is not None:
        _write(arguments.output, source)
    told = {"language": arguments.language, "platform": platform}
    if arguments.json:
        rest = {"source": source} if arguments.output is None else {"file": str(arguments.output)}
        print(msgspec.json.encode({**told, **rest}).decode())
    elif arguments.output is None:
        sys.stdout.write(source)
    return WELL


def _written(plan: Plan, language: str, *, platform: str | None, name: str) -> str:
    match language:
        case "python":
            return python.written(plan, platform=platform)
        case "typescript":
            return typescript.written(plan, platform=platform, name=name)
        case "swift":
            return swift.written(plan, platform=platform)
    return kotlin.written(plan, platform=platform)


def _write(file: Path, source: str) -> None:
    """A whole file or none; one that is there is overwritten."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(source, encoding="utf-8", newline="\n")
        beside.replace(file)
    except OSError as error:
        if beside.exists():
            beside.unlink()
        raise PlanError(f"{file}: it cannot be written: {error.strerror}") from error
