"""Typed calls in Kotlin: one extension function per event, over Segment's Analytics-Kotlin.

No I/O happens here. What is used of the SDK is ``Analytics.track(name, properties)`` with a
``JsonObject`` of kotlinx.serialization
(segment.com/docs/connections/sources/catalog/libraries/mobile/kotlin-android).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Plan
from . import text
from .names import TYPES, pascal, ticked, unique
from .shape import Field, Function, Record, Type, made, types_of

_PLAIN = {
    "string": "String", "integer": "Long", "number": "Number", "boolean": "Boolean",
    "object": "JsonObject", "array": "JsonArray",
}  # fmt: skip

_IMPORTS = (
    "com.segment.analytics.kotlin.core.Analytics",
    "kotlinx.serialization.json.JsonArray",
    "kotlinx.serialization.json.JsonElement",
    "kotlinx.serialization.json.JsonNull",
    "kotlinx.serialization.json.JsonObject",
    "kotlinx.serialization.json.JsonPrimitive",
    "kotlinx.serialization.json.buildJsonObject",
)


def written(plan: Plan, *, platform: str | None = "android") -> str:
    """The file's source. It has no package: whoever keeps it in one writes that above."""
    functions = made(plan, "kotlin", platform=platform)
    return "\n".join([
        f"// {text.unnested(text.heading(plan))}", '@file:Suppress("unused")', "",
        *(f"import {name}" for name in _IMPORTS), "",
        *(line for each in functions for line in _types(each)),
        *(line for each in functions for line in _function(each)),
    ])  # fmt: skip


def _types(function: Function) -> Iterator[str]:
    for type_ in types_of(function.record):
        if type_.is_enum:
            yield from _enum(type_)
        elif type_.is_record and type_.record is not None:
            yield from _class(type_.record)


def _enum(type_: Type) -> Iterator[str]:
    values = [str(each) for each in type_.enum or ()]
    reserved = {*TYPES["kotlin"], "Companion"}
    names = unique(values, map(pascal, values), reserved=reserved, other="Value")
    yield f"enum class {type_.name}(val sent: String) {{"
    yield from (f"    {ticked(names[value])}({text.kotlin(value)})," for value in names)
    yield from ("}", "")


def _class(record: Record) -> Iterator[str]:
    yield from _comment(record.about, "")
    yield f"class {record.name}("
    for field in record.fields:
        yield from _comment(field.about, "    ")
        yield f"    val {_parameter(field)},"
    yield from (") {", "    fun toJson(): JsonObject = buildJsonObject {")
    yield from _puts(record.fields, "        ")
    yield from ("    }", "}", "")


def _function(function: Function) -> Iterator[str]:
    told = [function.about or f"Sends {function.event}."]
    told += [
        f"@param {field.name} {' '.join(text.lines(field.about))}"
        for field in function.fields
        if field.about
    ]
    yield from _comment("\n".join(told), "")
    parameters = ", ".join(map(_parameter, function.fields))
    yield f"fun Analytics.{function.name}({parameters}) {{"
    yield f"    track({text.kotlin(function.event)}, buildJsonObject {{"
    yield from _puts(function.fields, "        ")
    yield from ("    })", "}", "")


def _puts(fields: tuple[Field, ...], indent: str) -> Iterator[str]:
    for field in fields:
        key = text.kotlin(field.key)
        if field.required:
            yield f"{indent}put({key}, {_json(field.type, field.name)})"
        else:
            yield f"{indent}{field.name}?.let {{ put({key}, {_known(field.type, 'it')}) }}"


def _parameter(field: Field) -> str:
    question = "?" if field.type.nullable or not field.required else ""
    return f"{field.name}: {_kind(field.type)}{question}{'' if field.required else ' = null'}"


def _kind(type_: Type) -> str:
    """A type, as if it could not be null."""
    if type_.is_enum:
        return type_.name
    if len(type_.kinds) != 1:
        return "JsonElement"
    if type_.kinds == ("array",) and type_.items is not None:
        return f"List<{_kind(type_.items)}{'?' if type_.items.nullable else ''}>"
    if type_.is_record and type_.record is not None:
        return type_.record.name
    return _PLAIN[type_.kinds[0]]


def _json(type_: Type, value: str) -> str:
    """A value as an element of JSON."""
    if not type_.nullable:
        return _known(type_, value)
    return f"({value}?.let {{ {_known(type_, 'it')} }} ?: JsonNull)"


def _known(type_: Type, value: str) -> str:
    """The same of a value that is not null."""
    if type_.is_enum:
        return f"JsonPrimitive({value}.sent)"
    if type_.is_record:
        return f"{value}.toJson()"
    if type_.kinds == ("array",) and type_.items is not None:
        return f"JsonArray({value}.map {{ {_json(type_.items, 'it')} }})"
    if type_.kinds in (("string",), ("integer",), ("number",), ("boolean",)):
        return f"JsonPrimitive({value})"
    return value


def _comment(about: str, indent: str) -> Iterator[str]:
    """KDoc; Kotlin's comments nest, so that neither sign may stand in one."""
    told = [text.unnested(line) for line in text.lines(about)]
    if told:
        yield f"{indent}/**"
        yield from (f"{indent} * {line}".rstrip() for line in told)
        yield f"{indent} */"
