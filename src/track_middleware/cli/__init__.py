"""The command line: one table of verbs, the same for every face.

Exit status: 0 is well, 1 a finding, 2 a wrong call. No framework is imported here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import TrackError
from . import demo, letters, place, state, tail
from .place import Place

WELL, FINDING, WRONG_CALL = place.WELL, place.FINDING, place.WRONG_CALL

#: What a face found wrong in its own framework: (id, message) pairs, asked for by ``doctor``.
Checks = Callable[[], Sequence[tuple[str, str]]]

Verb = Callable[[argparse.Namespace, Place], int]

#: Name of a verb, what it does, its own arguments, its function.
Row = tuple[str, str, Callable[[argparse.ArgumentParser], object], Verb]


def main(argv: Sequence[str] | None = None) -> int:
    """The verbs with the settings of a data folder or of ``TRACK_*`` variables."""
    return run(sys.argv[1:] if argv is None else argv)


def run(
    argv: Sequence[str],
    *,
    given: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    checks: Checks = tuple,
    prog: str = "track-middleware",
) -> int:
    """Runs one verb; its exit status.

    ``given`` and ``defaults`` are a face's settings, as ``wiring.build`` takes them; without them
    ``--data-dir`` names the folder whose ``settings.json`` counts, else the ``TRACK_*`` variables.
    """
    parser = _parser(prog)
    try:
        arguments = parser.parse_args(["--help"] if list(argv) in ([], ["help"]) else argv)
    except SystemExit as leaving:  # argparse has said what is wrong
        return leaving.code if isinstance(leaving.code, int) else WRONG_CALL
    try:
        found = place.found(arguments.data_dir, given=given, defaults=defaults, checks=checks)
        status: int = arguments.verb(arguments, found)
    except TrackError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return WRONG_CALL
    except KeyboardInterrupt:
        return WELL
    except BrokenPipeError:  # what read our output has gone: tail | head
        sys.stderr.close()
        return WELL
    return status


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Page views and key metrics, kept.")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, meaning, arguments, verb in VERBS:
        own = verbs.add_parser(name, help=meaning, description=meaning)
        own.add_argument("--data-dir", type=Path, help="the app's data folder")
        arguments(own)
        own.set_defaults(verb=verb)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def _tail_arguments(parser: argparse.ArgumentParser) -> None:
    _json(parser)
    parser.add_argument("--last", type=int, default=0, metavar="N", help="begin N events back")
    parser.add_argument("--once", action="store_true", help="do not wait for further events")


def _worker_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="deliver what is there and end")
    parser.add_argument("--wait", action="store_true", help="wait for the folder's first event")
    parser.add_argument("--parent-fd", type=int, help=argparse.SUPPRESS)


def _dead_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(metavar="list|show", required=True)
    listing = ways.add_parser("list", help="the newest dead letters")
    listing.add_argument("--stage", choices=letters.STAGES, help="only what was refused there")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many")
    listing.set_defaults(way=letters.listed)
    showing = ways.add_parser("show", help="one dead letter with its event")
    showing.add_argument("id", type=int)
    showing.set_defaults(way=letters.shown)
    for each in (listing, showing):
        _json(each)
        each.add_argument(
            "--data-dir", type=Path, default=argparse.SUPPRESS, help="the app's data folder"
        )


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="instead of 8000 or a free one")
    parser.add_argument(
        "--builtin", action="store_true", help="the small built-in site, also in a checkout"
    )


def _worker(arguments: argparse.Namespace, where: Place) -> int:
    from ..delivery import command

    return command.work(
        where.data_dir,
        once=arguments.once,
        wait=arguments.wait,
        parent_fd=arguments.parent_fd,
    )


VERBS: tuple[Row, ...] = (
    ("demo", "a tracked shop in your browser, its events in this terminal", _demo_arguments,
     lambda arguments, _: demo.run(arguments.port, builtin=arguments.builtin)),
    ("init", "makes the data folder and the store's schema", _json, state.init),
    ("status", "what waits, what is delivered, what was not kept", _json, state.status),
    ("tail", "one line for each event as it reaches the store", _tail_arguments, tail.run),
    ("worker", "drains the spool and delivers", _worker_arguments, _worker),
    ("path", "the path under which the browser finds us", _json, state.path),
    ("dead", "what was refused for good", _dead_arguments,
     lambda arguments, where: arguments.way(arguments, where)),
    ("doctor", "what is wrong in this set-up", _json, state.examine),
)  # fmt: skip
