"""What the drain writes into the merge journal: who turned out to be whom.

A merge is read from the event as it is stored, after the site's own hooks; how it came about is
what its frame says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import msgspec

from ..event import wire_id
from .frames import Frame
from .splice import UNREADABLE
from .store import How, Intake, Merge, NewRow

#: The kinds of events that say who somebody is.
JOINING = frozenset(("identify", "alias"))

_HOW: Mapping[str, How] = {how: how for how in get_args(How)}


class _Named(msgspec.Struct, rename="camel", gc=False):
    message_id: str


class Joining(msgspec.Struct, rename="camel", gc=False):
    """Of an identify or alias: who, and who that was before."""

    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None


_named = msgspec.json.Decoder(_Named)
_joining = msgspec.json.Decoder(Joining)


class Journal:
    """The merges of one transaction."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._merges: list[Merge] = []
        self._how: dict[str, How] = {}

    def hear(self, frame: Frame) -> None:
        """A frame that says how a merge came about."""
        how = _HOW.get(frame.how or "")
        if how is None:
            return
        if frame.kind == "mark" and frame.former and frame.person is not None:
            at, visitor = frame.at, frame.person.visitor
            self._merges.append(Merge(frame.former, "", visitor, at, "", how))
        elif frame.kind == "event":
            named = _named.decode(frame.event)
            self._how[wire_id(frame.origin, named.message_id)] = how

    def write(self, rows: Sequence[NewRow], positions: Mapping[str, int]) -> None:
        """Writes what the stored events say, and what was heard."""
        for row in rows:
            if row.kind in JOINING and row.event_id in positions:
                pair = pair_of(row.kind, row.repaired or row.body)
                if pair is not None:
                    how = self._how.get(
                        row.event_id, "alias" if row.kind == "alias" else "identify"
                    )
                    self._merges.append(Merge(*pair, "", row.accepted_at, row.event_id, how))
        if self._merges:
            self._intake.merged(self._merges)


def pair_of(kind: str, body: bytes) -> tuple[str, str] | None:
    """The visitor (of an alias: the former id) and the user whom an event's JSON says to be one;
    None where it names no two."""
    try:
        said = _joining.decode(body)
    except UNREADABLE:
        return None
    visitor = said.previous_id if kind == "alias" else said.anonymous_id
    if not visitor or not said.user_id or visitor == said.user_id:
        return None
    return visitor, said.user_id
