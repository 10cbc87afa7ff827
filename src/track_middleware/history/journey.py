"""What somebody did, newest first: across visitors and the user that they turned out to be.

Who is whom says the merge journal alone, so that nothing but a part of the log is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from ..delivery import emission
from ..delivery.store import Stored
from ..delivery.store.who import Merge
from ..delivery.store.whole import Store
from ..event import Event

#: Ids of one person that are looked at.
_IDS = 200

#: Positions of the log that one reading looks at, where it is not noted whose events are there.
PIECE = 20_000


@dataclass(frozen=True, slots=True)
class Someone:
    """Who an id is: the users and visitors of one person, and the merges that say so."""

    users: Sequence[str]
    visitors: Sequence[str]
    merges: Sequence[Merge]

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.users, *self.visitors)


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a journey: its place in the log, when it was accepted (epoch seconds), and the
    event."""

    position: int
    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Journey:
    """Somebody's steps, newest first. ``since``: behind which position of the log they were looked
    for; 0: in all of it."""

    steps: Sequence[Step]
    since: int


def someone(store: Store, given: str) -> Someone:
    """Who a visitor's or user's id is. A merge that was undone says nothing."""
    known: dict[Merge, None] = {}
    merges = _holding(store, [given], known)
    users = {each.user for each in merges if each.user}
    if given not in users:  # a visitor: its users are the person, with all their visitors
        merges = _holding(store, users, known)
    else:
        users = {given}
        merges = [each for each in known if each.user in ("", given)]
    visitors = {each.visitor for each in merges if each.user in ("", *users)}
    visitors |= {each.same_as for each in _holding(store, visitors, known) if each.same_as}
    if given not in users:
        visitors.add(given)
    shown = [each for each in known if {each.visitor, each.user, each.same_as} & {given, *visitors}]
    return Someone(sorted(users)[:_IDS], sorted(visitors)[:_IDS], shown)


def _holding(store: Store, ids: Iterable[str], known: dict[Merge, None]) -> list[Merge]:
    """The merges of some ids that hold; all of them are noted in ``known``."""
    found = [merge for each in sorted(ids)[:_IDS] for merge in store.merges.of(each)]
    known.update(dict.fromkeys(found))
    return [each for each in known if each.undone_at is None]


def journey(
    store: Store, who: Someone, *, limit: int, seconds: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> Journey:  # fmt: skip
    """The newest steps: looked for in the newest part of the log, and for so many seconds in those
    before."""
    ends = clock() + seconds
    steps: list[Step] = []
    is_first = True
    for after, until in store.watch.parts(who.ids, piece=PIECE):
        if not is_first and clock() >= ends:
            return Journey(steps, until)
        is_first = False
        found = store.watch.of(who.ids, after=after, until=until, limit=limit - len(steps))
        steps += _steps(who, found)
        if len(steps) >= limit:
            return Journey(steps, steps[-1].position)
    return Journey(steps, 0)


def _steps(who: Someone, found: Iterable[Stored]) -> Iterator[Step]:
    for each in found:
        try:
            event = emission.event(each)
        except msgspec.DecodeError:
            continue
        if not event.user_id or not who.users or event.user_id in who.users:
            yield Step(each.position, each.accepted_at, event)
