"""The verb ``sql``: a ready-made question to the events table, in an engine's SQL."""

from __future__ import annotations

import argparse
import re

from ..history.questions import ENGINES, PERIODS, QUESTIONS, Asked, sql
from .place import WELL, Place, globs, say

_LENGTH = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of ``sql``."""
    asks = "; ".join(f"{name}: {meaning}" for name, meaning in QUESTIONS.items())
    parser.add_argument("question", choices=[*QUESTIONS], help=asks)
    parser.add_argument("--engine", choices=[*ENGINES], required=True, help="whose SQL")
    parser.add_argument(
        "--from", dest="source", metavar="TABLE",
        help="the table; for duckdb the folder of the Parquet files (track_events)",
    )  # fmt: skip
    parser.add_argument("--time-zone", metavar="ZONE", help="whose midnight ends a day (UTC)")
    parser.add_argument(
        "--steps", type=globs, metavar="NAMES", help='funnel: "Product Viewed,Order Completed"'
    )
    parser.add_argument(
        "--within", type=_length, metavar="TIME", help="funnel: all steps within (7d)"
    )
    parser.add_argument("--every", choices=[*PERIODS], help="retention: its period (day)")
    parser.add_argument(
        "--conversion", metavar="NAME", help="attribution: the event (Order Completed)"
    )
    parser.add_argument(
        "--value", metavar="PROPERTY", help="attribution: its property that is summed (revenue)"
    )
    parser.add_argument(
        "--lookback", type=_length, metavar="TIME", help="attribution: sessions of so long (30d)"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Prints the SQL; it asks nobody."""
    names = ("source", "steps", "within", "every", "conversion", "value", "lookback")
    given = {name: getattr(arguments, name) for name in names}
    given["zone"] = arguments.time_zone or where.settings.time_zone
    asked = Asked(**{name: value for name, value in given.items() if value is not None})
    text = sql(arguments.question, arguments.engine, asked)
    say({"sql": text}, text.splitlines(), as_json=arguments.json)
    return WELL


def _length(text: str) -> float:
    found = _LENGTH.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time: write 30m, 12h, 7d")
    return float(found[1]) * _SECONDS[found[2]]
