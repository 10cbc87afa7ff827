"""What expressions of JavaScript and TypeScript are worth, as far as the source tells.

No I/O happens here, and nothing is run: literals, and the file's own constants.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from . import grammars
from .call import DEPTH, NO_MEMBERS, UNREAD, UNREAD_MEMBERS, Members, Unread
from .grammars import text as said

if TYPE_CHECKING:
    from tree_sitter import Node

#: What only wraps an expression.
_WRAPPED = {
    "parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression",
}  # fmt: skip

_WORDS = {"true": True, "false": False, "null": None}

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_CODE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")


def bare(node: Node) -> Node:
    """An expression without parentheses and type assertions."""
    while node.type in _WRAPPED and node.named_children:
        node = node.named_children[0]
    return node


class Values:
    """Reads expressions of one file; its constants are what ``const`` binds once, at its top."""

    def __init__(self, top: Node) -> None:
        bound: Counter[str] = Counter()
        for node in grammars.walk(top):
            if node.type == "variable_declarator":
                bound[said(node.named_children[0])] += 1
        self._constants: dict[str, Node] = {}
        for node in top.named_children:
            inner = node.child_by_field_name("declaration") if "export" in node.type else node
            if inner is None or inner.type != "lexical_declaration":
                continue
            if said(inner).startswith("const"):
                self._take(inner, bound)

    def _take(self, declaration: Node, bound: Counter[str]) -> None:
        for node in declaration.named_children:
            value = node.child_by_field_name("value")
            if node.type == "variable_declarator" and value is not None:
                name = said(node.named_children[0])
                if bound[name] == 1:
                    self._constants[name] = value

    def names(self, node: Node, depth: int = 0) -> list[str | None]:
        """The names that an expression may stand for; None among them where one cannot be read."""
        node = bare(node)
        branches = [node.child_by_field_name(name) for name in ("consequence", "alternative")]
        if node.type == "ternary_expression" and depth < DEPTH:
            known = [each for each in branches if each is not None]
            return [name for each in known for name in self.names(each, depth + 1)]
        value = self.value(node)
        return [value if isinstance(value, str) else None]

    def members(self, node: Node) -> Members:
        """The properties that an argument holds; ``null`` and ``undefined`` are none."""
        value = self.value(node)
        if value is None or said(node) == "undefined":
            return NO_MEMBERS
        return value if isinstance(value, Members) else UNREAD_MEMBERS

    def attribute(self, node: Node) -> Any:
        """The value of an attribute in JSX, which the page has as text."""
        if len(node.named_children) < 2:
            return ""
        value = node.named_children[1]
        if value.type == "jsx_expression":
            inner = [each for each in value.named_children if each.type != "comment"]
            found = self.value(inner[0]) if inner else UNREAD
            if isinstance(found, str):
                return found
            return str(found) if type(found) is int else Unread("string")
        return self.value(value)

    def value(self, node: Node, depth: int = 0) -> Any:
        """A value of JSON, Members for an object, else Unread."""
        node = bare(node)
        if depth > DEPTH or node.has_error:
            return UNREAD
        kind = node.type
        if kind in ("string", "template_string"):
            return _string(node)
        if kind == "number":
            return _number(said(node))
        if kind in _WORDS:
            return _WORDS[kind]
        if kind == "identifier" and said(node) in self._constants:
            return self.value(self._constants[said(node)], depth + 1)
        if kind == "object":
            return self._object(node, depth)
        if kind == "array":
            parts = [each for each in node.named_children if each.type != "comment"]
            if any(each.type == "spread_element" for each in parts):
                return Unread("array")
            return [self.value(each, depth + 1) for each in parts]
        return self._made(node, depth)

    def _made(self, node: Node, depth: int) -> Any:
        operator = node.child_by_field_name("operator")
        sign = said(operator) if operator is not None else ""
        if node.type == "unary_expression":
            argument = node.child_by_field_name("argument")
            value = self.value(argument, depth + 1) if argument is not None else UNREAD
            if sign == "-" and isinstance(value, int | float) and not isinstance(value, bool):
                return -value
            return Unread({"!": "boolean", "typeof": "string"}.get(sign))
        if node.type == "binary_expression":
            sides = [node.child_by_field_name(name) for name in ("left", "right")]
            left, right = (self.value(each, depth + 1) if each else UNREAD for each in sides)
            if sign == "+" and isinstance(left, str) and isinstance(right, str):
                return left + right
            texts = any(isinstance(each, str) for each in (left, right))
            compared = sign in ("===", "!==", "==", "!=", "<", ">", "<=", ">=")
            return Unread("string" if sign == "+" and texts else "boolean" if compared else None)
        return UNREAD

    def _object(self, node: Node, depth: int) -> Members:
        known: dict[str, Any] = {}
        complete = True
        for each in node.named_children:
            if each.type == "pair":
                key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
                name = self._key(key) if key is not None else None
                if name is None or value is None:
                    complete = False
                else:
                    known[name] = self.value(value, depth + 1)
            elif each.type == "shorthand_property_identifier":
                known[said(each)] = UNREAD
            elif each.type == "spread_element" and each.named_children:
                inner = self.value(each.named_children[0], depth + 1)
                known |= inner.known if isinstance(inner, Members) else {}
                complete &= isinstance(inner, Members) and inner.complete
            elif each.type != "comment":
                complete = False
        return Members(known, complete)

    def _key(self, node: Node) -> str | None:
        if node.type == "string":
            found = _string(node)
            return found if isinstance(found, str) else None
        if node.type == "computed_property_name" and node.named_children:
            value = self.value(node.named_children[0])
            return value if isinstance(value, str) else None
        return said(node) if node.type in ("property_identifier", "number") else None


def _string(node: Node) -> str | Unread:
    made = ""
    for each in node.named_children:
        if each.type == "template_substitution":
            return Unread("string")
        made += _escaped(said(each)) if each.type == "escape_sequence" else said(each)
    return made


def _escaped(sequence: str) -> str:
    coded = _CODE.fullmatch(sequence)
    if coded:
        code = int(next(filter(None, coded.groups())), 16)
        return chr(code) if code < 0x110000 else "\ufffd"
    rest = sequence[1:]
    return "" if rest in ("\n", "\r\n") else _ESCAPES.get(rest, rest)


def _number(written: str) -> Any:
    bare_number = written.replace("_", "")
    try:
        return int(bare_number, 0) if bare_number.isalnum() else float(bare_number)
    except ValueError:
        return Unread("number")
