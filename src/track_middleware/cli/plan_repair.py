"""``plan repair --dry-run``: what repairs would make of samples, dead letters or the log."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from ..delivery import handover, parts
from ..delivery.store.letters import Choice
from ..errors import SettingsError, TrackError
from ..event import Event, decode_entry, decode_event
from ..plan.load import load
from ..plan.preview import Change, Check, Preview
from ..plan.repairs import Repairs
from . import place
from .place import FINDING, WELL, WRONG_CALL, Place, say

_AT_ONCE = 500

#: So many changes are shown, and all are counted.
_MOST_SHOWN = 1000

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``plan repair`` takes."""
    parser.add_argument(
        "--dry-run", action="store_true", help="only show: the worker applies them by itself"
    )
    parser.add_argument(
        "--repairs", metavar="NAME", help="a list's dotted path, instead of the setting's"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--samples", type=Path, metavar="FILE", help="messages in a file: JSON, or one a line"
    )
    source.add_argument("--dead", action="store_true", help="what the plan has refused")
    source.add_argument(
        "--last", type=int, default=1000, metavar="N", help="so many events of the log (1000)"
    )
    parser.add_argument(
        "--events", type=place.globs, metavar="NAMES", help="only these, for example Order*,Signup"
    )


def run(arguments: argparse.Namespace, where: Place) -> int:
    """Prints what would change; 1 where an event breaks the plan after its repairs."""
    if not arguments.dry_run:
        print(
            "the worker applies the repairs that the setting names; --dry-run shows what they do",
            file=sys.stderr,
        )
        return WRONG_CALL
    repairs, check = _loaded(arguments, where)
    preview, changes = Preview(), list[Change]()
    for event_id, event in _events(arguments, where):
        if arguments.events and not any(fnmatchcase(event.label, e) for e in arguments.events):
            continue
        changed = preview.look(event, event_id, repairs, check)
        if changed is not None and len(changes) < _MOST_SHOWN:
            changes.append(changed)
    planned = check is not None
    say(_told(preview, changes, planned), _lines(preview, changes, planned),
        as_json=arguments.json)  # fmt: skip
    return FINDING if preview.broken[1] else WELL


def _loaded(arguments: argparse.Namespace, where: Place) -> tuple[Repairs | None, Check | None]:
    """The repairs, and the plan's check where there is a plan; both as the app imports them."""
    handed = handover.read(where.data_dir) if where.outbox is None else None
    if handed is not None:
        handed.enter()
    elif (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    named = arguments.repairs or where.settings.repairs
    if not named:
        raise SettingsError("repairs", "is not set; --repairs names a list of them")
    plan = load(where.settings.plan) if where.settings.plan else None
    check: Check | None = None
    if plan is not None:
        check = lambda event: plan.check(msgspec.to_builtins(event))  # noqa: E731
    return parts.mender(named), check


def _events(arguments: argparse.Namespace, where: Place) -> Iterator[tuple[str, Event]]:
    """Events as they were accepted, with the ids that they have in the log."""
    if arguments.samples is not None:
        yield from _samples(arguments.samples)
        return
    store = where.store()
    if store is None:
        raise TrackError(f"there is no store yet at {where.store_name}")
    with closing(store):
        if arguments.dead:
            before: int | None = None
            chosen = Choice(stage="plan")
            while found := store.letters.chosen(chosen, limit=_AT_ONCE, before=before):
                before = found[-1].id
                for letter in found:
                    event = decode_entry(letter.body).event
                    if event is not None:
                        yield letter.event_id, event
            return
        for row in store.persons.originals(max(0, store.end() - arguments.last)):
            try:
                yield row[2], decode_event(row[1])
            except _UNREADABLE:
                continue


def _samples(file: Path) -> Iterator[tuple[str, Event]]:
    try:
        text = file.read_bytes()
        many = _messages(text)
        events = [msgspec.convert(each, Event) for each in many]
    except OSError as error:
        raise TrackError(f"{file}: {error.strerror}") from error
    except (*_UNREADABLE, msgspec.ValidationError) as error:
        raise TrackError(f"{file}: it holds something that is no message: {error}") from error
    for event in events:
        yield event.message_id, event


def _messages(text: bytes) -> Sequence[dict[str, Any]]:
    """Of a list, of one message, or of a message on each line; what a message may lack, it gets."""
    try:
        found = msgspec.json.decode(text)
        many = found if isinstance(found, list) else [found]
    except msgspec.DecodeError:
        many = [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    needed = {"messageId": "sample", "type": "track", "timestamp": ""}
    return [{**needed, **each} if isinstance(each, dict) else each for each in many]


def _told(preview: Preview, changes: Sequence[Change], planned: bool) -> dict[str, Any]:
    before, after = preview.broken
    return {
        "seen": preview.seen,
        "changed": preview.changed,
        "repairs": [
            {"repair": number, "events": count} for number, count in sorted(preview.made.items())
        ],
        "broken": {"before": before, "after": after} if planned else None,
        "changes": [
            {
                "messageId": each.id,
                "event": each.label,
                "after": [
                    {"event": label, "differences": list(different), "violations": list(words)}
                    for label, different, words in each.after
                ],
            }
            for each in changes
        ],
    }


def _lines(preview: Preview, changes: Sequence[Change], planned: bool) -> Iterator[str]:
    for each in changes:
        yield f"{each.id}  {each.label}"
        for place_, (label, different, words) in enumerate(each.after):
            if place_:
                yield f"    and {label}"
            yield from (f"    {line}" for line in different)
            yield from (f"    breaks the plan: {line}" for line in words)
    for number, count in sorted(preview.made.items()):
        yield f"repair {number + 1}: {count} events"
    yield f"{preview.seen} events looked at, {preview.changed} changed"
    if planned:
        yield f"break the plan: {preview.broken[0]} before, {preview.broken[1]} after"
