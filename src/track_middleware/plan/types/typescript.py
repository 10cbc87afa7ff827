"""Typed calls in TypeScript: one function per event, over the page's ``track`` or any like it.

No I/O happens here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..model import Plan
from . import text
from .shape import Field, Function, Record, Type, made, types_of

_PLAIN = {
    "string": "string", "integer": "number", "number": "number", "boolean": "boolean",
    "object": "Record<string, unknown>",
}  # fmt: skip

_HEAD = """
/** What sends: the page's own `track` has this shape, and so has any SDK's, bound to it. */
export type Tracker = (name: string, properties?: Record<string, unknown>) => unknown;

let tracker: Tracker | undefined;

/** Sends by another tracker: `sendBy((name, properties) => analytics.track(name, properties))`. */
export function sendBy(other: Tracker): void {
  tracker = other;
}

function track(name: string, properties: Record<string, unknown>): void {
  const send = tracker ?? (globalThis as unknown as Record<string, Tracker | undefined>)[%s];
  if (send) send(name, properties);
}
"""


def written(plan: Plan, *, platform: str | None = "web", name: str = "track") -> str:
    """The module's source. ``name`` is the page's function (``client_global``)."""
    functions = made(plan, "typescript", platform=platform)
    body = [line for each in functions for line in _function(each)]
    head = f"// {text.heading(plan)}\n/* eslint-disable */\n" + _HEAD % text.script(name)
    return "\n".join([head, *body]).rstrip("\n") + "\n"


def _function(function: Function) -> Iterator[str]:
    for type_ in types_of(function.record):
        if type_.record is not None:
            yield from _interface(type_.record)
    yield from _interface(function.record)
    yield from _comment(function.about or f"Sends {function.event}.", "")
    # Of its own, {} has a toString: an event may have a property of that name.
    none = f" = {{}} as {function.record.name}"
    none = "" if any(field.required for field in function.fields) else none
    yield f"export function {function.name}(properties: {function.record.name}{none}): void {{"
    yield f"  track({text.script(function.event)}, {{ ...properties }});"
    yield from ("}", "")


def _interface(record: Record) -> Iterator[str]:
    yield from _comment(record.about, "")
    yield f"export interface {record.name} {{"
    for field in record.fields:
        yield from _comment(field.about, "  ")
        yield f"  {_key(field)}{'' if field.required else '?'}: {_kind(field.type)};"
    yield from ("}", "")


def _key(field: Field) -> str:
    return (
        field.key if re.fullmatch(r"[A-Za-z_]\w*", field.key, re.ASCII) else text.script(field.key)
    )


def _kind(type_: Type) -> str:
    if type_.enum:
        found = [
            text.script(each) if isinstance(each, str) else json.dumps(each) for each in type_.enum
        ]
    else:
        found = [_one(kind, type_) for kind in type_.kinds] or ["unknown"]
    null = ["null"] if type_.nullable and found != ["unknown"] else []
    return " | ".join(dict.fromkeys([*found, *null]))


def _one(kind: str, type_: Type) -> str:
    if kind == "array":
        return f"ReadonlyArray<{_kind(type_.items) if type_.items is not None else 'unknown'}>"
    if kind == "object" and type_.record is not None:
        return type_.record.name
    if kind == "string" and type_.format in ("date-time", "date"):
        return "string | Date"
    return _PLAIN[kind]


def _comment(about: str, indent: str) -> Iterator[str]:
    told = [line.replace("*/", "*\\/") for line in text.lines(about)]
    if len(told) == 1:
        yield f"{indent}/** {told[0]} */"
    elif told:
        yield f"{indent}/**"
        yield from (f"{indent} * {line}".rstrip() for line in told)
        yield f"{indent} */"
