"""Of whom a destination is told: of each merge once, and never again of one that was undone.

An event that a destination takes as "these two are one" is one only the first time; later ones
carry the user's traits alone. Behind the position from which a merge was undone, the visitor's
events go without that user and under another id: what the destination has merged it keeps, and
would count the visitor's former id as the user's for ever. An event's position decides, so that
whenever it is sent, again or in a replay, it is the same.
"""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence, Set
from uuid import uuid5

import msgspec

from ..destinations import Verdict
from ..destinations.registry import Route
from ..event import NAMESPACE, Event, decode_event, encode_event
from .items import Item
from .journal import JOINING
from .store import Merges, Pair, Undone

#: What of a context says how a vendor's own script calls the browser: there it is the user's.
_BROWSERS_NAMES = ("ga", "vendorIds")

_ELSEWHERE = Verdict("retry", "another worker tells of the same merge")


class Whom:
    """Decides for one destination. ``tell`` notes of which merges it was told."""

    def __init__(self, merges: Merges, route: Route) -> None:
        self._merges = merges
        self._destination = route.target or route.name
        self._joins = bool(getattr(route.destination, "joins", False))
        self._telling: dict[Pair, str] = {}
        self._leaning: dict[str, str] = {}
        self._elsewhere: list[str] = []

    def items(
        self, items: Sequence[Item], kinds: Collection[str]
    ) -> tuple[Sequence[Item], Sequence[str]]:
        """Events as this destination gets them, and the ids of those that have nothing to tell it.
        ``kinds`` are theirs, in any order."""
        passed: list[str] = []
        undone = self._merges.undone()
        if undone:
            items = self._apart(items, undone, passed)
        if self._joins and not JOINING.isdisjoint(kinds):
            items = self._once(items, passed)
        return items, passed

    def settle(self, fates: MutableMapping[str, Verdict]) -> None:
        """Of the events that have nothing to tell because another of theirs tells it: where that
        one was not taken, they go again, and tell it themselves. Those of whose merge another
        worker tells wait until it has."""
        fates.update(dict.fromkeys(self._elsewhere, _ELSEWHERE))
        self._elsewhere.clear()
        for each, teller in self._leaning.items():
            fate = fates.get(teller)
            if fate is not None and fate.state != "delivered":
                fates[each] = Verdict("retry", "what tells of the same merge was not taken")
        self._leaning.clear()

    def tell(self, delivered: Collection[str], *, at: float) -> None:
        """Of the events that were made ready last, these were delivered."""
        if self._telling:
            done = {pair: each for pair, each in self._telling.items() if each in delivered}
            self._telling.clear()
            if done:
                self._merges.tell(self._destination, done, at=at)

    def _apart(
        self, items: Sequence[Item], undone: Sequence[Undone], passed: list[str]
    ) -> Sequence[Item]:
        of_visitor: dict[str, list[Undone]] = {}
        for each in undone:
            of_visitor.setdefault(each.visitor, []).append(each)
        users = {each.user for each in undone}
        made: list[Item] = []
        for item in items:
            if item.order_key in of_visitor or item.order_key in users:
                event = _event(item)
                changed = _parted(event, of_visitor, item.position)
                if changed is None:
                    passed.append(item.id)
                    continue
                item = _with(item, changed)
            made.append(item)
        return made

    def _once(self, items: Sequence[Item], passed: list[str]) -> Sequence[Item]:
        joining = {item.id: pair for item in items if (pair := _pair(_event(item)))}
        told, elsewhere = self._told({*joining.values()})
        made: list[Item] = []
        for item in items:
            pair = joining.get(item.id)
            if pair in elsewhere:
                self._elsewhere.append(item.id)
                continue
            if pair is not None:
                if told.setdefault(pair, item.id) == item.id:
                    self._telling[pair] = item.id
                else:
                    event = _event(item)
                    if event.type == "alias" or not event.traits:
                        passed.append(item.id)
                        self._leaning[item.id] = told[pair]
                        continue
                    item = _with(item, msgspec.structs.replace(event, anonymous_id=None))
            made.append(item)
        return made

    def _told(self, pairs: Set[Pair]) -> tuple[dict[Pair, str], Set[Pair]]:
        """By which events the destination was told of these merges, and of which others another
        worker tells it at this moment."""
        told = {**self._merges.told(self._destination, {visitor for visitor, _ in pairs})}
        new = pairs - told.keys()
        free = self._merges.taken(self._destination, new) if new else ()
        if free:  # somebody may have told meanwhile
            told.update(self._merges.told(self._destination, {visitor for visitor, _ in free}))
        return told, new - {*free}


def _pair(event: Event) -> Pair | None:
    """The former id and the user whom an event says to be one."""
    if event.type not in JOINING:
        return None
    former = event.previous_id if event.type == "alias" else event.anonymous_id
    if not former or not event.user_id or former == event.user_id:
        return None
    return former, event.user_id


def _parted(event: Event, undone: dict[str, list[Undone]], position: int) -> Event | None:
    """An event without the merges that were undone before its position; None: it says nothing
    else."""
    if event.type == "alias":
        not_one = _not_users(undone, event.previous_id, position)
        if event.user_id in not_one:
            return None
    visitor = event.anonymous_id
    not_one = _not_users(undone, visitor, position)
    if not not_one:
        return event
    if event.user_id in not_one:
        if event.type == "identify":
            return msgspec.structs.replace(event, anonymous_id=None)
        event = msgspec.structs.replace(event, user_id=None)
    other = str(uuid5(NAMESPACE, "\0".join(("apart", visitor or "", *not_one))))
    context = event.context
    if isinstance(context, dict):
        context = {name: each for name, each in context.items() if name not in _BROWSERS_NAMES}
    return msgspec.structs.replace(event, anonymous_id=other, context=context)


def _not_users(
    undone: dict[str, list[Undone]], visitor: str | None, position: int
) -> Sequence[str]:
    """The users whom a visitor is not, behind a position."""
    found = undone.get(visitor or "", ())
    return sorted(each.user for each in found if each.position < position)


def _event(item: Item) -> Event:
    return decode_event(item.content) if isinstance(item.content, bytes) else item.content


def _with(item: Item, event: Event) -> Item:
    content = encode_event(event) if isinstance(item.content, bytes) else event
    return msgspec.structs.replace(item, content=content)
