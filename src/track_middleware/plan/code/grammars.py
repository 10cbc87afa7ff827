"""Maintained grammars (tree-sitter's) for the languages that Python cannot read by itself.

No I/O happens here. The grammars are the extra ``plan-code``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from ...errors import PlanError

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

#: Language -> its grammar's module and the function of it.
_GRAMMARS = {
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "swift": ("tree_sitter_swift", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
}


def root(language: str, text: str) -> Node:
    """A file's syntax tree. What is wrong in it are error nodes: the rest can be read.

    PlanError when the grammars are not installed.
    """
    return _parser(language).parse(text.encode(errors="replace")).root_node


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the source; as deep as it may be."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(reversed(each.children))


def text(node: Node) -> str:
    """What stands there."""
    return (node.text or b"").decode(errors="replace")


def place(node: Node, lines: list[bytes]) -> tuple[int, int]:
    """Line and column of a node, from 1, in characters. ``lines`` are the file's."""
    row, column = node.start_point
    before = lines[row][:column] if row < len(lines) else b""
    return row + 1, len(before.decode(errors="ignore")) + 1


def trouble(top: Node) -> list[tuple[int, str]]:
    """The first line that the grammar does not know, as a Source's trouble."""
    if not top.has_error:
        return []
    for node in walk(top):
        if node.is_error or node.is_missing:
            return [
                (node.start_point[0] + 1, "this is not understood; a call near it may be missed")
            ]
    return []


@lru_cache
def _parser(language: str) -> Parser:
    module, function = _GRAMMARS[language]
    try:
        from tree_sitter import Language, Parser

        grammar = getattr(import_module(module), function)
    except ImportError as error:
        wanted = "pip install track-middleware[plan-code]"
        raise PlanError(f"reading {language} wants its grammar: {wanted}") from error
    return Parser(Language(grammar()))
