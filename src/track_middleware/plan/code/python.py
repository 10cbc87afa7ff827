"""Reads Python: which calls of our verbs, or of Segment's SDK, a module makes.

No I/O happens here, and nothing is imported or run. A verb is known by where it was imported from;
``request.track``, ``g.track`` and ``request.state.track`` are the exchange.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterator, Mapping

from .call import SHAPES, TYPED, UNREAD_MEMBERS, Call, Shape, Source, short
from .python_values import Values

#: The SDKs of others whose calls are read too: who is meant comes first.
#: (segment.com/docs/connections/sources/catalog/libraries/server/python)
_SDK: Mapping[str, Shape] = {
    "track": (1, 2), "page": (2, 3), "screen": (2, 3), "identify": (None, 1), "group": (None, 2),
}  # fmt: skip
_SDKS = {"segment.analytics", "analytics", "rudderstack.analytics"}
_OURS = {"track_middleware", "track_middleware.verbs"}

#: Who has the exchange under ``.track``, by the last part of its name.
_REQUESTS = {"request", "req", "state", "g"}


def read(text: str) -> Source:
    """The calls of a module. What is not Python, or is nested too deeply, is told as trouble."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong in others' literals is not ours to tell
            tree = ast.parse(text)
        return _Module(tree, text).source()
    except SyntaxError as error:
        return Source(trouble=((error.lineno or 1, f"this is no Python: {error.msg}"),))
    except (RecursionError, MemoryError):
        return Source(trouble=((1, "it is nested too deeply to be read"),))
    except ValueError as error:  # a null byte, in Python 3.11
        return Source(trouble=((1, f"this is no Python: {error}"),))


class _Module:
    def __init__(self, tree: ast.Module, text: str) -> None:
        self._tree = tree
        self._lines = text.split("\n")
        self._values = Values(tree)
        self._typed = TYPED in self._lines[0]
        self._verbs: dict[str, tuple[str, Mapping[str, Shape]]] = {}
        self._modules: dict[str, Mapping[str, Shape]] = {}
        self._exchanges: set[str] = set()
        for node in ast.walk(tree):
            self._bind(node)
        for node in ast.walk(tree):
            self._rebind(node)

    def source(self) -> Source:
        found = [] if self._typed else list(self._calls())
        return Source(
            calls=sorted(found, key=lambda call: (call.line, call.column)),
            functions=frozenset(self._functions()),
            typed=self._typed,
        )

    def _functions(self) -> Iterator[str]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                yield _last(node.func)
                if _last(node.func) == "partial" and node.args:
                    yield _last(node.args[0])

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.ImportFrom) and not node.level:
            self._bind_from(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                shapes = _shapes(alias.name)
                if shapes is not None:
                    self._modules[alias.asname or alias.name] = shapes

    def _bind_from(self, node: ast.ImportFrom) -> None:
        shapes = _shapes(node.module or "")
        for alias in node.names:
            name = alias.asname or alias.name
            inner = _shapes(f"{node.module}.{alias.name}")
            if shapes is not None and alias.name in shapes:
                self._verbs[name] = (alias.name, shapes)
            elif inner is not None:
                self._modules[name] = inner

    def _rebind(self, node: ast.AST) -> None:
        """``record = track`` and ``exchange = request.track``."""
        if not isinstance(node, ast.Assign):
            return
        names = [each.id for each in node.targets if isinstance(each, ast.Name)]
        if self._is_exchange(node.value):
            self._exchanges.update(names)
            return
        verb = self._verb(node.value)
        if verb is not None:
            self._verbs.update(dict.fromkeys(names, verb))

    def _calls(self) -> Iterator[Call]:
        shadowed = _shadowed(self._tree, self._verbs)
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Call):
                continue
            function, arguments, whole = node.func, node.args, True
            if _last(function) == "partial" and arguments:
                function, arguments, whole = arguments[0], arguments[1:], False
            if isinstance(function, ast.Name) and id(function) in shadowed:
                continue
            verb = self._verb(function)
            if verb is not None:
                yield from self._call(node, arguments, *verb, whole=whole)

    def _verb(self, function: ast.expr) -> tuple[str, Mapping[str, Shape]] | None:
        if isinstance(function, ast.Name):
            return self._verbs.get(function.id)
        if not isinstance(function, ast.Attribute):
            return None
        name = function.attr
        shapes = self._modules.get(_dotted(function.value))
        if shapes is None and self._is_exchange(function.value):
            shapes = SHAPES
        if shapes is None and name == "track" and _last(function.value) == "request":
            shapes = SHAPES  # request.track("…"), as if the exchange could be called
        return (name, shapes) if shapes is not None and name in shapes else None

    def _is_exchange(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._exchanges
        return (
            isinstance(node, ast.Attribute)
            and node.attr == "track"
            and _last(node.value) in _REQUESTS
        )

    def _call(
        self,
        node: ast.Call,
        arguments: list[ast.expr],
        verb: str,
        shapes: Mapping[str, Shape],
        *,
        whole: bool,
    ) -> Iterator[Call]:
        at_name, at_properties = shapes[verb]
        keywords = {each.arg: each.value for each in node.keywords if each.arg}
        spread = len(keywords) < len(node.keywords) or any(
            isinstance(each, ast.Starred) for each in arguments
        )
        given = keywords.get("traits" if verb in ("identify", "group") else "properties")
        if given is None and at_properties < len(arguments):
            given = arguments[at_properties]
        later = given is None and not whole
        properties = UNREAD_MEMBERS if spread or later else self._values.members(given)
        line = node.lineno
        column = len(self._lines[line - 1].encode()[: node.col_offset].decode(errors="ignore")) + 1
        if verb != "track" or at_name is None:
            yield Call(verb, None, properties, line, column)
            return
        name = keywords.get("event" if shapes is _SDK else "name")
        if name is None and at_name < len(arguments) and not spread:
            name = arguments[at_name]
        for each in self._values.names(name) if name is not None else [None]:
            said = "" if each is not None or name is None else short(ast.unparse(name))
            yield Call(verb, each, properties, line, column, said=said or "track(…)")


def _shapes(module: str) -> Mapping[str, Shape] | None:
    return SHAPES if module in _OURS else _SDK if module in _SDKS else None


def _last(node: ast.expr) -> str:
    """The last part of a dotted name; "" for what is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*([node.id] if isinstance(node, ast.Name) else ["?"]), *reversed(parts)])


def _shadowed(tree: ast.Module, verbs: Collection[str]) -> set[int]:
    """The names that mean a function's own parameter there, whatever was imported."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            own = node.args
            several = [*own.posonlyargs, *own.args, *own.kwonlyargs]
            names = {each.arg for each in several} | {
                each.arg for each in (own.vararg, own.kwarg) if each is not None
            }
            if not names.isdisjoint(verbs):
                found.update(
                    id(inner)
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Name) and inner.id in names
                )
    return found
