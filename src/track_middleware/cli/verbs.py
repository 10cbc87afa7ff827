"""The verbs by name: what each does, and where its arguments and its function are found.

A verb's module is imported when the verb is asked for, so that a worker starts without the others.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from . import arguments as options
from .place import WELL, Place, hand_over

Run = Callable[[Namespace, Place], int]

#: Adds a verb's own arguments to its parser.
Arguments = Callable[[ArgumentParser], object]

#: Name of a verb, what it does, and what imports its arguments and its function.
Row = tuple[str, str, Callable[[], tuple[Arguments, Run]]]


def _demo() -> tuple[Arguments, Run]:
    from . import demo

    return options.demo, lambda given, _: demo.run(
        given.port, builtin=given.builtin, alone=given.alone, as_json=given.json
    )


def _worker() -> tuple[Arguments, Run]:
    return options.worker, _work


def _work(arguments: Namespace, where: Place) -> int:
    from ..delivery import command, logs

    if arguments.log_level:
        logs.to_stderr(arguments.log_level, arguments.log_format)
    hand_over(where)
    status = command.work(
        where.data_dir,
        once=arguments.once,
        wait=arguments.wait,
        parent_fd=arguments.parent_fd,
    )
    if arguments.json and arguments.once and status == WELL:
        from . import state

        state.status(arguments, where)
    return status


def _way(arguments: Namespace, where: Place) -> int:
    """What a verb with ways of its own does: its parser says which."""
    status: int = arguments.way(arguments, where)
    return status


def _init() -> tuple[Arguments, Run]:
    from . import state

    return options.as_json, state.init


def _status() -> tuple[Arguments, Run]:
    from . import state

    return options.as_json, state.status


def _tail() -> tuple[Arguments, Run]:
    from . import tail

    return options.tail, tail.run


def _path() -> tuple[Arguments, Run]:
    from . import state

    return options.as_json, state.path


def _replay() -> tuple[Arguments, Run]:
    from . import replay

    return options.replay, replay.run


def _import() -> tuple[Arguments, Run]:
    from . import importing

    return importing.arguments, importing.run


def _export() -> tuple[Arguments, Run]:
    from . import export

    return export.arguments, export.run


def _sql() -> tuple[Arguments, Run]:
    from . import questions

    return questions.arguments, questions.run


def _backfill() -> tuple[Arguments, Run]:
    from . import backfill

    return backfill.arguments, backfill.run


def _reconcile() -> tuple[Arguments, Run]:
    from . import reconcile

    return reconcile.arguments, reconcile.run


def _migrate() -> tuple[Arguments, Run]:
    from . import migrating

    return migrating.arguments, migrating.run


def _plan() -> tuple[Arguments, Run]:
    from . import plan

    return plan.arguments, plan.run


def _outbox() -> tuple[Arguments, Run]:
    from . import outbox

    return options.outbox, outbox.run


def _metrics() -> tuple[Arguments, Run]:
    from . import state

    return options.as_json, state.metrics


def _doctor() -> tuple[Arguments, Run]:
    from . import state

    return options.doctor, state.examine


VERBS: tuple[Row, ...] = (
    ("demo", "a tracked shop in your browser, its events in this terminal", _demo),
    ("init", "makes the data folder and the store's schema", _init),
    ("status", "what waits, what is delivered, what was not kept", _status),
    ("tail", "one line for each event as it reaches the store", _tail),
    ("worker", "drains the spool and delivers", _worker),
    ("path", "the path under which the browser finds us", _path),
    ("replay", "sends a part of the log to a destination again", _replay),
    ("import", "access logs and other tools' exports, as events", _import),
    ("export", "the log as Parquet files by day and hour", _export),
    ("sql", "ready-made questions to the events table", _sql),
    ("dead", "what was refused for good", lambda: (options.dead, _way)),
    ("backfill", "events of rows that lie in a database or a file", _backfill),
    ("reconcile", "a key metric's events against the rows that they tell of", _reconcile),
    ("migrate", "moves the store of a live installation to another engine", _migrate),
    ("subject", "what is kept of one person", lambda: (options.subject, _way)),
    ("plan", "the tracking plan", _plan),
    ("outbox", "what another host has claimed in the app's outbox and left", _outbox),
    ("metrics", "the numbers of status as Prometheus reads them", _metrics),
    ("doctor", "what is wrong in this set-up", _doctor),
)
