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
from . import arguments as options
from . import (
    backfill,
    demo,
    export,
    importing,
    migrating,
    place,
    plan,
    questions,
    reconcile,
    replay,
    state,
    tail,
)  # fmt: skip
from . import outbox as claimed
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
    outbox: Origin = NO_OUTBOX,
    models: Models | None = None,
    prog: str = "track-middleware",
) -> int:
    """Runs one verb; its exit status.

    ``given`` and ``defaults`` are a face's settings, as ``wiring.build`` takes them, ``outbox``
    says where its outbox is found, ``models`` finds a model of its own; without them
    ``--data-dir`` names the folder whose ``settings.json`` counts, else the ``TRACK_*`` variables.
    """
    parser = _parser(prog)
    try:
        arguments = parser.parse_args(["--help"] if list(argv) in ([], ["help"]) else argv)
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


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Page views and key metrics, kept.")
    parser.add_argument("--data-dir", type=Path, help="the app's data folder")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, meaning, arguments, verb in VERBS:
        own = verbs.add_parser(name, help=meaning, description=meaning)
        own.add_argument(
            "--data-dir", type=Path, default=argparse.SUPPRESS, help="the app's data folder"
        )
        arguments(own)
        own.set_defaults(verb=verb)
    return parser


def _worker(arguments: argparse.Namespace, where: Place) -> int:
    from ..delivery import command, logs

    if arguments.log_level:
        logs.to_stderr(arguments.log_level, arguments.log_format)
    place.hand_over(where)
    status = command.work(
        where.data_dir,
        once=arguments.once,
        wait=arguments.wait,
        parent_fd=arguments.parent_fd,
    )
    if arguments.json and arguments.once and status == WELL:
        state.status(arguments, where)
    return status


VERBS: tuple[Row, ...] = (
    ("demo", "a tracked shop in your browser, its events in this terminal", options.demo,
     lambda given, _: demo.run(
         given.port, builtin=given.builtin, alone=given.alone, as_json=given.json)),
    ("init", "makes the data folder and the store's schema", options.as_json, state.init),
    ("status", "what waits, what is delivered, what was not kept", options.as_json, state.status),
    ("tail", "one line for each event as it reaches the store", options.tail, tail.run),
    ("worker", "drains the spool and delivers", options.worker, _worker),
    ("path", "the path under which the browser finds us", options.as_json, state.path),
    ("replay", "sends a part of the log to a destination again", options.replay, replay.run),
    ("import", "access logs and other tools' exports, as events", importing.arguments,
     importing.run),
    ("export", "the log as Parquet files by day and hour", export.arguments, export.run),
    ("sql", "ready-made questions to the events table", questions.arguments, questions.run),
    ("dead", "what was refused for good", options.dead,
     lambda arguments, where: arguments.way(arguments, where)),
    ("backfill", "events of rows that lie in a database or a file", backfill.arguments,
     backfill.run),
    ("reconcile", "a key metric's events against the rows that they tell of", reconcile.arguments,
     reconcile.run),
    ("migrate", "moves the store of a live installation to another engine", migrating.arguments,
     migrating.run),
    ("subject", "what is kept of one person", options.subject,
     lambda arguments, where: arguments.way(arguments, where)),
    ("plan", "the tracking plan", plan.arguments, plan.run),
    ("outbox", "what another host has claimed in the app's outbox and left", options.outbox,
     claimed.run),
    ("metrics", "the numbers of status as Prometheus reads them", options.as_json, state.metrics),
    ("doctor", "what is wrong in this set-up", options.doctor, state.examine),
)  # fmt: skip
