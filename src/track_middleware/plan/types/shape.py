"""What every language's typed calls are made of: functions, their fields, records and types.

No I/O happens here. Names are identifiers already; texts are as the plan has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..model import Plan
from ..parts import Event, Property
from .names import FUNCTIONS, PARAMETERS, TYPES, camel, functions, pascal, snake, ticked, unique

#: A value that an enum may hold, null left out.
Literal = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Type:
    """What a value may be. ``kinds``: by JSON Schema's names, null left out; empty: anything.
    ``enum`` None: any value of these kinds. ``name``: an enum's, where a language gives it one."""

    kinds: tuple[str, ...] = ()
    nullable: bool = False
    enum: tuple[Literal, ...] | None = None
    format: str | None = None
    items: Type | None = None
    record: Record | None = None
    name: str = ""

    @property
    def is_enum(self) -> bool:
        """Whether it is one of a few texts."""
        return self.kinds == ("string",) and bool(self.enum)

    @property
    def is_record(self) -> bool:
        """Whether it is an object whose members are known."""
        return self.kinds == ("object",) and self.record is not None


@dataclass(frozen=True, slots=True)
class Field:
    """A property: its ``key`` on the wire, its identifier, what it may be."""

    key: str
    name: str
    type: Type
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known members."""

    name: str
    fields: tuple[Field, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Function:
    """The typed call of one event."""

    event: str
    name: str
    record: Record

    @property
    def about(self) -> str:
        """The event's description."""
        return self.record.about

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its properties, those that are required first."""
        return tuple(sorted(self.record.fields, key=lambda each: not each.required))


def made(plan: Plan, language: str, *, platform: str | None) -> list[Function]:
    """The functions of a plan's events; of all, or of those that a platform may send. Names are
    the same whichever platform is asked for."""
    names = functions(plan.events.values(), language)
    types = _Types(language)
    return [
        Function(
            label, types.written(names[label]), types.record(label, event.properties, _of(event))
        )
        for label, event in plan.events.items()
        if event.kind == "track" and (platform is None or _sends(event, platform))
    ]


def types_of(record: Record) -> Iterator[Type]:
    """Every type within a record, inner ones first."""
    for field in record.fields:
        yield from _within(field.type)


def _within(type_: Type) -> Iterator[Type]:
    if type_.items is not None:
        yield from _within(type_.items)
    if type_.record is not None:
        yield from types_of(type_.record)
    yield type_


def _sends(event: Event, platform: str) -> bool:
    if event.server_only and platform != "server":
        return False
    return not event.platforms or platform in event.platforms


def _of(event: Event) -> str:
    owner = f"Owner: {event.owner}." if event.owner else ""
    return "\n\n".join(filter(None, (event.description, owner)))


class _Types:
    """Makes types, each with a name that no other type of the file has."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._style: Callable[[str], str] = snake if language == "python" else camel
        self._taken = set(TYPES[language]) | set(FUNCTIONS[language])
        self.written = ticked if language == "kotlin" else str

    def record(self, path: str, properties: Sequence[Property], about: str) -> Record:
        name = self._name(path)
        keys = [each.name for each in properties]
        reserved = PARAMETERS[self._language]
        names = unique(keys, map(self._style, keys), reserved=reserved, other="property")
        fields = tuple(
            Field(
                each.name, self.written(names[each.name]), self.type(f"{path} {each.name}", each),
                each.required, _about(each),
            )
            for each in properties
        )  # fmt: skip
        return Record(name, fields, about)

    def type(self, path: str, of: Property) -> Type:
        enum = of.enum
        kinds = of.type
        if not kinds and enum is not None:
            kinds = tuple(dict.fromkeys(map(_kind, enum)))
        known = {each: None for each in kinds if each != "null"}
        if {"integer", "number"} <= known.keys():
            del known["integer"]
        literals = tuple(each for each in enum or () if isinstance(each, str | int | float | bool))
        whole = enum is not None and all(each is None or each in literals for each in enum)
        return Type(
            tuple(known),
            nullable="null" in kinds and (enum is None or None in enum),
            enum=literals if whole and literals else None,
            format=of.format,
            items=self.type(path, of.items) if of.items is not None else None,
            record=self.record(path, of.properties, of.description) if of.properties else None,
            name=self._name(f"{path} value") if whole and literals else "",
        )

    def _name(self, path: str) -> str:
        (name,) = unique([path], [pascal(path)], reserved=self._taken, other="Type").values()
        self._taken.add(name)
        return self.written(name)


def _about(one: Property) -> str:
    unit = f"In {one.unit}." if one.unit else ""
    pattern = f"Matches {one.pattern}" if one.pattern else ""
    personal = f"Personal data: {one.pii}." if one.pii else ""
    return " ".join(filter(None, (one.description, unit, pattern, personal)))


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for type_, name in ((str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, type_):
            return name
    return "object"
