"""Between a plan's properties and JSON Schema, in both directions.

No I/O happens here. Keywords: json-schema.org, drafts 4 to 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .parts import TYPES, Event, Property

#: The draft of the schemas that are made here.
DRAFT = "http://json-schema.org/draft-07/schema#"

#: Keywords that a property says in words of its own; the others are its ``keywords``.
_SAID = {"type", "enum", "pattern", "description", "format", "items", "properties", "required"}


def of_event(event: Event) -> Mapping[str, Any]:
    """The JSON Schema of an event's properties: as imported, else made of its properties."""
    return event.schema if event.schema is not None else of_object(event.properties)


def of_object(properties: Sequence[Property]) -> dict[str, Any]:
    """The JSON Schema of an object with these members; it may have others."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: of_property(each) for each in properties},
    }
    required = [each.name for each in properties if each.required]
    return {**schema, "required": required} if required else schema


def of_property(one: Property) -> dict[str, Any]:
    """The JSON Schema of a property's value."""
    schema: dict[str, Any] = {}
    if one.type:
        schema["type"] = one.type[0] if len(one.type) == 1 else list(one.type)
    if one.enum is not None:
        schema["enum"] = list(one.enum)
    texts = {"pattern": one.pattern, "format": one.format, "description": one.description}
    schema |= {keyword: text for keyword, text in texts.items() if text}
    if one.items is not None:
        schema["items"] = of_property(one.items)
    if one.properties:
        inner = of_object(one.properties)
        schema |= {name: inner[name] for name in ("properties", "required") if name in inner}
    return {**schema, **one.keywords}


def properties_of(schema: object) -> tuple[Property, ...]:
    """The properties that a schema of an object names, as far as a plan can say it."""
    inner = _mapping(schema).get("properties")
    names = _mapping(schema).get("required")
    required = set(names) if isinstance(names, list) else set()
    return tuple(
        property_of(name, value, required=name in required)
        for name, value in _mapping(inner).items()
    )


def property_of(name: str, schema: object, *, required: bool = False) -> Property:
    """A property of that schema, as far as a plan can say it; what it cannot is in ``keywords``."""
    said = _mapping(schema)
    enum, items = said.get("enum"), said.get("items")
    if enum is None and "const" in said:
        enum = [said["const"]]
    return Property(
        name,
        type=_types(said.get("type")),
        required=required,
        enum=tuple(enum) if isinstance(enum, list) else None,
        pattern=_text(said.get("pattern")) or None,
        description=_text(said.get("description")),
        format=_text(said.get("format")) or None,
        items=property_of("", items) if isinstance(items, Mapping) and items else None,
        properties=properties_of(said),
        keywords={key: value for key, value in said.items() if key not in _SAID},
    )


def _types(named: object) -> tuple[str, ...]:
    several = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    return tuple(each for each in several if each in TYPES)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
