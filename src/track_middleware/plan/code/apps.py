"""Reads Swift and Kotlin: which calls of Segment's stock SDKs an app makes.

No I/O happens here. Swift: ``analytics.track(name: "…", properties: ["…": …])``; Kotlin:
``analytics.track("…", buildJsonObject { put("…", …) })`` and ``mapOf("…" to …)``.
(segment.com/docs/connections/sources/catalog/libraries/mobile, apple and kotlin-android)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import grammars
from .call import (
    DEPTH,
    NO_MEMBERS,
    SHAPES,
    TYPED,
    UNREAD,
    UNREAD_MEMBERS,
    Call,
    Members,
    Source,
    Unread,
    short,
)  # fmt: skip
from .grammars import text as said

if TYPE_CHECKING:
    from tree_sitter import Node

#: Whose calls are read.
_SDK = re.compile(r"(?i)analytics|segment|rudder")

_WORDS = {"true": True, "false": False, "nil": None, "null": None}
_STRINGS = {"line_string_literal", "multi_line_string_literal", "string_literal"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def read(text: str, *, language: str) -> Source:
    """The calls of a file in ``swift`` or ``kotlin``."""
    top = grammars.root(language, text)
    lines = text.encode(errors="replace").split(b"\n")
    typed = TYPED in text.partition("\n")[0]
    calls: list[Call] = []
    functions: set[str] = set()
    for node in grammars.walk(top):
        if node.type == "call_expression" and node.named_children:
            functions.add(_verb_of(node.named_children[0])[0])
            if not typed:
                calls.extend(_call(node, lines))
    return Source(calls, frozenset(functions), typed, grammars.trouble(top))


def _call(node: Node, lines: list[bytes]) -> Iterator[Call]:
    verb, owner = _verb_of(node.named_children[0])
    if verb not in SHAPES or not _SDK.search(owner):
        return
    arguments = _arguments(node)
    plain = [value for label, value in arguments if not label]
    labelled = {label: value for label, value in arguments if label}
    at_name, at_properties = SHAPES[verb]
    properties = labelled.get("properties") or labelled.get("traits")
    if properties is None and at_properties < len(plain) + (1 if "name" in labelled else 0):
        properties = plain[-1]
    members = NO_MEMBERS if properties is None else _members(properties)
    where = grammars.place(node, lines)
    if verb != "track" or at_name is None:
        yield Call(verb, None, members, *where)
        return
    name = labelled.get("name") or (plain[0] if plain else None)
    value = _value(name) if name is not None else None
    stands = short(said(name)) if name is not None else "track(…)"
    yield Call(verb, value if isinstance(value, str) else None, members, *where, said=stands)


def _verb_of(function: Node) -> tuple[str, str]:
    """The last part of what is called, and what stands before it."""
    if function.type != "navigation_expression":
        return said(function).strip("`") if function.type.endswith("identifier") else "", ""
    parts = function.named_children
    last = parts[-1]
    if last.type == "navigation_suffix" and last.named_children:
        last = last.named_children[-1]
    return said(last).strip("`"), said(parts[0])


def _arguments(node: Node) -> list[tuple[str, Node]]:
    """The arguments of a call, each with its label; "" for one without."""
    found: list[tuple[str, Node]] = []
    for part in node.named_children[1:]:
        inner = part.named_children if part.type == "call_suffix" else [part]
        for listed in inner:
            if listed.type == "value_arguments":
                found.extend(map(_argument, _of(listed, "value_argument")))
    return found


def _argument(node: Node) -> tuple[str, Node]:
    parts = [each for each in node.named_children if "comment" not in each.type]
    if len(parts) > 1 and parts[0].type in ("value_argument_label", "identifier"):
        return said(parts[0]), parts[-1]
    return "", parts[-1] if parts else node


def _of(node: Node, kind: str) -> list[Node]:
    return [each for each in node.named_children if each.type == kind]


def _members(node: Node) -> Members:
    value = _value(node)
    if value is None:
        return NO_MEMBERS
    return value if isinstance(value, Members) else UNREAD_MEMBERS


def _value(node: Node, depth: int = 0) -> Any:
    kind = node.type
    if depth > DEPTH or node.has_error:
        return UNREAD
    if kind in _STRINGS:
        return _string(node)
    if kind in ("integer_literal", "number_literal", "real_literal", "float_literal"):
        return _number(said(node))
    if said(node) in _WORDS:
        return _WORDS[said(node)]
    if kind in ("prefix_expression", "unary_expression") and said(node).startswith("-"):
        inner = _value(node.named_children[-1], depth + 1)
        return -inner if isinstance(inner, int | float) and not isinstance(inner, bool) else UNREAD
    if kind == "array_literal":
        return [_value(each, depth + 1) for each in node.named_children]
    if kind == "dictionary_literal":
        parts = [each for each in node.named_children if "comment" not in each.type]
        return _paired(list(zip(parts[::2], parts[1::2], strict=False)), depth)
    if kind == "call_expression" and node.named_children:
        return _built(node, depth)
    return UNREAD


def _built(node: Node, depth: int) -> Any:
    """Kotlin's ``mapOf("a" to 1)``, ``listOf(1)`` and ``buildJsonObject { put("a", 1) }``."""
    made = said(node.named_children[0])
    values = [value for _, value in _arguments(node)]
    if made == "mapOf":
        pairs = [_to(each) for each in values]
        return _paired([each for each in pairs if each], depth, whole=all(pairs))
    if made == "listOf":
        return [_value(each, depth + 1) for each in values]
    if made == "buildJsonObject":
        puts = [each for part in node.named_children[1:] for each in _statements(part)]
        pairs = [_put(each) for each in puts]
        return _paired([each for each in pairs if each], depth, whole=all(pairs))
    return UNREAD


def _to(node: Node) -> tuple[Node, Node] | None:
    parts = node.named_children
    is_pair = node.type == "infix_expression" and len(parts) == 3 and said(parts[1]) == "to"
    return (parts[0], parts[2]) if is_pair else None


def _statements(node: Node) -> list[Node]:
    while node.type in ("annotated_lambda", "lambda_literal", "statements", "call_suffix"):
        inner = [each for each in node.named_children if "comment" not in each.type]
        if len(inner) != 1 or inner[0].type == "call_expression":
            return inner
        node = inner[0]
    return [node]


def _put(node: Node) -> tuple[Node, Node] | None:
    if node.type != "call_expression" or said(node.named_children[0]) != "put":
        return None
    values = [value for _, value in _arguments(node)]
    return (values[0], values[1]) if len(values) == 2 else None


def _paired(pairs: list[tuple[Node, Node]], depth: int, *, whole: bool = True) -> Members:
    known: dict[str, Any] = {}
    for key, value in pairs:
        name = _value(key, depth + 1)
        if isinstance(name, str):
            known[name] = _value(value, depth + 1)
        else:
            whole = False
    return Members(known, whole)


def _string(node: Node) -> str | Unread:
    made = ""
    for each in node.named_children:
        text = said(each)
        if "escape" in each.type:
            made += _ESCAPES.get(text[1:], text[1:])
        elif each.type in ("line_str_text", "multi_line_str_text", "string_content"):
            if text == "$":  # Kotlin's "$name"
                return Unread("string")
            made += text
        else:
            return Unread("string")
    return made


def _number(written: str) -> Any:
    digits = written.replace("_", "").rstrip("fFLuU") if "x" not in written else written
    try:
        return int(digits, 0) if digits.isalnum() else float(digits)
    except ValueError:
        return Unread("number")
