"""What expressions of a Python module are worth, as far as its source tells.

No I/O happens here, and nothing is run: literals, and the module's own constants.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

from .call import DEPTH, NO_MEMBERS, UNREAD, UNREAD_MEMBERS, Members, Unread

#: What calling these gives, by JSON Schema's names.
_MADE = {
    "str": "string", "repr": "string", "int": "integer", "len": "integer", "float": "number",
    "bool": "boolean", "isinstance": "boolean", "list": "array", "sorted": "array",
    "isoformat": "string", "hex": "string", "join": "string", "strip": "string", "lower": "string",
    "upper": "string", "format": "string",
}  # fmt: skip

_BY_NODE: dict[type[ast.expr], str] = {
    ast.JoinedStr: "string", ast.ListComp: "array", ast.SetComp: "array", ast.DictComp: "object",
    ast.Compare: "boolean",
}  # fmt: skip


class Values:
    """Reads expressions of one module; its constants are names that it binds just once."""

    def __init__(self, tree: ast.Module) -> None:
        bound = Counter(
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        bound.update(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg))
        self._constants: dict[str, ast.expr] = {}
        for node in tree.body:
            if isinstance(node, ast.Assign):
                names = [each.id for each in node.targets if isinstance(each, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            else:
                continue
            for name in names:
                if bound[name] == 1 and node.value is not None:
                    self._constants[name] = node.value

    def names(self, node: ast.expr) -> list[str | None]:
        """The names that an expression may stand for; None among them where one cannot be read."""
        if isinstance(node, ast.IfExp):
            return [*self.names(node.body), *self.names(node.orelse)]
        value = self.value(node)
        return [value if isinstance(value, str) else None]

    def members(self, node: ast.expr | None) -> Members:
        """The properties that an argument holds; None and no argument are none."""
        value = {} if node is None else self.value(node)
        if value is None:
            return NO_MEMBERS
        if isinstance(value, Members):
            return value
        return UNREAD_MEMBERS if value else NO_MEMBERS

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        """A value of JSON, Members for a dict, else Unread."""
        if depth > DEPTH:
            return UNREAD
        match node:
            case ast.Constant(value=str() | bool() | int() | float() | None as value):
                return value
            case ast.Name(id=name) if name in self._constants:
                return self.value(self._constants[name], depth + 1)
            case ast.Dict():
                return self._dict(node, depth)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                if any(isinstance(each, ast.Starred) for each in parts):
                    return Unread("array")
                return [self.value(each, depth + 1) for each in parts]
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, operand, depth)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.value(left, depth + 1), self.value(right, depth + 1))
            case ast.Call():
                return self._call(node, depth)
        return Unread(_BY_NODE.get(type(node)))

    def _dict(self, node: ast.Dict, depth: int) -> Members:
        known: dict[str, Any] = {}
        complete = True
        for key, value in zip(node.keys, node.values, strict=True):
            inner = self.value(value, depth + 1)
            if key is None and isinstance(inner, Members):
                known |= inner.known
                complete &= inner.complete
                continue
            name = UNREAD if key is None else self.value(key, depth + 1)
            if isinstance(name, str):
                known[name] = inner
            else:
                complete = False
        return Members(known, complete)

    def _call(self, node: ast.Call, depth: int) -> Any:
        made = node.func
        name = made.id if isinstance(made, ast.Name) else getattr(made, "attr", "")
        if name == "dict" and isinstance(made, ast.Name) and not node.args:
            known = {
                each.arg: self.value(each.value, depth + 1) for each in node.keywords if each.arg
            }
            return Members(known, len(known) == len(node.keywords))
        return Unread(_MADE.get(name))

    def _unary(self, op: ast.unaryop, operand: ast.expr, depth: int) -> Any:
        if isinstance(op, ast.Not):
            return Unread("boolean")
        value = self.value(operand, depth + 1)
        if isinstance(value, int | float) and isinstance(op, ast.USub):
            return -value
        return UNREAD

    def _binary(self, op: ast.operator, left: Any, right: Any) -> Any:
        if isinstance(op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return left + right
        if isinstance(op, ast.BitOr) and isinstance(left, Members) and isinstance(right, Members):
            return Members({**left.known, **right.known}, left.complete and right.complete)
        if isinstance(op, ast.BitOr) and (isinstance(left, Members) or isinstance(right, Members)):
            known = right if isinstance(right, Members) else Members({}, complete=False)
            return Members(known.known, complete=False)
        texts = isinstance(left, str) or left == Unread("string")
        return Unread("string") if isinstance(op, ast.Add | ast.Mod) and texts else UNREAD
