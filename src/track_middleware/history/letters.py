"""Dead letters as an operator works with them: replayed, dropped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..delivery.batch import CANNOT_BE_STORED
from ..delivery.spool import Spool
from ..delivery.store import DeadLetter, Job
from ..delivery.store.claims import claimed
from ..delivery.store.letters import Choice
from ..delivery.store.whole import Store
from ..destinations import registry
from ..event import decode_entry
from ..settings import Settings

_AT_ONCE = 200


def replay(
    store: Store, choice: Choice, settings: Settings, data_dir: Path
) -> tuple[int, dict[int, str]]:
    """Puts the events of letters back into their destinations' queues, with ids and times kept: how
    many wait again, and why the others, by their ids, do not."""
    count, left = 0, dict[int, str]()
    routes = registry.routes(settings.destinations)
    jobs = {job.destination: job for job in claimed(routes, store.jobs()).values()}
    for piece in pieces(store, choice):
        done = {*_requeued(store, piece, jobs), *_respooled(store, piece, settings, data_dir)}
        count += len(done)
        left |= {each.id: _why_not(each, jobs) for each in piece if each.id not in done}
    return count, left


def _requeued(store: Store, piece: list[DeadLetter], jobs: dict[str, Job]) -> Iterator[int]:
    for name in {each.destination for each in piece} & jobs.keys():
        ids = [each.id for each in piece if each.destination == name]
        yield from store.letters.requeue(ids, jobs[name])


def _respooled(
    store: Store, piece: list[DeadLetter], settings: Settings, data_dir: Path
) -> Iterator[int]:
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
    spool = Spool(data_dir, now=time.time, min_free=settings.min_free)
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


def pieces(store: Store, choice: Choice) -> Iterator[list[DeadLetter]]:
    """The letters of a choice, newest first, a few at a time."""
    before: int | None = None
    while found := store.letters.chosen(choice, limit=_AT_ONCE, before=before):
        before = found[-1].id
        yield list(found)


def drop(store: Store, ids: Sequence[int]) -> int:
    """Deletes letters; how many there were."""
    return sum(store.letters.drop(ids[at : at + _AT_ONCE]) for at in range(0, len(ids), _AT_ONCE))
