"""The verb ``dead``: what a destination, the door or the plan refused for good."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec

from ..delivery.batch import CANNOT_BE_STORED
from ..delivery.spool import Spool
from ..delivery.store import DeadLetter, Job
from ..delivery.store.claims import claimed
from ..delivery.store.letters import Choice
from ..delivery.store.whole import Store
from ..destinations import registry
from ..event import decode_entry, iso
from .place import FINDING, WELL, WRONG_CALL, Place, say

STAGES = ("destination", "door", "plan")

_AT_ONCE = 200


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
        return _tell_replayed(arguments, *_replay(store, _choice(arguments), where))


def dropped(arguments: argparse.Namespace, where: Place) -> int:
    """Deletes letters, once somebody says yes."""
    store = where.ledger()
    if store is None:
        return _unknown(arguments.ids) if arguments.ids else _tell_dropped(arguments, 0)
    with closing(store):
        if missing := _missing(arguments, store):
            return _unknown(missing)
        ids = [each.id for piece in _pieces(store, _choice(arguments)) for each in piece]
        if ids and not arguments.yes and not _agreed(len(ids)):
            return WRONG_CALL
        count = sum(
            store.letters.drop(ids[at : at + _AT_ONCE]) for at in range(0, len(ids), _AT_ONCE)
        )
        return _tell_dropped(arguments, count)


def _replay(store: Store, choice: Choice, where: Place) -> tuple[int, dict[int, str]]:
    """How many letters are in a queue again, and why the others are not."""
    count, left = 0, dict[int, str]()
    routes = registry.routes(where.settings.destinations)
    jobs = {job.destination: job for job in claimed(routes, store.jobs()).values()}
    for piece in _pieces(store, choice):
        done = {*_requeued(store, piece, jobs), *_respooled(store, piece, where)}
        count += len(done)
        left |= {each.id: _why_not(each, jobs) for each in piece if each.id not in done}
    return count, left


def _requeued(store: Store, piece: list[DeadLetter], jobs: dict[str, Job]) -> Iterator[int]:
    for name in {each.destination for each in piece} & jobs.keys():
        ids = [each.id for each in piece if each.destination == name]
        yield from store.letters.requeue(ids, jobs[name])


def _respooled(store: Store, piece: list[DeadLetter], where: Place) -> Iterator[int]:
    """Frames that could not be stored, or broke the plan, go through the spool again: the worker
    checks them anew. What the collector refused is never read as a frame: anybody can have written
    it."""
    frames = [
        each
        for each in piece
        if each.stage == "plan"
        or (each.stage == "door" and each.reason.startswith(CANNOT_BE_STORED))
    ]
    if not frames:
        return
    spool = Spool(where.data_dir, now=time.time, min_free=where.settings.min_free)
    try:
        taken = [each.id for each in frames if spool.append([decode_entry(each.body)])]
        # A kill in between leaves both, and the id makes the second one harmless.
        store.letters.drop(taken)
        yield from taken
    finally:
        spool.close()


def _why_not(letter: DeadLetter, jobs: dict[str, Job]) -> str:
    if letter.stage == "plan":
        return "the spool takes no more; status says why"
    if letter.stage != "destination":
        return "it never was an event of the log"
    if letter.destination not in jobs:
        return f"{letter.destination} is not among the destinations that a worker serves"
    return "its event is no longer kept anywhere"


def _pieces(store: Store, choice: Choice) -> Iterator[list[DeadLetter]]:
    before: int | None = None
    while found := store.letters.chosen(choice, limit=_AT_ONCE, before=before):
        before = found[-1].id
        yield list(found)


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
    there = {e.id for piece in _pieces(store, Choice(ids=arguments.ids)) for e in piece}
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
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
