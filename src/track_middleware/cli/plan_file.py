"""Which tracking plan the verbs on source code mean."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from ..errors import PlanError
from ..plan.load import load
from ..plan.model import Plan
from .place import Place

#: What is looked for in the working directory where nobody names a plan.
USUAL = ("tracking_plan.py", "tracking_plan.yaml", "tracking_plan.yml", "tracking_plan.json")


def argument(parser: argparse.ArgumentParser) -> None:
    """The plan's file as an argument."""
    parser.add_argument(
        "--plan", metavar="FILE", help=f"else the setting plan, else {USUAL[0]}, .yaml or .json"
    )


def found(given: str | None, where: Place) -> tuple[str, Plan]:
    """Where the plan is, and the plan; PlanError when there is none, or it is none."""
    named = given or where.settings.plan
    usual = next((name for name in USUAL if Path(name).is_file()), None)
    if named is None and usual is None:
        raise PlanError(f"there is no plan: name one with --plan, or write {USUAL[0]}")
    path = named or str(usual)
    return path, load(path)


def line_of(text: str, label: str) -> int:
    """The line of a plan's file at which an event stands; 1 where it cannot be told."""
    words = re.escape(label)
    joined = re.escape("".join(word[:1].upper() + word[1:] for word in label.split()))
    pattern = re.compile(rf"""^\s*class {joined}\b|["']{words}["']|^\s*{words}\s*:""", re.MULTILINE)
    match = pattern.search(text)
    return text.count("\n", 0, match.end()) + 1 if match else 1
