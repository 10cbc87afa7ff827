"""``plan``: the tracking plan's ways, one row each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from . import plan_check, plan_cost, plan_drift, plan_import, plan_repair, plan_types
from .place import Place

#: A way of ``plan``: what it does, its own arguments, its function.
Way = tuple[str, Callable[[argparse.ArgumentParser], object], Callable[..., int]]

WAYS: dict[str, Way] = {
    "import": (
        "another tool's plan as one of ours", plan_import.arguments, plan_import.run,
    ),
    "check": (
        "what the code sends against the plan", plan_check.arguments, plan_check.run,
    ),
    "types": (
        "one typed, documented function per event", plan_types.arguments, plan_types.run,
    ),
    "cost": ("what each event costs, and what would halve it", plan_cost.arguments, plan_cost.run),
    "drift": (
        "where platforms have drifted apart", plan_drift.arguments, plan_drift.run,
    ),
    "repair": (
        "what repairs would make of events", plan_repair.arguments, plan_repair.run,
    ),
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of ``plan`` and its ways."""
    ways = parser.add_subparsers(metavar="|".join(WAYS), required=True)
    for name, (meaning, own, function) in WAYS.items():
        way = ways.add_parser(name, help=meaning, description=meaning)
        way.add_argument("--json", action="store_true", help="JSON instead of text")
        way.add_argument(
            "--data-dir", type=Path, default=argparse.SUPPRESS, help="the app's data folder"
        )
        own(way)
        way.set_defaults(way=function)


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Goes the way that was named."""
    status: int = arguments.way(arguments, where)
    return status
