"""Plans as Python: a class per event, its docstring the description, its annotations the types.

::

    class OrderCompleted(Planned, owner="shop", server_only=True):
        \"\"\"Somebody paid.\"\"\"

        order_id: Annotated[str, "The shop's own number", Pattern(r"^[0-9]+$")]
        revenue: Annotated[float, Unit("EUR")]
        coupon: str | None = None

A property with a default need not be there. No I/O happens here; whoever has imported such a module
gets its plan by ``plan_of``, while the module is among ``sys.modules``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from inspect import cleandoc
from types import ModuleType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)
from uuid import UUID

from ..errors import PlanError
from . import document
from .model import Plan
from .parts import Event, Property

#: The default of a property that need not be there, and is not null when it is.
optional: Any = object()


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts: ``Unit("EUR")``."""

    name: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that a text must match somewhere."""

    expression: str


@dataclass(frozen=True, slots=True)
class PII:
    """That a property is personal data, and of what kind: ``PII("email")``."""

    kind: str


class Only:
    """The names of the only destinations that get a property: ``Only("amplitude")``."""

    def __init__(self, *destinations: str) -> None:
        self.destinations = destinations


class Keywords:
    """Further keywords of JSON Schema: ``Keywords(minimum=0)``."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords


class Planned:
    """An event of the plan; its keywords are those of ``Event``. Without ``name`` it is called what
    its class is, in words: ``OrderCompleted`` is ``Order Completed``."""

    __about__: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        platforms: Collection[str] | Mapping[str, str | None] = (),
        **about: Any,
    ) -> None:
        super().__init_subclass__()
        cls.__about__ = {"name": name or _words(cls.__name__), "platforms": platforms, **about}


_PLAIN: Mapping[Any, Property] = {
    str: Property("", ("string",)),
    int: Property("", ("integer",)),
    float: Property("", ("number",)),
    Decimal: Property("", ("number",)),
    bool: Property("", ("boolean",)),
    datetime: Property("", ("string",), format="date-time"),
    date: Property("", ("string",), format="date"),
    UUID: Property("", ("string",), format="uuid"),
    NoneType: Property("", ("null",)),
    Any: Property(""),
    object: Property(""),
}


def plan_of(module: ModuleType, *, name: str) -> Plan:
    """The plan that a module's classes describe. Its docstring describes the plan; what else is
    said of it stands in ``PLAN = {"name": …, "version": …, "mode": …, "unknown": …}``."""
    events: dict[str, Event] = {}
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, Planned) and each is not Planned:
            event = _event(each)
            if events.setdefault(event.name, event) != event:
                raise PlanError(f"{each.__name__}: there is an event {event.name!r} already")
    about = {"description": cleandoc(module.__doc__ or ""), **getattr(module, "PLAN", {})}
    return replace(document.read(about, name=name), events=events)


def _event(cls: type[Planned]) -> Event:
    about = dict(cls.__about__)
    name = about.pop("name")
    platforms = about.pop("platforms")
    said = {
        "description": cleandoc(cls.__doc__ or ""),
        "platforms": dict(platforms) if isinstance(platforms, Mapping) else list(platforms),
        **{key: list(each) if isinstance(each, tuple) else each for key, each in about.items()},
    }
    event = document.read({"events": {name: said}}, name=name).events[name]
    return replace(event, properties=tuple(_members(cls)))


def _members(cls: type) -> Iterable[Property]:
    """The members that a class's annotations describe, in order."""
    hints = get_type_hints(cls, include_extras=True)
    loose: frozenset[str] = getattr(cls, "__optional_keys__", frozenset())
    for name, hint in hints.items():
        if name.startswith("__"):
            continue
        where = f"{cls.__name__}.{name}"
        # Of annotations that are kept as texts, a TypedDict does not see what they say.
        asked = get_origin(hint)
        loose_here = name in loose or hasattr(cls, name) or asked is NotRequired
        there = asked is Required or not loose_here
        yield replace(_property(hint, where), name=name, required=there)


def _property(hint: Any, where: str) -> Property:
    plain = _PLAIN.get(hint) if isinstance(hint, type) or hint is Any else None
    if plain is not None:
        return plain
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _noted(_property(arguments[0], where), arguments[1:], where)
    if origin in (NotRequired, Required):
        return _property(arguments[0], where)
    if origin in (Union, UnionType):
        return _union([_property(each, where) for each in arguments], where)
    if origin is Literal:
        return _enum(arguments, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum([each.value for each in hint], where)
    return _several(hint, origin, where)


def _several(hint: Any, origin: Any, where: str) -> Property:
    """An array or an object."""
    kind = origin or hint
    if isinstance(kind, type) and not is_typeddict(kind):
        if issubclass(kind, Mapping):
            return Property("", ("object",))
        if issubclass(kind, (Sequence, set, frozenset)) and kind not in (bytes, bytearray):
            inside = [each for each in get_args(hint) if each is not ...]
            items = _property(inside[0], where) if len(inside) == 1 else None
            return Property("", ("array",), items=items)
    if is_typeddict(kind) or getattr(kind, "__annotations__", None):
        return Property("", ("object",), properties=tuple(_members(kind)))
    raise PlanError(f"{where}: {hint!r} is no type that a property can have")


def _union(parts: Sequence[Property], where: str) -> Property:
    """The union of types; of at most one that is more than its name."""
    rich = [each for each in parts if each != Property("", each.type)]
    types = tuple(dict.fromkeys(name for each in parts for name in each.type))
    if not rich:
        return Property("", types if all(each.type for each in parts) else ())
    if len(rich) > 1 or any(each.type not in (("null",), rich[0].type) for each in parts):
        raise PlanError(f"{where}: such a union is too much for a plan; say Any, or one of them")
    enum = rich[0].enum
    return replace(rich[0], type=types, enum=None if enum is None else (*enum, None))


def _enum(values: Sequence[Any], where: str) -> Property:
    kinds = dict.fromkeys(type(each) for each in values)
    if not all(kind in _PLAIN for kind in kinds):
        raise PlanError(f"{where}: its values are texts, numbers and booleans")
    return Property("", tuple(_PLAIN[kind].type[0] for kind in kinds), enum=tuple(values))


def _noted(one: Property, notes: Sequence[Any], where: str) -> Property:
    for note in notes:
        match note:
            case str():
                one = replace(one, description=note)
            case Unit():
                one = replace(one, unit=note.name)
            case Pattern():
                one = replace(one, pattern=note.expression)
            case PII():
                one = replace(one, pii=note.kind)
            case Only():
                one = replace(one, destinations=note.destinations)
            case Keywords():
                one = replace(one, keywords={**one.keywords, **note.keywords})
            case _:
                raise PlanError(f"{where}: {note!r} is no note that a plan knows")
    return one


def _words(name: str) -> str:
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name))
