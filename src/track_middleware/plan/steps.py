"""The steps of a repair: rename, move, convert, fill, drop, split. Pure.

A property is named by its path, ``cart.total`` for one inside another; of an identify or group the
properties are its traits. A step that finds nothing to do does nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid5

import msgspec

from ..errors import SettingsError
from ..event import NAMESPACE, Event

#: What a value may be made.
Type = Literal["string", "number", "integer", "boolean"]

#: Whether a step changed its draft, and what it split off.
Outcome = tuple[bool, "Draft | None"]

_NOTHING: Outcome = (False, None)
_MISSING = object()
_DECIMALS = 6


class Draft:
    """An event on its way through the repairs; the event itself is left alone."""

    def __init__(self, event: Event, event_id: str) -> None:
        self.id = event_id
        self._event = event
        self._bag = "traits" if event.type in ("identify", "group") else "properties"
        self.name = event.event if event.type == "track" else event.name
        found = getattr(event, self._bag)
        self.values: dict[str, Any] = _copied(found) if isinstance(found, Mapping) else {}
        context = event.context if isinstance(event.context, Mapping) else {}
        app = context.get("app")
        self.platform = context.get("platform")
        self.version = app.get("version") if isinstance(app, Mapping) else None

    @property
    def is_track(self) -> bool:
        """Whether it has a name of its own that others go by."""
        return self._event.type == "track"

    @property
    def has_name(self) -> bool:
        """Whether such an event may have a name at all."""
        return self._event.type in ("track", "page", "screen")

    @property
    def label(self) -> str:
        """Its name in the plan."""
        return (self.name if self.is_track else None) or self._event.type.capitalize()

    def event(self) -> Event:
        """The event as it is now."""
        name = {"event" if self.is_track else "name": self.name}
        bag = {self._bag: self.values} if self.values or getattr(self._event, self._bag) else {}
        return msgspec.structs.replace(self._event, message_id=self.id, **name, **bag)

    def split(self, name: str, values: dict[str, Any], event_id: str) -> Draft:
        """Another event that happened with it."""
        made = Draft(self._event, event_id)
        made.name, made.values = name, values
        return made

    def get(self, path: str) -> Any:
        """What stands at a path, ``_MISSING`` where nothing does."""
        found: Any = self.values
        for key in path.split("."):
            if not isinstance(found, Mapping) or key not in found:
                return _MISSING
            found = found[key]
        return found

    def put(self, path: str, value: Any) -> bool:
        """Puts a value at a path; False where something else than an object is in the way."""
        *above, last = path.split(".")
        place = self.values
        for key in above:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                return False
            place = inner
        place[last] = value
        return True

    def take(self, path: str) -> Any:
        """What stood at a path and is gone from there."""
        *above, last = path.split(".")
        place = self.get(".".join(above)) if above else self.values
        return place.pop(last, _MISSING) if isinstance(place, dict) else _MISSING


@dataclass(frozen=True, slots=True)
class Rename:
    """The event has another name."""

    to: str

    def apply(self, draft: Draft) -> Outcome:
        """Changes a draft."""
        if not draft.has_name or draft.name == self.to:
            return _NOTHING
        draft.name = self.to
        return True, None


@dataclass(frozen=True, slots=True)
class Move:
    """A property has another name or place; what stands there already stays."""

    path: str
    to: str

    def apply(self, draft: Draft) -> Outcome:
        """Changes a draft."""
        if draft.get(self.path) is _MISSING or draft.get(self.to) is not _MISSING:
            return _NOTHING
        value = draft.take(self.path)
        if not draft.put(self.to, value):
            draft.put(self.path, value)
            return _NOTHING
        return True, None


@dataclass(frozen=True, slots=True)
class Convert:
    """A property has another type, is so many times as large (``factor=0.01``: cents that are to be
    euros), or has other words (``values={"PRO": "pro"}``)."""

    path: str
    to: Type | None = None
    factor: float | None = None
    values: Mapping[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """SettingsError where there is nothing to do, or no such type."""
        if self.to is not None and self.to not in _MADE:
            known = ", ".join(_MADE)
            raise SettingsError("repairs", f"{self.path!r} is made {known}, not {self.to!r}")
        if self.to is None and self.factor is None and not self.values:
            raise SettingsError("repairs", f"what is {self.path!r} converted to?")

    def apply(self, draft: Draft) -> Outcome:
        """Changes a draft."""
        value = before = draft.get(self.path)
        if value is _MISSING:
            return _NOTHING
        if self.values and isinstance(value, (str, int, float)):
            value = self.values.get(value, value)
        if self.to is not None:
            value = _MADE[self.to](value)
        if self.factor is not None and _is_number(value):
            value = _short(value * self.factor)
        if type(value) is type(before) and value == before:
            return _NOTHING
        return draft.put(self.path, value), None


@dataclass(frozen=True, slots=True)
class Fill:
    """A property that is missing, null or empty has this value."""

    path: str
    value: Any

    def apply(self, draft: Draft) -> Outcome:
        """Changes a draft."""
        found = draft.get(self.path)
        if found is not _MISSING and found is not None and found != "":
            return _NOTHING
        return draft.put(self.path, _copied(self.value)), None


@dataclass(frozen=True, slots=True)
class Drop:
    """A property is gone."""

    path: str

    def apply(self, draft: Draft) -> Outcome:
        """Changes a draft."""
        return draft.take(self.path) is not _MISSING, None


@dataclass(frozen=True, slots=True)
class Split:
    """A second event happened: ``into`` is its name, ``move`` are the properties that go there,
    ``copy`` those that both have. It is made where any of ``move`` is there, or without ``move``
    always. It keeps time, person and context; its id is the UUIDv5 of the first one's."""

    into: str
    move: Sequence[str] = ()
    copy: Sequence[str] = ()

    def apply(self, draft: Draft) -> Outcome:
        """Changes a draft."""
        moved = [path for path in self.move if draft.get(path) is not _MISSING]
        if not draft.is_track or (self.move and not moved):
            return _NOTHING
        other = draft.split(self.into, {}, split_id(draft.id, self.into))
        for path in self.copy:
            found = draft.get(path)
            if found is not _MISSING:
                other.put(path, _copied(found))
        for path in moved:
            other.put(path, draft.take(path))
        return True, other


Step = Rename | Move | Convert | Fill | Drop | Split


def split_id(first: str, name: str) -> str:
    """The id of an event that was split off another one under a new name: the same each time."""
    return str(uuid5(NAMESPACE, f"{first}/{name}"))


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: float) -> float:
    return round(value, _DECIMALS) if isinstance(value, float) else value


def _number(value: Any) -> Any:
    """A number of its text; anything else stays."""
    if not isinstance(value, str):
        return value
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return value
    if not math.isfinite(found):
        return value
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def _integer(value: Any) -> Any:
    found = _number(value)
    if isinstance(found, float) and found.is_integer():
        return int(found)
    return found if isinstance(found, int) else value


def _string(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _boolean(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    return _TRUTH.get(str(value).strip().lower(), value)


_MADE: Mapping[str, Callable[[Any], Any]] = {
    "string": _string, "number": _number, "integer": _integer, "boolean": _boolean,
}  # fmt: skip
