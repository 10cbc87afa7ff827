"""Plans from where they are kept: a Python file or module, YAML or JSON, or another tool's file.

This is the one part of the package's plan that reads: what it is given, and nothing else.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from ..errors import PlanError
from . import document, imports, typed
from .model import Plan

_SUFFIXES = (".py", ".json", ".yaml", ".yml")


def load(path: str | Path) -> Plan:
    """The tracking plan at a path, or in a module of that dotted name.

    ``tracking_plan.py`` (it is imported), a document of our own in JSON or YAML, or, read as
    ``plan import`` does, one of JSON Schema, Segment Protocols or Snowplow Iglu. PlanError when it
    cannot be read, is no plan, or holds a schema that cannot be checked.
    """
    plan = _read(path)
    plan.checker  # noqa: B018  whatever cannot be compiled is told now
    return plan


def _read(path: str | Path) -> Plan:
    file = Path(path)
    if file.suffix not in _SUFFIXES:
        return typed.plan_of(_module(str(path)), name=str(path).rpartition(".")[2])
    if file.suffix == ".py":
        return _run(file)
    found = read_document(file)
    if isinstance(found, dict) and isinstance(found.get("events"), dict):
        return _told(file, found)
    foreign = imports.plan_of(found, name=file.stem)
    if foreign is None:
        raise PlanError(f"{file}: this is no tracking plan: there is no member events, nor is it "
                        "one of JSON Schema, Segment Protocols or Snowplow Iglu")  # fmt: skip
    return foreign


def read_document(file: Path) -> Any:
    """What a JSON or YAML file holds; PlanError when it cannot be read."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise PlanError(f"{file}: it cannot be read: {error.strerror}") from error
    try:
        return _yaml(raw) if file.suffix in (".yaml", ".yml") else msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{file}: {error}") from error


def _yaml(raw: bytes) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise PlanError("YAML wants pyyaml: pip install track-middleware[plan]") from error
    try:
        return yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _told(file: Path, found: dict[str, Any]) -> Plan:
    try:
        return document.read(found, name=file.stem)
    except PlanError as error:
        raise PlanError(f"{file}: {error}") from error


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise PlanError(f"{name!r} is neither a .py, .json or .yaml file nor a module that can be "
                        f"imported: {error}") from error  # fmt: skip


def _run(file: Path) -> Plan:
    """The plan of a Python file: a module that nothing else can import; it can import what lies
    beside it."""
    spec = spec_from_file_location(f"_tracking_plan_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise PlanError(f"{file}: it cannot be read: there is no such file")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where annotations are resolved
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
        return typed.plan_of(module, name=file.stem)
    except (ImportError, SyntaxError, NameError, TypeError, AttributeError, ValueError) as error:
        raise PlanError(f"{file}: it cannot be imported: {error}") from error
    finally:
        sys.path.remove(str(file.parent))
        del sys.modules[spec.name]
