"""``subject split``: a visitor was taken for a user by mistake, and is not from now on."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing

from ..delivery.store.whole import Store
from .place import FINDING, WELL, Place, say


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``subject split`` takes."""
    parser.add_argument("visitor", metavar="VISITOR", help="whom subject show names")
    parser.add_argument("user", metavar="USER", help="whom that visitor is not")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--back", action="store_true", help="they are one after all")
    how.add_argument(
        "--all", action="store_true",
        help="also for events that are kept already: what is behind, and replays; a vendor that "
        "has one of them counts it again",
    )  # fmt: skip


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Undoes a merge for what is delivered from now on, or takes that back; 1 where the journal
    knows of no such merge."""
    store = where.ledger()
    done = False
    if store is not None:
        with closing(store):
            done = _done(store, arguments)
    if not done:
        word = "undone" if arguments.back else "known"
        print(f"no {word} merge of {arguments.visitor} and {arguments.user}", file=sys.stderr)
        return FINDING
    told = {"visitor": arguments.visitor, "user": arguments.user, "undone": not arguments.back}
    line = "are one again" if arguments.back else "are two from now on"
    say(told, [f"{arguments.visitor} and {arguments.user} {line}"], as_json=arguments.json)
    return WELL


def _done(store: Store, arguments: argparse.Namespace) -> bool:
    if arguments.back:
        return store.merges.redo(arguments.visitor, arguments.user)
    after = 0 if arguments.all else store.end()
    return store.merges.undo(arguments.visitor, arguments.user, after=after, at=time.time())
