"""What events really look like, by event and platform: numbers, properties, types, versions.

Looked at one after the other, in memory that does not grow with them. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

#: Of more events on more platforms, of more properties of an event, of more versions of an app than
#: these, the further ones are counted together.
CELLS, PROPERTIES, VERSIONS = 5000, 200, 30

#: What stands for the further ones.
OTHERS = "…"

#: The platform of an event that names none.
UNNAMED = "unknown"

_TYPES: Mapping[int, str] = {
    ord('"'): "string", ord("{"): "object", ord("["): "array", ord("t"): "boolean",
    ord("f"): "boolean", ord("n"): "null",
}  # fmt: skip


class _Context(msgspec.Struct):
    platform: Any = None
    app: Any = None


class Looked(msgspec.Struct, gc=False):
    """What is looked at of an event's JSON."""

    type: str
    event: str | None = None
    properties: dict[str, msgspec.Raw] | None = None
    traits: dict[str, msgspec.Raw] | None = None
    context: _Context | None = None


class Key(NamedTuple):
    """One event on one platform."""

    event: str
    platform: str


class Span(msgspec.Struct):
    """How many, and between which moments (epoch seconds)."""

    count: int = 0
    first: float = float("inf")
    last: float = 0.0

    def add(self, at: float) -> None:
        """One more."""
        self.count += 1
        self.first = min(self.first, at)
        self.last = max(self.last, at)

    def join(self, other: Span) -> None:
        """Those of another span too."""
        self.count += other.count
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)


class Filled(msgspec.Struct):
    """One property: how often it had a value, of which types, and in which versions."""

    count: int = 0
    types: Counter[str] = msgspec.field(default_factory=Counter)
    versions: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, kind: str, version: str) -> None:
        """One event more that has it."""
        self.count += 1
        self.types[kind] += 1
        if version:
            self.versions[version] += 1

    def join(self, other: Filled) -> None:
        """What another was filled with too."""
        self.count += other.count
        self.types += other.types
        self.versions += other.versions


class Cell(msgspec.Struct):
    """What was seen of one event on one platform."""

    span: Span = msgspec.field(default_factory=Span)
    versions: dict[str, Span] = msgspec.field(default_factory=dict)
    properties: dict[str, Filled] = msgspec.field(default_factory=dict)

    def share(self, name: str) -> float:
        """How many of the events have the property, 0 to 1."""
        found = self.properties.get(name)
        return found.count / self.span.count if found and self.span.count else 0.0

    def join(self, other: Cell) -> None:
        """What was seen at another time too."""
        self.span.join(other.span)
        for version, span in other.versions.items():
            if version not in self.versions and len(self.versions) >= VERSIONS:
                version = OTHERS
            self.versions.setdefault(version, Span()).join(span)
        for name, filled in other.properties.items():
            _property(self, name).join(filled)


class Observed:
    """All cells. ``add`` each event."""

    def __init__(self) -> None:
        self.cells: dict[Key, Cell] = {}

    def add(self, looked: Looked, label: str, at: float) -> None:
        """An event of the log under the name that it has there, and when it was accepted."""
        context = looked.context or _Context()
        platform = context.platform if isinstance(context.platform, str) else UNNAMED
        version = context.app.get("version") if isinstance(context.app, dict) else None
        cell = self._cell(Key(label, platform))
        cell.span.add(at)
        version = version[:40] if isinstance(version, str) else ""
        if version:
            if version not in cell.versions and len(cell.versions) >= VERSIONS:
                version = OTHERS
            cell.versions.setdefault(version, Span()).add(at)
        bag = looked.traits if looked.type in ("identify", "group") else looked.properties
        for name, raw in (bag or {}).items():
            kind = type_of(raw)
            if kind:
                _property(cell, name).add(kind, version)

    def join(self, label: str, platform: str, cell: Cell) -> None:
        """What was seen of an event on a platform at another time."""
        self._cell(Key(label, platform)).join(cell)

    def platforms(self) -> list[str]:
        """All platforms, those with most events first."""
        found: Counter[str] = Counter()
        for key, cell in self.cells.items():
            found[key.platform] += cell.span.count
        return [name for name, _ in found.most_common()]

    def events(self) -> dict[str, dict[str, Cell]]:
        """The cells by event and platform, events with most first."""
        totals: Counter[str] = Counter()
        for key, cell in self.cells.items():
            totals[key.event] += cell.span.count
        found: dict[str, dict[str, Cell]] = {name: {} for name, _ in totals.most_common()}
        for key, cell in self.cells.items():
            found[key.event][key.platform] = cell
        return found

    def _cell(self, key: Key) -> Cell:
        cell = self.cells.get(key)
        if cell is None:
            if len(self.cells) >= CELLS:
                key = Key(OTHERS, OTHERS)
            cell = self.cells.setdefault(key, Cell())
        return cell


def _property(cell: Cell, name: str) -> Filled:
    filled = cell.properties.get(name)
    if filled is None:
        if len(cell.properties) >= PROPERTIES:
            name = OTHERS
        filled = cell.properties.setdefault(name, Filled())
    return filled


def type_of(raw: msgspec.Raw) -> str:
    """The type of a JSON value by JSON Schema's name; "" of what says nothing: null, empty text."""
    text = bytes(raw)
    kind = _TYPES.get(text[0], "")
    if kind == "null" or text == b'""':
        return ""
    if kind:
        return kind
    return "number" if any(each in text for each in b".eE") else "integer"
