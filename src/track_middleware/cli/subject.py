"""The verb ``subject``: what is kept of one person, shown, handed over or erased."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from .. import places
from ..delivery import exports, handover
from ..delivery.erasing import erasers
from ..delivery.handover import NO_OUTBOX
from ..delivery.outbox import waiting
from ..delivery.persons import Kind, Subject
from ..delivery.store.persons import UNANSWERED, Answered, Erasure
from ..delivery.store.whole import Store
from ..delivery.worker import Worker
from ..destinations import registry
from ..event import iso
from ..history import subject
from ..history.subject import Belongings, Folder
from .place import FINDING, WELL, WRONG_CALL, Place, hand_over, plain, say

#: How long the verb waits until everybody has answered, in seconds; the worker goes on by itself.
PATIENCE = 30.0

_LOOK = 0.2


def shown(arguments: argparse.Namespace, where: Place) -> int:
    """Prints who is meant, how much is kept of that person and where, and which merges were made;
    1 where nothing is kept."""
    with _folder(where) as (folder, store):
        who = folder.who(arguments.id, arguments.kind)
        found = folder.of(who)
        asked = None if found.empty else who
        last = _last(store, _key(where), arguments, asked) if store else None
    told = {
        "subject": subject.told(who),
        "kept": dict(found.pieces),
        "choices": len(found.choices),
        "history": sorted(found.pasts),
        "merges": [subject.merged(each) for each in found.merges],
        "erased": None if last is None else iso(last.asked),
    }
    say(told, _shown(found, last), as_json=arguments.json)
    return FINDING if found.empty else WELL


def consent(arguments: argparse.Namespace, where: Place) -> int:
    """Prints what a person last chose; 1 where no choice is kept."""
    store = where.store()
    if store is None:
        return _nothing(where)
    with closing(store):
        names = subject.names(arguments.id, kind=arguments.kind)
        choices = [each for name in names for each in store.persons.choices(name)]
    told = [
        {"subject": each.subject, "at": iso(each.at), "states": each.states} for each in choices
    ]
    lines = [f"{each['at']}  {each['subject']}  {_states(each['states'])}" for each in told]
    say(told, lines or [f"{arguments.id} has made no choice"], as_json=arguments.json)
    return WELL if told else FINDING


def exported(arguments: argparse.Namespace, where: Place) -> int:
    """Prints everything that is kept of a person as one JSON document."""
    with _folder(where) as (folder, _):
        who = folder.who(arguments.id, arguments.kind)
        for line in folder.export(who, now=time.time()):
            sys.stdout.write(line.decode())
        sys.stdout.flush()
    return WELL


def erased(arguments: argparse.Namespace, where: Place) -> int:
    """Erases a person, once somebody says yes; prints the receipt. 1 while a system has not
    answered, or where one was not asked.

    A person of whom nothing has been kept since gets the receipt again.
    """
    if not where.data_dir.exists():
        return _nothing(where)
    hand_over(where)
    key = places.secret(where.data_dir).encode()
    with _folder(where) as (folder, _):
        found = folder.of(folder.who(arguments.id, arguments.kind))
    with closing(where.opened()) as store:
        last = _last(store, key, arguments, found.subject if not found.empty else None)
        if last is None or not found.empty or _may_be_asked(store, last, where):
            if not arguments.yes and not _agreed(found):
                return WRONG_CALL
            systems = _systems(where)
            number = subject.ask(
                store, where.data_dir, found.subject, key=key, systems=systems, now=time.time()
            )
            last = next(each for each in store.persons.erasures() if each.id == number)
        _wait(store, last.id, where)
        return _receipt(arguments, store, last.id)


def receipt(arguments: argparse.Namespace, where: Place) -> int:
    """Prints the receipt of a person's erasure; 1 while a system has not answered."""
    store = where.store()
    if store is None:
        return _nothing(where)
    with closing(store):
        last = _last(store, _key(where), arguments, None)
        if last is not None:
            return _receipt(arguments, store, last.id)
    print(f"nobody has asked to erase {arguments.id}", file=sys.stderr)
    return FINDING


def _last(
    store: Store, key: bytes, arguments: argparse.Namespace, who: Subject | None
) -> Erasure | None:
    """The last erasure of a person; of one of whom nothing is kept, whichever kind it was."""
    if who is not None:
        return subject.asked(store, key, who)
    kinds: tuple[Kind, ...] = (arguments.kind,) if arguments.kind else ("user", "visitor")
    found = [subject.asked(store, key, Subject(arguments.id, kind)) for kind in kinds]
    return next((each for each in found if each is not None), None)


def _receipt(arguments: argparse.Namespace, store: Store, number: int) -> int:
    erasure = next(each for each in store.persons.erasures() if each.id == number)
    answers = store.persons.answers(number)
    told = {
        "erasure": number,
        "subject": erasure.subject,
        "askedAt": iso(erasure.asked),
        "events": erasure.events,
        "answeredAt": None if erasure.done is None else iso(erasure.done),
        "systems": [
            {"system": each.system, "state": each.state, "at": iso(each.at), "answer": each.words}
            for each in answers
        ],
    }
    lines = [f"erasure {number}, asked {iso(erasure.asked)}: {erasure.events} events"]
    lines += [f"  {each.system}: {each.state}, {iso(each.at)}  {each.words}" for each in answers]
    say(told, lines, as_json=arguments.json)
    well = all(each.state in ("done", "asked") for each in answers)
    return WELL if well else FINDING


def _wait(store: Store, number: int, where: Place) -> None:
    """Until every system has answered or failed once; where no worker is at work, it is done
    here."""
    deadline = time.monotonic() + PATIENCE
    given = handover.read(where.data_dir)
    if given is not None:
        given.enter()  # where the app's own hooks are found
    worker = Worker(where.settings, data_dir=where.data_dir, outbox=where.outbox or NO_OUTBOX)
    try:
        while _is_open(store, number) and time.monotonic() < deadline:
            worker.once(patience=0)
            time.sleep(_LOOK)
    finally:
        worker.close()


def _is_open(store: Store, number: int) -> bool:
    """Whether something may happen at once that has not."""
    return any(
        each.state == "waiting" and not each.attempts for each in store.persons.answers(number)
    ) or any(each.id == number for each in store.persons.open_erasures() if _is_over(store, each))


def _is_over(store: Store, erasure: Erasure) -> bool:
    return not any(_is_waiting(each) for each in store.persons.answers(erasure.id))


def _is_waiting(each: Answered) -> bool:
    return each.state in UNANSWERED


def _may_be_asked(store: Store, last: Erasure, where: Place) -> bool:
    """Whether a system that was not asked, or refused, can be asked now."""
    systems = _systems(where)
    return last.done is not None and any(
        each.state in ("not asked", "refused") and not isinstance(systems.get(each.system, ""), str)
        for each in store.persons.answers(last.id)
    )


def _systems(where: Place) -> Any:
    urls = where.settings.destinations
    exported = exports.systems(where.data_dir)
    return {**erasers(registry.routes(urls), urls), **exported}


@contextmanager
def _folder(where: Place) -> Iterator[tuple[Folder, Store | None]]:
    store = where.store()
    try:
        origin = where.outbox if where.settings.outbox else None
        yield Folder(store, where.data_dir, outbox=lambda: waiting(origin)), store
    finally:
        if store is not None:
            store.close()


def _key(where: Place) -> bytes:
    try:
        return (where.data_dir / "secret").read_bytes().strip()
    except FileNotFoundError:
        return b""


def _agreed(found: Belongings) -> bool:
    if not sys.stdin.isatty():
        print("--yes says that this person shall be erased, here and everywhere", file=sys.stderr)
        return False
    print("\n".join(map(plain, _shown(found, None))), file=sys.stderr)
    asked = "Erase all of it, here and at every destination? [y/N] "
    return input(asked).strip().lower() in ("y", "yes")


def _shown(found: Belongings, last: Erasure | None) -> Iterator[str]:
    who = found.subject
    yield f"users        {', '.join(sorted(who.users)) or 'none'}"
    yield f"visitors     {', '.join(sorted(who.visitors)) or 'none'}"
    if who.shared:
        yield f"shared       {', '.join(sorted(who.shared))}: also somebody else's"
    for name, number in sorted(found.pieces.items()):
        yield f"{name:<12} {number}"
    yield f"choices      {len(found.choices)}"
    for each in found.merges:
        undone = "" if each.undone_at is None else f", undone {iso(each.undone_at)}"
        whose = each.user or each.same_as
        yield f"merge        {iso(each.at)}  {each.visitor} is {whose} ({each.how}){undone}"
    if last is not None:
        yield f"erased       asked {iso(last.asked)}"


def _states(states: Any) -> str:
    return ", ".join(f"{purpose} {state}" for purpose, state in states.items())


def _nothing(where: Place) -> int:
    print(f"there is no store yet at {where.store_name}", file=sys.stderr)
    return FINDING
