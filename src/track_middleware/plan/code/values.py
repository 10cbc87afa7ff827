"""What is wrong with the properties of a call, as far as its source tells their values.

No I/O happens here. What is written out in full is judged by the plan's own compiled check; what
only the running program knows, by its type where the source tells that much.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..compiled import EventCheck
from ..parts import Property
from .call import Members, Unread

#: (path, problem) pairs; the path begins at the property.
Problems = Iterator[tuple[str, str]]

_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def problems(check: EventCheck, given: Members) -> Problems:
    """What is wrong with known values; that others are missing is not told here."""
    plain: dict[str, Any] = {}
    for name, value in given.known.items():
        if is_whole(value):
            plain[name] = as_json(value)
            continue
        planned = check.event.property(name)
        if planned is not None:
            yield from _loose(planned, value, name)
    if check.properties is None or check.properties.is_valid(plain):
        return
    for error in check.properties.iter_errors(plain):
        if error.instance_path:  # what is wrong with the whole is that something is missing
            yield _dotted(error.instance_path), error.message[:300]


def is_whole(value: Any) -> bool:
    """Whether everything of a value is known."""
    if isinstance(value, Members):
        return value.complete and all(map(is_whole, value.known.values()))
    if isinstance(value, list):
        return all(map(is_whole, value))
    return not isinstance(value, Unread)


def as_json(value: Any) -> Any:
    """A whole value as it would be sent."""
    if isinstance(value, Members):
        return {name: as_json(each) for name, each in value.known.items()}
    return [as_json(each) for each in value] if isinstance(value, list) else value


def _loose(planned: Property, value: Any, path: str) -> Problems:
    kind = _type(value)
    if planned.type and kind is not None and not _fits(kind, planned.type):
        yield path, f"this is of type {kind}, not {' or '.join(planned.type)}"
    elif isinstance(value, Members):
        for inner in planned.properties:
            if inner.name in value.known:
                yield from _loose(inner, value.known[inner.name], f"{path}.{inner.name}")
            elif inner.required and value.complete:
                yield f"{path}.{inner.name}", "it is required, and missing"
    elif isinstance(value, list) and planned.items is not None:
        for at, each in enumerate(value):
            yield from _loose(planned.items, each, f"{path}[{at}]")


def _type(value: Any) -> str | None:
    if isinstance(value, Unread):
        return value.type
    if isinstance(value, Members):
        return "object"
    return "array" if isinstance(value, list) else _NAMES.get(type(value))


def _fits(kind: str, planned: tuple[str, ...]) -> bool:
    # 2.0 is an integer to JSON Schema, and a number that cannot be read may be one
    return kind in planned or ({kind, *planned} >= {"integer", "number"})


def _dotted(steps: list[str | int]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
