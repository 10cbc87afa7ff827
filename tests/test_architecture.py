"""The house's law, read from the source by ``ast``: imports go down only, files stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "track_middleware"
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}

GROUND = {
    "address",
    "bridge",
    "errors",
    "event",
    "forks",
    "globs",
    "http",
    "patterns",
    "reading",
    "seldom",
    "settings",
    "vendor_cookies",
}
PURE = {"enrichment", "plan", "destinations"}
UPSTAIRS = {"history", "console", "proxy"}
FACES = {"wsgi", "asgi", "flask", "starlette", "django"}

#: Storey -> what of the package it may import beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    **dict.fromkeys(PURE, GROUND),
    "tracking": GROUND | {"enrichment", "plan"},
    "delivery": GROUND | PURE,
}
MAY_IMPORT |= {name: GROUND | PURE | {"tracking", "delivery"} for name in UPSTAIRS}
MAY_IMPORT["dotted"] = MAY_IMPORT["domains"] = GROUND
MAY_IMPORT["errands"] = GROUND
MAY_IMPORT["places"] = GROUND | {"tracking", "delivery"}
MAY_IMPORT["facts"] = GROUND | PURE | {"delivery"}
MAY_IMPORT["console"] = MAY_IMPORT["history"] | {"history", "facts", "metrics", "dotted", "places"}
MAY_IMPORT["serving"] = set()
MAY_IMPORT["trouble"] = GROUND
MAY_IMPORT["stock"] = GROUND | {"tracking"}
SET_UP = {"dotted", "domains", "errands", "places", "serving", "stock", "trouble"}
MAY_IMPORT["wiring"] = GROUND | PURE | UPSTAIRS | SET_UP | {"tracking", "delivery"}
MAY_IMPORT["verbs"] = MAY_IMPORT["wiring"] | {"wiring"}
MAY_IMPORT["testing"] = MAY_IMPORT["verbs"] | {"verbs"}
MAY_IMPORT["pytest_plugin"] = {"testing"}
MAY_IMPORT["doctor"] = MAY_IMPORT["testing"] - {"testing"} | {"facts"}
MAY_IMPORT["metrics"] = GROUND
MAY_IMPORT["cli"] = MAY_IMPORT["doctor"] | {"doctor", "facts", "metrics"}
MAY_IMPORT["demo"] = MAY_IMPORT["doctor"] | {"wsgi"}
MAY_IMPORT["__main__"] = {"cli"}
MAY_IMPORT |= dict.fromkeys(("wsgi", "asgi"), MAY_IMPORT["testing"])
MAY_IMPORT["flask"] = MAY_IMPORT["wsgi"] | {"wsgi", "cli"}
MAY_IMPORT["starlette"] = MAY_IMPORT["asgi"] | {"asgi"}
MAY_IMPORT["django"] = MAY_IMPORT["wsgi"] | {"cli", "doctor"}

FRAMEWORKS = {"django", "flask", "flask_login", "starlette", "fastapi", "werkzeug", "asgiref"}
WAITING = {"asyncio", "multiprocessing", "socket", "sqlite3", "subprocess", "threading", "urllib3"}
CLOCKS = {"random", "secrets", "time"}

#: Storey -> modules from outside that it must not import.
MUST_NOT_IMPORT: dict[str, set[str]] = {
    **{name: FRAMEWORKS for name in MAY_IMPORT if name not in FACES},
    **dict.fromkeys(GROUND | PURE | {"tracking", "metrics"}, FRAMEWORKS | WAITING | CLOCKS),
}

#: Calls that are a clock or chance wherever they stand in the core; there they are given.
CLOCK_CALLS = {"datetime.now", "datetime.utcnow", "date.today", "uuid.uuid1", "uuid.uuid4"}

#: Storey -> calls that it must not make.
MUST_NOT_CALL = {
    **dict.fromkeys(GROUND | PURE, CLOCK_CALLS),
    "tracking": CLOCK_CALLS | {"open", "os.open", "os.urandom", "os.write"},
}

#: The boundaries: where whatever goes wrong is taken, once per face and once in the worker. What
#: the faces do for every page, at its beginning and at its end, takes it by itself: to be called
#: through the boundary would cost each page two calls.
BOUNDARIES = {
    "asgi": 1,
    "asgi.response": 2,
    "django.boundary": 1,
    "django.middleware": 2,
    "flask.site": 1,
    "wsgi": 1,
    "wsgi.boundary": 1,
    "wsgi.response": 1,
    "delivery.enrichers": 1,
    "delivery.guard": 1,
}


def _tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text())


def _storey(module: str) -> str:
    return module.partition(".")[0]


def _imports(module: str) -> Iterator[str]:
    """Full names of what a module imports, typing-only and lazy imports included."""
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, package)


def _from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        above = ["track_middleware", *filter(None, package.split("."))]
        kept = above[: len(above) - node.level + 1]
        base = ".".join([*kept, *filter(None, [node.module])])
    for alias in node.names:
        inner = f"{base}.{alias.name}".removeprefix("track_middleware.")
        is_module = base.startswith("track_middleware") and inner in FILES
        yield f"{base}.{alias.name}" if is_module else base


def _inner(module: str) -> set[str]:
    """The package's own modules that a module imports."""
    names = (n.removeprefix("track_middleware.") for n in _imports(module) if "track_m" in n)
    return {name for name in names if name in FILES and name != module}


@pytest.mark.parametrize("module", FILES)
def test_imports_go_down_only(module):
    storey = _storey(module)
    assert storey in MAY_IMPORT, f"{module} stands on no storey of the house"
    reached = {_storey(name) for name in _inner(module)}
    assert reached <= MAY_IMPORT[storey] | {storey}


@pytest.mark.parametrize("module", FILES)
def test_a_storey_imports_nothing_that_it_must_not(module):
    outside = {name.partition(".")[0] for name in _imports(module)}
    assert not outside & MUST_NOT_IMPORT.get(_storey(module), set())


@pytest.mark.parametrize("module", FILES)
def test_the_core_reads_no_clock_and_opens_nothing(module):
    forbidden = MUST_NOT_CALL.get(_storey(module), set())
    called = {_called(node) for node in ast.walk(_tree(module)) if isinstance(node, ast.Call)}
    assert not called & forbidden


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def test_no_module_imports_itself_through_others():
    graph = {module: _inner(module) for module in FILES}
    while leaves := [module for module, reached in graph.items() if not reached & graph.keys()]:
        for leaf in leaves:
            del graph[leaf]
    assert not graph, f"a cycle among {sorted(graph)}"


@pytest.mark.parametrize("module", FILES)
def test_nobody_takes_what_another_module_keeps_to_itself(module):
    taken = [
        alias.name
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert not taken


@pytest.mark.parametrize("module", sorted(FILES))
def test_a_file_is_at_most_three_hundred_lines(module):
    lines = FILES[module].read_text().count("\n")
    assert lines <= 300


@pytest.mark.parametrize("module", FILES)
def test_everything_is_caught_only_at_a_named_boundary(module):
    blind = [
        node.lineno
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ExceptHandler) and _takes_everything(node.type)
        if not _raises_it_again(node)
    ]
    assert len(blind) <= BOUNDARIES.get(module, 0), f"lines {blind}"


@pytest.mark.parametrize("module", [name for name in BOUNDARIES if _storey(name) in FACES])
def test_what_a_face_takes_is_told(module):
    tree = _tree(module)
    taken = [node for node in ast.walk(tree)
             if isinstance(node, ast.ExceptHandler) and _takes_everything(node.type)
             if not _raises_it_again(node)]  # fmt: skip
    told = [node for node in taken if any(map(_tells, ast.walk(node)))]
    assert told == taken != []


def _tells(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _called(node).endswith("trouble")


def _takes_everything(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_takes_everything, caught.elts))
    return caught is None or (
        isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException")
    )


def _raises_it_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("module", FILES)
def test_a_module_says_first_what_lives_in_it(module):
    tree = _tree(module)
    assert not tree.body or ast.get_docstring(tree), "no docstring"
