"""The verb ``dead``: what a destination, the door or the plan refused for good."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import msgspec

from ..delivery.store import DeadLetter
from ..delivery.store.letters import Choice
from ..delivery.store.whole import Store
from ..destinations import registry
from ..event import iso
from ..history import letters
from .place import FINDING, WELL, WRONG_CALL, Place, say

STAGES = ("destination", "door", "plan")


def listed(arguments: argparse.Namespace, where: Place) -> int:
    """Prints the newest dead letters of a choice."""
    if not where.data_dir.exists() and where.stranger:
        print(where.stranger, file=sys.stderr)
        return FINDING
    store = where.store()
    found: Sequence[DeadLetter] = ()
    if store is not None:
        with closing(store):
            found = store.letters.chosen(_choice(arguments), limit=arguments.limit)
            if not found and arguments.destination is not None:
                names = {job.destination for job in store.jobs()}
                names |= {route.name for route in registry.routes(where.settings.destinations)}
                if arguments.destination not in names:
                    return _no_destination(arguments.destination, names)
    lines = [
        f"{each.id:>6}  {iso(each.time)}  {each.stage}  {each.destination or '-'}  "
        f"{each.label}  {each.reason}"
        for each in found
    ]
    say([_facts(each) for each in found], lines or ["no dead letters"], as_json=arguments.json)
    return WELL


def shown(arguments: argparse.Namespace, where: Place) -> int:
    """Prints one dead letter whole."""
    store = where.store()
    if store is not None:
        with closing(store):
            for each in store.letters.chosen(Choice(ids=[arguments.id]), limit=1):
                facts = {**_facts(each), "body": _body(each.body)}
                text = msgspec.json.format(msgspec.json.encode(facts)).decode()
                say(facts, text.split("\n"), as_json=arguments.json)
                return WELL
    return _unknown([arguments.id])


def replayed(arguments: argparse.Namespace, where: Place) -> int:
    """Puts the events of letters back into their destinations' queues, with ids and times kept."""
    store = where.ledger()
    if store is None:
        return _unknown(arguments.ids) if arguments.ids else _tell_replayed(arguments, 0, {})
    with closing(store):
        if missing := _missing(arguments, store):
            return _unknown(missing)
        said = letters.replay(store, _choice(arguments), where.settings, where.data_dir)
        return _tell_replayed(arguments, *said)


def dropped(arguments: argparse.Namespace, where: Place) -> int:
    """Deletes letters, once somebody says yes."""
    store = where.ledger()
    if store is None:
        return _unknown(arguments.ids) if arguments.ids else _tell_dropped(arguments, 0)
    with closing(store):
        if missing := _missing(arguments, store):
            return _unknown(missing)
        ids = [each.id for piece in letters.pieces(store, _choice(arguments)) for each in piece]
        if ids and not arguments.yes and not _agreed(len(ids)):
            return WRONG_CALL
        return _tell_dropped(arguments, letters.drop(store, ids))


def _choice(arguments: argparse.Namespace) -> Choice:
    return Choice(
        stage=arguments.stage,
        destination=arguments.destination,
        reason=arguments.reason,
        labels=arguments.event,
        since=arguments.since,
        until=arguments.until,
        ids=getattr(arguments, "ids", None) or None,
    )


def _missing(arguments: argparse.Namespace, store: Store) -> list[int]:
    asked = set(arguments.ids)
    there = {e.id for piece in letters.pieces(store, Choice(ids=arguments.ids)) for e in piece}
    return sorted(asked - there)


def _agreed(number: int) -> bool:
    if not sys.stdin.isatty():
        print(f"--yes says that {number} letters shall be deleted", file=sys.stderr)
        return False
    return input(f"Delete {number} dead letters? [y/N] ").strip().lower() in ("y", "yes")


def _unknown(ids: Sequence[int]) -> int:
    print(f"there is no dead letter {', '.join(map(str, ids))}", file=sys.stderr)
    return WRONG_CALL


def _no_destination(name: str, known: set[str]) -> int:
    there = ", ".join(sorted(known)) or "none"
    print(f"there is no destination {name!r}; there are: {there}", file=sys.stderr)
    return WRONG_CALL


def _tell_replayed(arguments: argparse.Namespace, count: int, left: dict[int, str]) -> int:
    facts = {
        "replayed": count,
        "left": [{"id": number, "why": why} for number, why in sorted(left.items())],
    }
    lines = [f"{count} wait for their destinations again"]
    lines += [f"{number:>6}  stays: {why}" for number, why in sorted(left.items())]
    say(facts, lines, as_json=arguments.json)
    return FINDING if left else WELL


def _tell_dropped(arguments: argparse.Namespace, count: int) -> int:
    say({"dropped": count}, (f"{count} deleted",), as_json=arguments.json)
    return WELL


def _facts(each: DeadLetter) -> dict[str, Any]:
    return {
        "id": each.id,
        "stage": each.stage,
        "destination": each.destination,
        "event": each.label,
        "messageId": each.event_id,
        "time": iso(each.time),
        "reason": each.reason,
    }


def _body(body: bytes) -> Any:
    """JSON as it is; anything else, as the door may have got it, as text."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return body.decode("utf-8", "replace")
