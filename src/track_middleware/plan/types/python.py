"""Typed calls in Python: one function per event, over ``track``.

No I/O happens here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import Plan
from . import text
from .shape import Field, Function, Record, Type, made, types_of

#: What ``track`` takes besides, as every function here does.
_CALL = {
    "user_id": "str | None",
    "anonymous_id": "str | None",
    "timestamp": "datetime | date | float | str | None",
    "event_id": "str | None",
    "context": "Mapping[str, Any] | None",
}

_PLAIN = {
    "string": "str", "integer": "int", "number": "float | Decimal", "boolean": "bool",
    "object": "Mapping[str, Any]",
}  # fmt: skip
_FORMATS = {"date-time": "str | datetime", "date": "str | date", "uuid": "str | UUID"}

_IMPORTS = {
    "collections.abc": ("Mapping", "Sequence"),
    "datetime": ("date", "datetime"),
    "decimal": ("Decimal",),
    "enum": ("Enum",),
    "typing": ("Any", "Literal", "NotRequired", "TypedDict"),
    "uuid": ("UUID",),
}


def written(plan: Plan, *, platform: str | None = "server") -> str:
    """The module's source."""
    functions = made(plan, "python", platform=platform)
    body = [line for each in functions for line in _function(each)]
    if any("_UNSET" in line for line in body):
        body = [
            "", "", "class _Unset(Enum):", '    """What is not given, where None is null."""', "",
            "    UNSET = 0", "", "", "_UNSET = _Unset.UNSET", *body,
        ]  # fmt: skip
    head = [
        f"# {text.heading(plan)}",
        "# ruff: noqa",
        "# fmt: off",
        '"""Typed calls of the tracking plan: one function per event."""',
        "",
        "from __future__ import annotations",
        "",
        *_imports("\n".join(body)),
        "",
        "from track_middleware import track as _track",
        "",
        "_Properties = dict[str, Any]",
    ]
    return "\n".join([*head, *body]) + "\n"


def _imports(body: str) -> Iterator[str]:
    used = {*re.findall(r"\w+", body), "Any"}
    for module, names in _IMPORTS.items():
        wanted = [name for name in names if name in used]
        if wanted:
            yield f"from {module} import {', '.join(wanted)}"


def _function(function: Function) -> Iterator[str]:
    for type_ in types_of(function.record):
        if type_.record is not None:
            yield from _record(type_.record)
    taken = {field.name for field in function.fields}
    found = {name: name if name not in taken else f"{name}_" for name in _CALL}
    yield from ("", "", f"def {function.name}(", "    *,")
    yield from (f"    {_parameter(field)}," for field in function.fields)
    yield from (f"    {found[name]}: {kind} = None," for name, kind in _CALL.items())
    yield ") -> str | None:"
    yield from _docstring(function)
    required = [field for field in function.fields if field.required]
    yield f"    _sent: _Properties = {{{'' if required else '}'}"
    yield from (f"        {text.python(field.key)}: {field.name}," for field in required)
    yield from ["    }"] if required else []
    for field in function.fields:
        if not field.required:
            unset = "_UNSET" if _may_be_null(field.type) else "None"
            yield f"    if {field.name} is not {unset}:"
            yield f"        _sent[{text.python(field.key)}] = {field.name}"
    yield "    return _track("
    yield f"        {text.python(function.event)},"
    yield "        _sent,"
    yield from (f"        {name}={found[name]}," for name in _CALL)
    yield "    )"


def _parameter(field: Field) -> str:
    kind = _kind(field.type)
    if field.required:
        return f"{field.name}: {kind}"
    if _may_be_null(field.type):
        return f"{field.name}: {kind} | _Unset = _UNSET"
    return f"{field.name}: {kind} | None = None"


def _may_be_null(type_: Type) -> bool:
    return type_.nullable or not type_.kinds


def _kind(type_: Type) -> str:
    if type_.enum and all(isinstance(each, str | int) for each in type_.enum):
        values = [text.python(each) if isinstance(each, str) else repr(each) for each in type_.enum]
        found = [f"Literal[{', '.join(values)}]"]
    else:
        found = [_one(kind, type_) for kind in type_.kinds] or ["Any"]
    return " | ".join([*found, *(["None"] if type_.nullable else [])])


def _one(kind: str, type_: Type) -> str:
    if kind == "array":
        return f"Sequence[{_kind(type_.items) if type_.items is not None else 'Any'}]"
    if kind == "object" and type_.record is not None:
        return type_.record.name
    if kind == "string" and type_.format in _FORMATS:
        return _FORMATS[type_.format]
    return _PLAIN[kind]


def _record(record: Record) -> Iterator[str]:
    yield from ("", "")
    yield from (f"# {line}".rstrip() for line in text.lines(record.about))
    yield f"{record.name} = TypedDict("
    yield f"    {text.python(record.name)},"
    yield "    {"
    for field in record.fields:
        yield from (f"        # {line}".rstrip() for line in text.lines(field.about))
        kind = _kind(field.type)
        kind = kind if field.required else f"NotRequired[{kind}]"
        yield f"        {text.python(field.key)}: {kind},"
    yield from ("    },", ")")


def _docstring(function: Function) -> Iterator[str]:
    told = list(text.lines(function.about)) or [f"Sends {text.one_line(function.event)}."]
    for field in function.fields:
        about = " ".join(text.lines(field.about))
        if about:
            told += ["", f"{field.name}: {about}"]
    first, *others = [line.replace("\\", "\\\\").replace('"', '\\"') for line in told]
    if not others:
        yield f'    """{first}"""'
        return
    yield f'    """{first}'
    yield from (f"    {line}".rstrip() for line in others)
    yield '    """'
