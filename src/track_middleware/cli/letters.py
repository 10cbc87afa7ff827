"""The verb ``dead``: what a destination, the door or the plan refused for good."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from ..delivery.store import DeadLetter
from ..delivery.store.sqlite import DEAD_MOST
from ..event import iso
from .place import WELL, WRONG_CALL, Place, say

STAGES = ("destination", "door", "plan")


def listed(arguments: argparse.Namespace, where: Place) -> int:
    """Prints the newest dead letters."""
    found = _letters(where, stage=arguments.stage, limit=arguments.limit)
    lines = [
        f"{each.id:>6}  {iso(each.time)}  {each.stage}  {each.destination or '-'}  "
        f"{each.label}  {each.reason}"
        for each in found
    ]
    say([_facts(each) for each in found], lines or ["no dead letters"], as_json=arguments.json)
    return WELL


def shown(arguments: argparse.Namespace, where: Place) -> int:
    """Prints one dead letter whole."""
    found = _letters(where, stage=None, limit=DEAD_MOST * len(STAGES))
    for each in found:
        if each.id == arguments.id:
            facts = {**_facts(each), "body": _body(each.body)}
            text = msgspec.json.format(msgspec.json.encode(facts)).decode()
            say(facts, (text,), as_json=arguments.json)
            return WELL
    print(f"there is no dead letter {arguments.id}", file=sys.stderr)
    return WRONG_CALL


def _letters(where: Place, *, stage: str | None, limit: int) -> list[DeadLetter]:
    store = where.store()
    if store is None:
        return []
    try:
        return list(store.dead(stage=stage, limit=limit))
    finally:
        store.close()


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
