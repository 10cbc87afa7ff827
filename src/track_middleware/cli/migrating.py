"""``migrate --to``: the store of a live installation goes to another engine."""

from __future__ import annotations

import argparse
from contextlib import closing

from ..delivery.store import opening
from ..errors import StoreError
from ..history import moving
from .place import FINDING, WELL, Place, say
from .progress import Bar


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``migrate`` takes."""
    parser.add_argument(
        "--to",
        metavar="URL",
        required=True,
        help="where it goes: postgresql://…, or a broker",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Moves the store; StoreError where there is none, or it cannot be moved. Until it is over the
    worker rests, and the site's processes go on writing to the spool."""
    store = where.store()
    if store is None:
        raise StoreError(
            f"there is no store yet at {where.store_name}; set store to the new URL instead"
        )
    with closing(store):
        bar = Bar("events", store.end())
    events = moving.move(
        where.settings.store,
        where.data_dir,
        arguments.to,
        progress=bar.at,
        keep_days=where.settings.keep_days,
    )
    bar.end(events)
    shown = opening.shown(arguments.to, where.data_dir)
    lines = (
        f"moved        {events:,} events, and all that is known of them, to {shown}",
        "now          set store to the new URL; until then a note in the data folder names it",
    )
    say({"events": events, "store": shown}, lines, as_json=arguments.json)
    there = opening.to_read(arguments.to, where.data_dir)
    if there is None:
        return FINDING
    there.close()
    return WELL
