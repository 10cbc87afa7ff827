"""Typed calls in Swift: one method per event, over Segment's Analytics-Swift.

No I/O happens here. What is used of the SDK is ``Analytics.track(name:properties:)`` with
``[String: Any]`` (segment.com/docs/connections/sources/catalog/libraries/mobile/apple).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Plan
from . import text
from .names import TYPES, camel, unique
from .shape import Field, Function, Record, Type, made, types_of

_PLAIN = {
    "string": "String", "integer": "Int", "number": "Double", "boolean": "Bool",
    "object": "[String: Any]",
}  # fmt: skip


def written(plan: Plan, *, platform: str | None = "ios") -> str:
    """The file's source."""
    functions = made(plan, "swift", platform=platform)
    types = [line for each in functions for line in _types(each)]
    methods = [line for each in functions for line in _method(each)]
    return "\n".join([
        f"// {text.unnested(text.heading(plan))}", "// swiftlint:disable all", "",
        "import Foundation", "import Segment", "", *types,
        "public extension Analytics {", *methods, "}", "",
    ])  # fmt: skip


def _types(function: Function) -> Iterator[str]:
    for type_ in types_of(function.record):
        if type_.is_enum:
            yield from _enum(type_)
        elif type_.is_record and type_.record is not None:
            yield from _struct(type_.record)


def _enum(type_: Type) -> Iterator[str]:
    values = [str(each) for each in type_.enum or ()]
    reserved = {*TYPES["swift"], "rawValue", "none"}
    names = unique(values, map(camel, values), reserved=reserved, other="value")
    yield f"public enum {type_.name}: String {{"
    yield from (f"    case {names[value]} = {text.swift(value)}" for value in names)
    yield from ("}", "")


def _struct(record: Record) -> Iterator[str]:
    yield from _comment(record.about, "")
    yield f"public struct {record.name} {{"
    for field in record.fields:
        yield from _comment(field.about, "    ")
        yield f"    public var {field.name}: {_optional(field)}"
    yield ""
    yield f"    public init({', '.join(map(_parameter, record.fields))}) {{"
    yield from (f"        self.{field.name} = {field.name}" for field in record.fields)
    yield from ("    }", "", "    var sent: [String: Any] {")
    yield from _sent(record.fields)
    yield from ("        return sent", "    }", "}", "")


def _method(function: Function) -> Iterator[str]:
    yield from _comment(function.about or f"Sends {function.event}.", "    ")
    for field in function.fields:
        about = text.unnested(" ".join(text.lines(field.about)))
        if about:
            yield f"    /// - Parameter {field.name}: {about}"
    yield f"    func {function.name}({', '.join(map(_parameter, function.fields))}) {{"
    yield from _sent(function.fields)
    yield f"        track(name: {text.swift(function.event)}, properties: sent)"
    yield from ("    }", "")


def _sent(fields: tuple[Field, ...]) -> Iterator[str]:
    changed = "let" if all(field.required for field in fields) else "var"
    required = [field for field in fields if field.required]
    if not required:
        yield f"        {changed} sent: [String: Any] = [:]"
    else:
        yield f"        {changed} sent: [String: Any] = ["
        for field in required:
            yield f"            {text.swift(field.key)}: {_json(field.type, field.name)},"
        yield "        ]"
    for field in fields:
        if not field.required:
            yield f"        if let {field.name} = {field.name} {{"
            value = _known(field.type, field.name)
            yield f"            sent[{text.swift(field.key)}] = {value}"
            yield "        }"


def _parameter(field: Field) -> str:
    default = "" if field.required else " = nil"
    return f"{field.name}: {_optional(field)}{default}"


def _optional(field: Field) -> str:
    kind = _kind(field.type)
    wanted = field.type.nullable or not field.required
    return f"{kind}?" if wanted else kind


def _kind(type_: Type) -> str:
    """A type, as if it could not be null."""
    if type_.is_enum:
        return type_.name
    if len(type_.kinds) != 1:
        return "Any"
    if type_.kinds == ("array",):
        if type_.items is None:
            return "[Any]"
        return f"[{_kind(type_.items)}{'?' if type_.items.nullable else ''}]"
    if type_.is_record and type_.record is not None:
        return type_.record.name
    return _PLAIN[type_.kinds[0]]


def _json(type_: Type, value: str) -> str:
    """What of a value goes into a dictionary: null as NSNull."""
    if not type_.nullable:
        return _known(type_, value)
    return f"{value}.map {{ {_known(type_, '$0')} as Any }} ?? NSNull()"


def _known(type_: Type, value: str) -> str:
    """The same of a value that is not null."""
    if type_.is_enum:
        return f"{value}.rawValue"
    if type_.is_record:
        return f"{value}.sent"
    if type_.kinds == ("array",) and type_.items is not None:
        inner = _json(type_.items, "$0")
        return value if inner == "$0" else f"{value}.map {{ {inner} }}"
    return value


def _comment(about: str, indent: str) -> Iterator[str]:
    yield from (f"{indent}/// {text.unnested(line)}".rstrip() for line in text.lines(about))
