"""The verb ``subject``: what is kept of one person, shown, handed over or erased."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from typing import Any

from ..event import iso
from ..history import subject
from .place import FINDING, WELL, Place, say


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


def _states(states: Any) -> str:
    return ", ".join(f"{purpose} {state}" for purpose, state in states.items())


def _nothing(where: Place) -> int:
    print(f"there is no store yet at {where.store_path}", file=sys.stderr)
    return FINDING
