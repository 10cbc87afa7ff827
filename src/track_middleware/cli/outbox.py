"""The verb ``outbox``: events of the app's own database that another store claimed and left there.

A host that is killed for good between claiming rows and deleting them leaves them to its own next
worker, which will never come. Whether it had stored, or even sent, them only its store knows: so
nobody else takes them by himself, and somebody must say so.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from ..delivery import outbox
from ..delivery.outbox import Claim
from ..errors import SettingsError
from ..event import iso
from .place import FINDING, WELL, WRONG_CALL, Place, say

#: A worker that lives moves a row within seconds; what is older was probably left, in seconds.
LEFT = 600.0


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Lists what other stores have claimed; ``--free`` gives one's rows to whoever comes first.

    SettingsError where no app of an outbox is asked.
    """
    if where.outbox is None or not where.outbox.path:
        raise SettingsError(
            "outbox", "only the app itself knows its outbox: manage.py track outbox"
        )
    if arguments.free:
        return _free(arguments, where)
    found = claims(where)
    lines = list(told(found)) or ["nothing is left to another store"]
    say([facts(each) for each in found], lines, as_json=arguments.json)
    return FINDING if found else WELL


def claims(where: Place) -> Sequence[Claim]:
    """What stores other than this folder's have claimed a while ago; () without an outbox."""
    if where.outbox is None or not where.outbox.path or not where.settings.outbox:
        return ()
    store = where.store()
    own = ""
    if store is not None:
        with closing(store):
            own = store.identity()
    before = time.time() - LEFT
    with closing(outbox.source(where.outbox)) as source:
        return [each for each in source.claims() if each.owner != own and each.since < before]


def told(found: Sequence[Claim]) -> Iterator[str]:
    """A line for each claim."""
    for each in found:
        yield (
            f"outbox       {each.rows} rows of {each.place} are claimed by the store {each.owner}, "
            f"the oldest of {iso(each.since)}; if its host is gone: outbox --free {each.owner}"
        )


def _free(arguments: argparse.Namespace, where: Place) -> int:
    if arguments.free not in {each.owner for each in claims(where)}:
        print(f"no store {arguments.free!r} has left anything here", file=sys.stderr)
        return WRONG_CALL
    if not arguments.yes:
        print(
            "--yes says that its host is gone for good: what it had sent already is sent again, "
            "with the same ids",
            file=sys.stderr,
        )
        return WRONG_CALL
    assert where.outbox is not None
    with closing(outbox.source(where.outbox)) as source:
        number = source.free(arguments.free)
    say({"freed": number}, (f"{number} wait for a worker again",), as_json=arguments.json)
    return WELL


def facts(each: Claim) -> dict[str, Any]:
    """A claim as ``--json`` has it."""
    return {"owner": each.owner, "place": each.place, "rows": each.rows, "since": iso(each.since)}
