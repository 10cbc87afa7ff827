"""The command line: one table of verbs, the same for every face.

Exit status: 0 is well, 1 a finding, 2 a wrong call. No framework is imported here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..delivery.handover import NO_OUTBOX, Origin
from ..errors import TrackError
from ..history.source import Models
from . import place
from .verbs import VERBS

WELL, FINDING, WRONG_CALL = place.WELL, place.FINDING, place.WRONG_CALL

#: What a face found wrong in its own framework: (id, message) pairs, asked for by ``doctor``.
Checks = Callable[[], Sequence[tuple[str, str]]]


def main(argv: Sequence[str] | None = None) -> int:
    """The verbs with the settings of a data folder or of ``TRACK_*`` variables."""
    return run(sys.argv[1:] if argv is None else argv)


def run(
    argv: Sequence[str],
    *,
    given: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    checks: Checks = tuple,
    outbox: Origin = NO_OUTBOX,
    models: Models | None = None,
    prog: str = "track-middleware",
) -> int:
    """Runs one verb; its exit status.

    ``given`` and ``defaults`` are a face's settings, as ``wiring.build`` takes them, ``outbox``
    says where its outbox is found, ``models`` finds a model of its own; without them
    ``--data-dir`` names the folder whose ``settings.json`` counts, else the ``TRACK_*`` variables.
    """
    try:
        arguments = _parser(prog, argv).parse_args(
            ["--help"] if list(argv) in ([], ["help"]) else argv
        )
    except SystemExit as leaving:  # argparse has said what is wrong
        return leaving.code if isinstance(leaving.code, int) else WRONG_CALL
    try:
        found = place.found(
            arguments.data_dir, given=given, defaults=defaults, checks=checks, outbox=outbox
        )
        status: int = arguments.verb(arguments, replace(found, models=models))
    except TrackError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return WRONG_CALL
    except KeyboardInterrupt:
        return WELL
    except BrokenPipeError:  # what read our output has gone: tail | head
        sys.stderr.close()
        return WELL
    return status


def _parser(prog: str, argv: Sequence[str]) -> argparse.ArgumentParser:
    """Knows every verb by its name, and the arguments of those that are named in ``argv``: what
    the others would import is never read."""
    parser = argparse.ArgumentParser(prog=prog, description="Page views and key metrics, kept.")
    parser.add_argument("--data-dir", type=Path, help="the app's data folder")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, meaning, load in VERBS:
        own = verbs.add_parser(name, help=meaning, description=meaning)
        own.add_argument(
            "--data-dir", type=Path, default=argparse.SUPPRESS, help="the app's data folder"
        )
        if name in argv:
            arguments, verb = load()
            arguments(own)
            own.set_defaults(verb=verb)
    return parser
