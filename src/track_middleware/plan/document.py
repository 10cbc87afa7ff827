"""A plan as one JSON document (or the same in YAML), read and written.

No I/O happens here. docs/plan.md lists the members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from ..errors import PlanError
from ..settings import PLATFORMS
from .model import Plan
from .parts import BASES, KINDS, MODES, NOTHING, TYPES, Basis, Event, Mode, Property
from .schema import properties_of

_PLAN = (
    "name", "version", "description", "mode", "unknown", "common", "source", "events",
)  # fmt: skip
_EVENT = (
    "description", "owner", "platforms", "properties", "destinations", "sampling", "server_only",
    "mode", "basis", "schema", "message", "kind", "source",
)  # fmt: skip
_PROPERTY = (
    "type", "required", "enum", "pattern", "unit", "pii", "description", "destinations", "format",
    "items", "properties", "keywords",
)  # fmt: skip

#: What may be said of a property of an event that is checked by a schema.
_BESIDE_A_SCHEMA = ("unit", "pii", "description", "destinations")

T = TypeVar("T")


def read(document: object, *, name: str) -> Plan:
    """The plan that a document holds; PlanError says where it is none. ``name`` is the plan's where
    it has none of its own."""
    said = _members(document, _PLAN, "the plan")
    events = _mapping(said.get("events", {}), "events")
    return Plan(
        name=_text(said, "name", "the plan") or name,
        version=_text(said, "version", "the plan"),
        events={label: _event(label, each) for label, each in events.items()},
        mode=_one_of(said, "mode", MODES, "the plan") or "warn",
        unknown=_one_of(said, "unknown", MODES, "the plan") or "warn",
        description=_text(said, "description", "the plan"),
        common=_optional_mapping(said, "common", "the plan"),
        source=_optional_mapping(said, "source", "the plan") or NOTHING,
    )


def written(plan: Plan) -> dict[str, Any]:
    """The document of a plan: ``read`` makes the same plan of it."""
    said = {
        "name": plan.name, "version": plan.version, "description": plan.description,
        "mode": plan.mode, "unknown": plan.unknown, "common": plan.common,
        "source": dict(plan.source),
    }  # fmt: skip
    events = {label: _said_of_event(label, each) for label, each in plan.events.items()}
    return {**_kept(said, always=("name",)), "events": events}


def _event(label: str, document: object) -> Event:
    where = f"events.{label}"
    said = _members(document, _EVENT, where)
    sampling = said.get("sampling", 1.0)
    if (
        isinstance(sampling, bool)
        or not isinstance(sampling, (int, float))
        or not (0 <= sampling <= 1)
    ):
        raise PlanError(f"{where}.sampling: {sampling!r} is no share from 0 to 1")
    event = Event(
        label,
        description=_text(said, "description", where),
        owner=_text(said, "owner", where),
        platforms=_platforms(said.get("platforms"), where),
        properties=_properties(said.get("properties"), where),
        destinations=_texts(said, "destinations", where),
        sampling=float(sampling),
        server_only=_flag(said, "server_only", where),
        mode=cast(Mode | None, _one_of(said, "mode", MODES, where)),
        basis=cast(Basis, _one_of(said, "basis", BASES, where) or "consent"),
        schema=_optional_mapping(said, "schema", where),
        message=_optional_mapping(said, "message", where),
        kind=_one_of(said, "kind", KINDS, where) or "track",
        source=_optional_mapping(said, "source", where) or NOTHING,
    )
    if event.kind != "track" and label != event.kind.capitalize():
        raise PlanError(f"{where}.kind: an event of kind {event.kind} is called "
                        f"{event.kind.capitalize()}")  # fmt: skip
    return with_schema(event, where)


def with_schema(event: Event, where: str) -> Event:
    """An event whose properties are those of its schema, where it has one; what is said of them
    beside it stays. PlanError where that cannot be said beside a schema."""
    read_from = imported_properties(event)
    if read_from is None:
        return event
    beside = {each.name: each for each in event.properties}
    for name, each in beside.items():
        bare = replace(each, unit=None, pii=None, destinations=None, description="")
        if bare != Property(name) or name not in {one.name for one in read_from}:
            raise PlanError(
                f"{where}.properties.{name}: the event is checked by its schema; beside it a "
                f"property of the schema may say {', '.join(_BESIDE_A_SCHEMA)}, and no more"
            )
    return replace(event, properties=tuple(_beside(each, beside) for each in read_from))


def imported_properties(event: Event) -> tuple[Property, ...] | None:
    """The properties that an event's schema, or its message's, names; None without one."""
    if event.schema is not None:
        return properties_of(event.schema)
    if event.message is None:
        return None
    place = "traits" if event.kind in ("identify", "group") else "properties"
    inner = event.message.get("properties")
    return properties_of(inner.get(place) if isinstance(inner, Mapping) else None)


def _beside(one: Property, said: Mapping[str, Property]) -> Property:
    more = said.get(one.name)
    if more is None:
        return one
    return replace(
        one, unit=more.unit, pii=more.pii, destinations=more.destinations,
        description=more.description or one.description,
    )  # fmt: skip


def _properties(document: object, where: str) -> tuple[Property, ...]:
    if document is None:
        return ()
    named = _mapping(document, f"{where}.properties")
    return tuple(
        _property(name, each, f"{where}.properties.{name}") for name, each in named.items()
    )


def _property(name: str, document: object, where: str) -> Property:
    said = _members(document, _PROPERTY, where)
    enum, items = said.get("enum"), said.get("items")
    if enum is not None and not (isinstance(enum, list) and enum):
        raise PlanError(f"{where}.enum: {enum!r} is no list of values")
    return Property(
        name,
        type=_types(said.get("type"), where),
        required=_flag(said, "required", where),
        enum=None if enum is None else tuple(enum),
        pattern=_text(said, "pattern", where) or None,
        unit=_text(said, "unit", where) or None,
        pii=_text(said, "pii", where) or None,
        description=_text(said, "description", where),
        destinations=_texts(said, "destinations", where),
        format=_text(said, "format", where) or None,
        items=None if items is None else _property("", items, f"{where}.items"),
        properties=_properties(said.get("properties"), where),
        keywords=_optional_mapping(said, "keywords", where) or NOTHING,
    )


def _types(named: object, where: str) -> tuple[str, ...]:
    several = [] if named is None else [named] if isinstance(named, str) else named
    if not isinstance(several, list) or not {*map(str, several)} <= {*TYPES}:
        raise PlanError(
            f"{where}.type: {named!r} is none of {', '.join(TYPES)}, nor a list of them"
        )
    return tuple(several)


def _platforms(named: object, where: str) -> Mapping[str, str | None]:
    found = dict.fromkeys(named) if isinstance(named, list) else named or {}
    for platform, since in _mapping(found, f"{where}.platforms").items():
        if platform not in PLATFORMS:
            there = ", ".join(PLATFORMS)
            raise PlanError(f"{where}.platforms: {platform!r} is none of {there}")
        if since is not None and not isinstance(since, str):
            raise PlanError(f"{where}.platforms.{platform}: a version is a text, not {since!r}")
    return dict(found)  # type: ignore[call-overload, no-any-return]


def _said_of_event(label: str, event: Event) -> dict[str, Any]:
    imported = imported_properties(event)
    said = {
        "description": event.description, "owner": event.owner,
        "platforms": dict(event.platforms), "destinations": event.destinations,
        "sampling": None if event.sampling == 1 else event.sampling,
        "server_only": event.server_only, "mode": event.mode,
        "basis": None if event.basis == "consent" else event.basis,
        "kind": None if event.kind == "track" else event.kind,
        "properties": _said_of_properties(event.properties, imported),
        "schema": event.schema, "message": event.message, "source": dict(event.source),
    }  # fmt: skip
    return _kept(said, always=("schema", "message"))


def _said_of_properties(
    properties: tuple[Property, ...], imported: tuple[Property, ...] | None
) -> dict[str, Any]:
    if imported is None:
        return {each.name: _said_of_property(each) for each in properties}
    before = {each.name: each for each in imported}
    return {
        each.name: {
            name: value for name, value in _said_of_property(each).items()
            if name in _BESIDE_A_SCHEMA and getattr(each, name) != getattr(before[each.name], name)
        }
        for each in properties if each != before[each.name]
    }  # fmt: skip


def _said_of_property(one: Property) -> dict[str, Any]:
    return _kept({
        "type": one.type[0] if len(one.type) == 1 else list(one.type),
        "required": one.required,
        "enum": None if one.enum is None else list(one.enum),
        "pattern": one.pattern, "format": one.format, "unit": one.unit, "pii": one.pii,
        "description": one.description, "destinations": one.destinations,
        "items": None if one.items is None else _said_of_property(one.items),
        "properties": _said_of_properties(one.properties, None),
        "keywords": dict(one.keywords),
    }, always=("items",))  # fmt: skip


def _kept(said: Mapping[str, Any], *, always: tuple[str, ...]) -> dict[str, Any]:
    """What says something; empty too where it is ``always`` said, or a list of destinations."""
    kept = {}
    for name, value in said.items():
        if isinstance(value, tuple):
            kept[name] = list(value)
        elif value or (name in always and value is not None):
            kept[name] = value
    return kept


def _members(document: object, known: tuple[str, ...], where: str) -> Mapping[str, Any]:
    said = _mapping(document, where)
    for name in said:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(known)}"
            raise PlanError(f"{where}: there is no member {name!r}{hint}")
    return said


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise PlanError(f"{where}: an object is wanted here, not {str(value)[:60]!r}")
    return value


def _optional_mapping(said: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any] | None:
    value = said.get(name)
    return None if value is None else _mapping(value, f"{where}.{name}")


def _text(said: Mapping[str, Any], name: str, where: str) -> str:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise PlanError(f"{where}.{name}: a text is wanted, not {value!r}")
    return value or ""


def _texts(said: Mapping[str, Any], name: str, where: str) -> tuple[str, ...] | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise PlanError(f"{where}.{name}: a list of texts is wanted, not {value!r}")
    return tuple(value)


def _flag(said: Mapping[str, Any], name: str, where: str) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        raise PlanError(f"{where}.{name}: true or false is wanted, not {value!r}")
    return value


def _one_of(said: Mapping[str, Any], name: str, known: tuple[T, ...], where: str) -> T | None:
    value = said.get(name)
    if value is not None and value not in known:
        raise PlanError(f"{where}.{name}: {value!r} is none of {', '.join(map(str, known))}")
    return cast(T | None, value)
