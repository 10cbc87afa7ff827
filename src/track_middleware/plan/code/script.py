"""Reads JavaScript and TypeScript: calls of our script's verbs and of Segment's SDKs.

No I/O happens here. ``track(…)`` is the page's own function unless the file binds that name itself;
``analytics.track(…)`` is Segment's or RudderStack's library, in the browser or in Node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import grammars
from .call import (
    NO_MEMBERS,
    SHAPES,
    TYPED,
    UNREAD_MEMBERS,
    Call,
    Members,
    Source,
    short,
)  # fmt: skip
from .grammars import text as said
from .script_values import Values, bare

if TYPE_CHECKING:
    from tree_sitter import Node

#: Who is a vendor's library, by the last part of its name.
_SDK = re.compile(r"(?i)\w*analytics|segment|rudder\w*")

#: Whoever imports these is a server.
_NODE = re.compile(r"@segment/analytics-node|analytics-node|rudder-sdk-node")

_WINDOW = {"window", "globalThis", "self"}
_PREFIX = "data-track-"


def read(text: str, *, language: str = "javascript", name: str = "track", line: int = 1) -> Source:
    """The calls of a script. ``name`` is our function's (``client_global``), ``line`` the line at
    which the script begins in its file."""
    return _Script(text, grammars.root(language, text), name=name, line=line).source()


class _Script:
    def __init__(self, text: str, top: Node, *, name: str, line: int) -> None:
        self._top = top
        self._above = line - 1
        self._name = name
        self._lines = text.encode(errors="replace").split(b"\n")
        self._values = Values(top)
        self._typed = TYPED in text.partition("\n")[0]
        self._platform = "server" if _NODE.search(text) else None
        self._own = self._binds_it()

    def source(self) -> Source:
        functions: set[str] = set()
        calls: list[Call] = []
        for node in grammars.walk(self._top):
            if node.type == "call_expression":
                functions.add(_last(node.child_by_field_name("function")))
                if not self._typed:
                    calls.extend(self._call(node))
            elif node.type in ("jsx_opening_element", "jsx_self_closing_element"):
                calls.extend(self._element(node))
        trouble = [(line + self._above, what) for line, what in grammars.trouble(self._top)]
        return Source(calls, frozenset(functions), self._typed, trouble)

    def _place(self, node: Node) -> tuple[int, int]:
        line, column = grammars.place(node, self._lines)
        return line + self._above, column

    def _binds_it(self) -> bool:
        """Whether our function's name means something of the file's own."""
        for node in grammars.walk(self._top):
            if node.type not in ("identifier", "shorthand_property_identifier_pattern"):
                continue
            if said(node) == self._name and _binds(node):
                return True
        return False

    def _call(self, node: Node) -> Iterator[Call]:
        found = self._verb(node.child_by_field_name("function"))
        listed = node.child_by_field_name("arguments")
        if found is None or listed is None:
            return
        verb, ours = found
        if listed.type == "template_string":
            return
        arguments = [each for each in listed.named_children if each.type != "comment"]
        first = self._values.value(arguments[0]) if arguments else None
        if not ours and isinstance(first, Members):
            yield self._message(node, verb, first)
            return
        at_name, at_properties = SHAPES[verb]
        if verb == "identify" and isinstance(first, Members):
            at_properties = 0  # identify(traits)
        properties = NO_MEMBERS
        if any(each.type == "spread_element" for each in arguments):
            arguments, properties = [], UNREAD_MEMBERS
        elif at_properties < len(arguments):
            properties = self._values.members(arguments[at_properties])
        where = self._place(node)
        if verb != "track" or at_name is None:
            yield Call(verb, None, properties, *where, platform=self._platform)
            return
        names = self._values.names(arguments[0]) if arguments else [None]
        stands = short(said(arguments[0])) if arguments else "track(…)"
        for name in names:
            yield Call(verb, name, properties, *where, said=stands, platform=self._platform)

    def _message(self, node: Node, verb: str, message: Members) -> Call:
        """``analytics.track({userId, event, properties})``, as Segment's library for Node takes it.

        (segment.com/docs/connections/sources/catalog/libraries/server/node)
        """
        key = "traits" if verb in ("identify", "group") else "properties"
        told = message.known.get(key, NO_MEMBERS if message.complete else UNREAD_MEMBERS)
        if verb == "identify" and not {"userId", "anonymousId", "traits"} & message.known.keys():
            told = message  # the browser's identify(traits)
        name = message.known.get("event")
        return Call(
            verb,
            name if isinstance(name, str) else None,
            told if isinstance(told, Members) else UNREAD_MEMBERS,
            *self._place(node),
            said=f"{verb}({{…}})",
            platform=self._platform,
        )

    def _verb(self, function: Node | None) -> tuple[str, bool] | None:
        """Which verb a function is, and whether it is ours."""
        if function is None:
            return None
        function = bare(function)
        if function.type == "identifier":
            ours = said(function) == self._name and not self._own
            return ("track", True) if ours else None
        if function.type != "member_expression":
            return None
        verb, whose = _last(function), function.child_by_field_name("object")
        if whose is not None and said(whose) in _WINDOW:
            return ("track", True) if verb == self._name else None
        owner = _last(whose)
        if verb not in SHAPES or not owner or whose is None:
            return None
        if owner == self._name and (bare(whose).type != "identifier" or not self._own):
            return verb, True
        return (verb, False) if _SDK.fullmatch(owner) else None

    def _element(self, node: Node) -> Iterator[Call]:
        """``<a data-track="Name" data-track-order-id={id}>`` in JSX."""
        known: dict[str, object] = {}
        complete, name, found = True, None, False
        for each in node.named_children:
            if each.type == "jsx_expression":  # {...attributes}
                complete = False
            if each.type != "jsx_attribute":
                continue
            key = said(each.named_children[0])
            value = self._values.attribute(each)
            if key == "data-track":
                found, name = True, value if isinstance(value, str) else None
            elif key.startswith(_PREFIX):
                known[key[len(_PREFIX) :].replace("-", "_")] = value
        if found:
            where = self._place(node)
            yield Call("track", name, Members(known, complete), *where, said="data-track")


def _last(node: Node | None) -> str:
    """The last part of a dotted name; "" for what is none."""
    if node is None:
        return ""
    node = bare(node)
    if node.type == "member_expression":
        named = node.child_by_field_name("property")
        return said(named) if named is not None else ""
    return said(node) if node.type in ("identifier", "this") else ""


#: Below these, a name is bound.
_BINDING = {
    "variable_declarator", "function_declaration", "import_specifier", "import_clause",
    "formal_parameters", "required_parameter", "optional_parameter", "object_pattern",
    "namespace_import", "class_declaration", "generator_function_declaration", "array_pattern",
    "arrow_function",
}  # fmt: skip


def _binds(node: Node) -> bool:
    parent = node.parent
    if parent is None or parent.type not in _BINDING:
        return False
    if parent.type in ("variable_declarator", "arrow_function"):
        field = "name" if parent.type == "variable_declarator" else "parameter"
        if parent.child_by_field_name(field) != node:
            return False
        value = parent.child_by_field_name("value")
        if value is not None and re.fullmatch(r"(?:window|globalThis|self)\.\w+", said(value)):
            return False  # const track = window.track
    if parent.type == "required_parameter" and parent.child_by_field_name("pattern") != node:
        return False
    above: Node | None = parent
    while above is not None:
        if above.type == "ambient_declaration":  # declare const track: Track
            return False
        above = above.parent
    return True
