"""What of an event a destination is given: ``?properties=`` and ``?without=`` of its URL.

No I/O happens here. A name without a place (``email``) is a property's or a trait's; with one
(``traits.email``, ``context.page.url``) it is that one's alone. Dots lead into objects, lists are
passed through, and ``*`` and ``?`` stand for what they stand for in a file's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from ..address import Address
from ..event import Event
from .options import wrong

Place = Literal["properties", "traits", "context"]

#: Names of globs, from the outside in.
Path = tuple[str, ...]

_PLACES: tuple[Place, ...] = ("properties", "traits", "context")

#: Where a name without a place is looked for.
_BAGS: tuple[Place, ...] = ("properties", "traits")

#: What the event itself says, beside its bags.
_ITS_OWN = frozenset((
    "anonymousId", "groupId", "integrations", "messageId", "originalTimestamp", "previousId",
    "receivedAt", "sentAt", "timestamp", "type", "userId",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fields:
    """Takes out of events what a destination shall not get.

    ``only``: of a place that it names, nothing else is given; once it names anything but parts of
    the context, it names properties and traits both. ``without``: never given, also where ``only``
    names it. ``by_event``: properties and traits that are not given of events with a label.
    """

    only: Mapping[Place, Sequence[Path]]
    without: Mapping[Place, Sequence[Path]]
    by_event: Mapping[str, Set[str]] = field(default_factory=dict)

    def of(self, event: Event) -> Event:
        """The event as the destination gets it; the one that is given in is changed."""
        gone = self.by_event.get(event.label)
        if gone:
            event.properties, event.traits = _rid(event.properties, gone), _rid(event.traits, gone)
        event.properties = self._left("properties", event.properties)
        event.traits = self._left("traits", event.traits)
        event.context = self._left("context", event.context)
        context = event.context
        if isinstance(context, dict) and isinstance(context.get("traits"), dict):
            # Where the SDKs have a person's traits, too.
            traits = self._left("traits", context["traits"])
            event.context = {**context, "traits": traits} if traits else _but(context, "traits")
        return event

    def _left(self, place: Place, bag: Any) -> Any:
        if not isinstance(bag, dict):
            return bag
        if place in self.only:
            bag = _only(bag, self.only[place])
        if place in self.without:
            bag = _without(bag, self.without[place])
        return bag or None


def of(address: Address) -> Fields | None:
    """What the URL of a destination asks for; None where it asks for all of every event."""
    only, without = _paths(address, "properties"), _paths(address, "without")
    if only is None and without is None:
        return None
    allowed = _by_place(only or ())
    if any(place in allowed for place in _BAGS):
        for place in _BAGS:
            allowed.setdefault(place, [])
    return Fields(allowed, _by_place(without or ()))


def _paths(address: Address, option: str) -> list[str] | None:
    text = address.options.get(option)
    if text is None:
        return None
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise wrong(
            address,
            f"has an empty list ?{option}=; write for example ?{option}=order_id,traits.plan, "
            "or ?without=* to send neither properties nor traits",
        )
    for name in names:
        _check(address, option, name)
    return names


def _check(address: Address, option: str, name: str) -> None:
    if name in _ITS_OWN:
        raise wrong(
            address,
            f"has {name} in ?{option}=: that is the event's own, and goes to every destination; "
            f"name properties, traits.… or context.… (properties.{name} if it is a property)",
        )
    if name in _PLACES:
        raise wrong(address, f"has {name} in ?{option}=; write {name}.* for all of it")
    if not all(name.split(".")):
        raise wrong(
            address, f"has {name!r} in ?{option}=, with nothing beside a dot; write context.ip"
        )


def _by_place(names: Sequence[str]) -> dict[Place, list[Path]]:
    found: dict[Place, list[Path]] = {}
    for name in names:
        first, *rest = name.split(".")
        if first in _PLACES:
            found.setdefault(first, []).append(tuple(rest))
            continue
        for place in _BAGS:
            found.setdefault(place, []).append((first, *rest))
    return found


def _rid(bag: Any, gone: Set[str]) -> Any:
    if not isinstance(bag, dict):
        return bag
    return {name: value for name, value in bag.items() if name not in gone} or None


def _but(bag: Mapping[str, Any], gone: str) -> dict[str, Any]:
    return {name: value for name, value in bag.items() if name != gone}


def _only(bag: Mapping[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
    """What of a bag the paths name."""
    kept = {}
    for name, value in bag.items():
        whole, within = _met(name, paths)
        if whole:
            kept[name] = value
        elif within and (left := _inside(value, within, named=True)):
            kept[name] = left
    return kept


def _without(bag: Mapping[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
    """What of a bag the paths do not name."""
    kept = {}
    for name, value in bag.items():
        whole, within = _met(name, paths)
        if not whole:
            kept[name] = _inside(value, within, named=False) if within else value
    return kept


def _inside(value: Any, paths: Sequence[Path], *, named: bool) -> Any:
    """A value's part that the paths name, or do not name."""
    if isinstance(value, dict):
        return _only(value, paths) if named else _without(value, paths)
    if isinstance(value, list):
        inside = [_inside(each, paths, named=named) for each in value]
        return [each for each in inside if each is not None] if named else inside
    return None if named else value


def _met(name: str, paths: Sequence[Path]) -> tuple[bool, list[Path]]:
    """Whether a path ends at this name, and what is left of those that go on behind it. A name that
    has dots itself is met by a path as it is written."""
    whole = any(fnmatchcase(name, ".".join(path)) for path in paths)
    return whole, [path[1:] for path in paths if path[1:] and fnmatchcase(name, path[0])]
