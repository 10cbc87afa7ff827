"""The verb ``export``: the log as Parquet files by day and hour, in a folder or object store."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ..delivery import exports
from ..delivery.store.whole import Store
from ..delivery.tombstones import Tombstones
from ..event import iso
from ..history.rewriting import Rewritten, answered, rewritten
from ..history.shelf import Shelf, shelf, told
from ..history.warehouse import Choice, Export, State, choice, mark
from .place import FINDING, WELL, WRONG_CALL, Place, say
from .progress import Bar

_DAY = 86400.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of ``export``."""
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument(
        "--parquet", metavar="TARGET", required=True,
        help="a folder, or a URL such as s3://bucket/events",
    )  # fmt: skip
    for name, what in (
        ("events", "only these, for example Order*,Signup"),
        ("properties", "of properties and traits only these"),
        ("without", "all of an event but these, for example email,context.ip"),
    ):
        parser.add_argument(f"--{name}", metavar="NAMES", help=what)
    parser.add_argument(
        "--purpose", choices=("analytics", "marketing"), help="only what was granted for it"
    )
    parser.add_argument("--bots", action="store_true", help="bots' events too")
    parser.add_argument(
        "--rewrite", action="store_true", help="writes files anew that hold erased persons"
    )
    parser.add_argument("--dry-run", action="store_true", help="with --rewrite: only names them")


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Exports what the log has and the files have not, or takes erased persons out of the files."""
    if arguments.dry_run and not arguments.rewrite:
        print("--dry-run goes with --rewrite", file=sys.stderr)
        return WRONG_CALL
    chosen = choice(_options(arguments), where.settings.unstored)
    target, there = shelf(arguments.parquet)
    store = where.ledger() if arguments.rewrite else where.store()
    if store is None:
        print(f"there is no store yet at {where.store_name}", file=sys.stderr)
        return FINDING
    with closing(store), exports.held(where.data_dir, target), told(exports.shown(target)):
        if arguments.rewrite:
            return _rewritten(arguments, where, store, there, target)
        return _exported(arguments, where, store, there, chosen)


def _options(arguments: argparse.Namespace) -> dict[str, str]:
    given = {name: getattr(arguments, name) for name in ("events", "properties", "without")}
    given |= {"purpose": arguments.purpose, "bots": "1" if arguments.bots else None}
    return {name: value for name, value in given.items() if value is not None}


def _exported(
    arguments: argparse.Namespace, where: Place, store: Store, there: Shelf, chosen: Choice
) -> int:
    graves = Tombstones(store.persons, where.data_dir)
    export = Export(store, there, chosen, graves=graves, now=time.time)
    first = state = export.begun()
    warnings = list(_warnings(store, where, first))
    bar, files = Bar("positions of the log", store.end(), begin=first.position), 0
    for state in export.run(first):
        files += len(state.files)
        bar.at(state.position)
    bar.end(state.position)
    events, left_out = state.events - first.events, state.left_out - first.left_out
    if left_out:
        warnings.append(f"{left_out} events were left out: their times cannot be kept")
    lines = [f"{events} events in {files} files; {state.events} since the beginning"]
    lines += [f"warning: {each}" for each in warnings]
    value = {
        "events": events, "files": files, "leftOut": left_out, "position": state.position,
        "acceptedUntil": iso(state.at) if state.at else None, "total": state.events,
        "warnings": warnings,
    }  # fmt: skip
    say(value, lines, as_json=arguments.json)
    return WELL


def _warnings(store: Store, where: Place, before: State) -> Iterator[str]:
    """What a target that nobody exported to for longer than events are kept has missed."""
    oldest = store.read(0, 1)
    kept = where.settings.keep_days
    if not before.at or time.time() - before.at < kept * _DAY:
        return
    if not oldest or oldest[0].position > before.position + 1:
        yield f"the last export was more than keep_days ({kept}) ago: events may be missing"


def _rewritten(
    arguments: argparse.Namespace, where: Place, store: Store, there: Shelf, target: str
) -> int:
    began = time.time()
    graves = Tombstones(store.persons, where.data_dir)
    found: list[Rewritten] = []
    bar, looked = Bar("files", None), 0
    files = rewritten(there, mark(store.identity()), graves=graves, dry=arguments.dry_run)
    for each in files:
        looked += 1
        bar.at(looked)
        if each.gone:
            found.append(each)
    bar.end(looked)
    if not arguments.dry_run:
        answered(store.persons, exports.system(target), began=began, now=time.time())
    say(_told(found, looked), _lines(found, looked, arguments.dry_run), as_json=arguments.json)
    return FINDING if found and arguments.dry_run else WELL


def _told(found: list[Rewritten], looked: int) -> dict[str, Any]:
    files = [{"file": each.name, "rows": each.rows, "gone": each.gone} for each in found]
    return {"looked": looked, "files": files}


def _lines(found: list[Rewritten], looked: int, is_dry: bool) -> Iterator[str]:
    for each in found:
        yield f"{each.name}: {each.gone} of {each.rows} rows"
    verb = "hold erased persons" if is_dry else "were written anew"
    yield f"{len(found)} of {looked} files {verb}"
